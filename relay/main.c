/*
 * stint-relay - moves rows between Redis and PostgreSQL. Started by stint-supervisor only.
 */
#include "build_info.h"
#include "ipc.h"
#include "log.h"
#include "relay.h"
#include "relay_boot.h"
#include "relay_link.h"

#include <stdio.h>

static struct relay relay;

int main(int argc, char *argv[])
{
    struct err e = {0};
    const char *instance;

    /* 1. arguments */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("stint-relay %s (%s)\n", STINT_VERSION, STINT_BUILD) < 0;
    /* 2. only the descriptors a supervisor gives */
    if (relay_boot_arguments(argc, argv, &instance, &e) < 0 || relay_boot_descriptors(&e) < 0) {
        (void)fprintf(stderr, "stint-relay: %s\n", e.message);
        return WORKER_EXIT_BOOT;
    }
    /* 3. signals, 4. configuration, log */
    int rc = relay_link_init();
    if (rc < 0)
        (void)err_set_errno(&e, -rc, "cannot listen for signals");
    relay_boot_log(NULL, instance);
    if (rc == 0)
        rc = relay_open(&relay, instance, &e);
    if (rc < 0) {
        (void)ipc_send(WORKER_FD_CONTROL, IPC_BOOT_FAILED, e.message);
        log_error("the relay cannot start", KV_S("code", err_name(e.code)), KV_S("why", e.message));
        relay_close(&relay);
        return WORKER_EXIT_BOOT;
    }
    relay_boot_log(relay.conf, instance);
    /* 5. run, until told to stop */
    int code = relay_run(&relay);
    /* 6. close: gives the locks back */
    relay_close(&relay);
    return code;
}
