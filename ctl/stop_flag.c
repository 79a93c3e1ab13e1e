/*
 * stop_flag - see stop_flag.h. System calls under way return EINTR (no SA_RESTART), so that waits end soon.
 */
#include "stop_flag.h"

#include <signal.h>

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
    (void)signo;
    stopped = 1;
}

void stop_flag_watch(void)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGHUP, &sa, NULL);
}

bool stop_flag_is_set(void)
{
    return stopped != 0;
}

int stop_flag_check(struct err *e)
{
    return stopped != 0 ? err_set(e, ERR_CANCELLED, "stopped by a signal") : 0;
}
