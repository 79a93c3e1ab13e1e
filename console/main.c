/*
 * stint-console - the web console and its API. Shows queues, jobs, dead letters, match pools and hosts, and does what
 * an operator orders; it never runs a job.
 */
#include "build_info.h"
#include "clock.h"
#include "console_http.h"
#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum { SWEEP_MS = 1000, EXIT_BOOT = 1, EXIT_BAD_USE = 2 };

static struct console console;
static struct conf conf;

static int arguments(int argc, char *argv[], const char **ret_config)
{
    *ret_config = NULL;
    if (argc == 1)
        return 0;
    if (argc == 3 && strcmp(argv[1], "--config") == 0) {
        *ret_config = argv[2];
        return 0;
    }
    (void)fprintf(stderr, "usage: stint-console [--config FILE] | --version\n");
    return -1;
}

static int load(const char *config, struct err *e)
{
    char path[CONF_STR_MAX];
    int rc = conf_find(config, path, e);
    return rc < 0 ? rc : conf_load(&conf, path, e);
}

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* threads made later inherit it */
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Where `stint up` and people find the port that was bound. Only a port nobody could guess is worth failing for. */
static int tell_port(int port, struct err *e)
{
    char path[CONF_STR_MAX + 32], tmp[CONF_STR_MAX + 40];
    (void)snprintf(path, sizeof path, "%s/console.port", conf.supervisor.run_dir);
    (void)snprintf(tmp, sizeof tmp, "%s.new", path);
    FILE *f = fopen(tmp, "we");
    bool ok = f != NULL && fprintf(f, "%d\n", port) > 0;
    ok = f != NULL && fclose(f) == 0 && ok && chmod(tmp, 0644) == 0 && rename(tmp, path) == 0;
    int code = errno;
    if (ok || conf.console.port != 0)
        return 0;
    return err_set_errno(e, code, "cannot write %s, where the console's free port would be told", path);
}

static void run(struct console_http *http, int signal_fd)
{
    struct pollfd p = {.fd = signal_fd, .events = POLLIN};
    while (poll(&p, 1, SWEEP_MS) <= 0 || (p.revents & POLLIN) == 0)
        console_http_sweep(http, clock_mono_ms());
}

int main(int argc, char *argv[])
{
    struct err e = {.code = 0};
    const char *config;
    int listen_fd = -1, port = 0;

    /* 1. arguments */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("stint-console %s (%s)\n", STINT_VERSION, STINT_BUILD) < 0;
    if (arguments(argc, argv, &config) < 0)
        return EXIT_BAD_USE;
    /* 2. configuration, log, signals: before there are threads */
    log_init("console", STDERR_FILENO, LOG_INFO, log_format_by_name("auto", STDERR_FILENO));
    int rc = load(config, &e), signal_fd = open_signals();
    if (rc == 0)
        log_init("console", STDERR_FILENO, (enum log_level)log_level_by_name(conf.supervisor.log_level),
                 log_format_by_name(conf.supervisor.log_format, STDERR_FILENO));
    /* 3. who may ask; the address; the server */
    if (rc == 0)
        rc = console_open(&console, &conf, &e);
    if (rc == 0)
        rc = console_http_listen(conf.console.listen, (int)conf.console.port, &listen_fd, &port, &e);
    struct console_http *http = rc == 0 ? console_http_new(listen_fd, &console, &e) : NULL;
    if (http != NULL)
        rc = tell_port(port, &e);
    /* 4. run until told to stop */
    if (http != NULL && rc == 0) {
        log_info("console", KV_S("listen", conf.console.listen), KV_I("port", port),
                 KV_I("tokens", auth_tokens(console.auth)));
        run(http, signal_fd);
        log_info0("the console stops");
    } else {
        log_error("the console cannot start", KV_S("code", err_name(e.code)), KV_S("why", e.message));
    }
    /* 5. close: requests end before what they use */
    console_http_free(http);
    console_close(&console);
    return http != NULL && rc == 0 ? 0 : EXIT_BOOT;
}
