/*
 * stint-supervisor - keeps pools of workers alive. The order of a start and of an end, and nothing else.
 */
#include "build_info.h"
#include "conf.h"
#include "log.h"
#include "supervisor_log.h"
#include "supervisor_options.h"
#include "supervisor_uv.h"
#include <stdio.h>

enum { EXIT_USAGE = 2 };

static struct supervisor supervisor; /* static: its handles must not move, and it is large */

static int fail(const struct err *e)
{
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

    /* 2. configuration */
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

    /* 3. log */
    int log_fd = -1;
    if (supervisor_log_open(conf, &log_fd, &e) < 0) {
        free(conf);
        return fail(&e);
    }

    /* 4. control socket, signals, slots, Redis, service manager; the workers */
    supervisor.repro = options.repro;
    supervisor.wrap = options.wrap;
    supervisor.pools = &options.pools;
    int rc = supervisor_open(&supervisor, conf, log_fd, &e);

    /* 5. run, until drained */
    if (rc == 0)
        supervisor_run(&supervisor);
    else
        log_error("cannot start", KV_S("error", e.message));

    /* 6. close */
    supervisor_close(&supervisor);
    if (rc == 0)
        log_info0("stopped");
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
