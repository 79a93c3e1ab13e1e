/*
 * stint-supervisor - keeps pools of workers alive. The order of a start and of an end, and nothing else.
 */
#include "build_info.h"
#include "conf.h"
#include "log.h"
#include "supervisor_log.h"
#include "supervisor_options.h"
#include "supervisor_uv.h"
#include <fcntl.h>
#include <stdio.h>

enum { EXIT_USAGE = 2 };

static struct supervisor supervisor; /* static: its handles must not move, and it is large */

static struct handover_birth birth = {.fd = -1, .listen_fd = -1};

static int fail(const struct err *e)
{
    handover_birth_failed(&birth, e);
    (void)fprintf(stderr, "stint-supervisor: %s\n", e->message);
    return e->code == ERR_BAD_ARGUMENT ? EXIT_USAGE : EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
    struct err e = {0};

    /* 1. arguments */
    struct supervisor_options options;
    if (supervisor_options_read(&options, argc, argv, &e) < 0)
        return fail(&e);
    if (options.help)
        return fputs(supervisor_options_help(), stdout) < 0;
    if (options.version)
        return printf("stint-supervisor %s (%s)\n", STINT_VERSION, STINT_BUILD) < 0;

    /* 2. a successor leaves its parent and learns what it is to carry on */
    if (options.successor_fd >= 0 && handover_birth_open(&birth, options.successor_fd, &e) < 0)
        return fail(&e);
    if (options.hold_fd >= 0)
        (void)fcntl(options.hold_fd, F_SETFD, FD_CLOEXEC);

    /* 3. configuration */
    char path[CONF_STR_MAX];
    struct conf *conf = calloc(1, sizeof *conf);
    if (conf == NULL || conf_find(options.config, path, &e) < 0 || conf_load(conf, path, &e) < 0 ||
        pool_choice_apply(&options.pools, conf, &e) < 0) {
        free(conf);
        return fail(&e);
    }
    if (options.check) {
        free(conf);
        return printf("%s: ok\n", path[0] != '\0' ? path : "defaults and environment") < 0;
    }

    /* 4. log */
    int log_fd = -1;
    if (supervisor_log_open(conf, &log_fd, &e) < 0) {
        free(conf);
        return fail(&e);
    }

    /* 5. control socket, signals, slots, Redis, service manager; the workers */
    supervisor.repro = options.repro;
    supervisor.wrap = options.wrap;
    supervisor.pools = &options.pools;
    supervisor.birth = birth.fd >= 0 ? &birth : NULL;
    supervisor.handover.argc = argc;
    supervisor.handover.argv = argv;
    supervisor.handover.hold_fd = options.hold_fd;
    int rc = supervisor_open(&supervisor, conf, log_fd, &e);

    /* 6. run, until drained */
    if (rc == 0) {
        supervisor_run(&supervisor);
    } else {
        log_error("cannot start", KV_S("error", e.message));
        handover_birth_failed(&birth, &e);
    }

    /* 7. close */
    supervisor_close(&supervisor);
    handover_birth_close(&birth);
    if (rc == 0)
        log_info0("stopped");
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
