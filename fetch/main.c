/*
 * stint-fetch - one per worker that needs it: fetches documents over HTTP and HTTPS into memory files.
 *
 * Started by a worker with a socket at FETCHER_FD; refuses to run by hand. Reads no configuration, knows no password.
 */
#include "build_info.h"
#include "fetcher.h"
#include "fetcher_walls.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char *argv[])
{
    if (argc > 1) {
        bool version = strcmp(argv[1], "--version") == 0;
        (void)printf(version ? "stint-fetch %s (%s)\n" : "stint-fetch: started by stint-worker; takes no argument but --version\n",
                     STINT_VERSION, STINT_BUILD);
        return version ? 0 : 2;
    }
    struct err e = {0};
    struct fetcher_policy policy;
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(FETCHER_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) {
        (void)fprintf(stderr, "stint-fetch: is started by stint-worker, with a socket at descriptor %d\n", FETCHER_FD);
        return 2;
    }
    (void)fcntl(FETCHER_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a memory file past its limit is a failed write, no death */
    int rc = fetcher_policy_read(FETCHER_FD, &policy, &e);
    if (rc == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        rc = err_set(&e, ERR_BOOT_FAILURE, "fetch: libcurl does not start");
    if (rc == 0)
        rc = fetcher_walls(policy.ca_file, &e);
    if (rc == 0)
        rc = fetcher_serve(FETCHER_FD, &policy, &e);
    if (rc < 0)
        fetcher_boot_failed(FETCHER_FD, e.message);
    return rc < 0;
}
