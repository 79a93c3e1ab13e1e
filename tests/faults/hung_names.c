/*
 * hung_names - a name server that never answers, for every process it is preloaded into (LD_PRELOAD).
 *
 * Why: what a look-up that hangs costs a whole program must be tested without touching this host's resolver. Refuses to answer
 * anybody.
 */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    (void)name;
    (void)service;
    (void)hints;
    (void)found;
    for (;;)
        (void)pause();
}
