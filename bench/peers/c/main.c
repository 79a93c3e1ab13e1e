/*
 * stint-bench-peer - produces jobs for one system, or is a worker of it; bench/run orders them.
 */
#include "peer.h"

#include <errno.h>
#include <stdio.h>

static double number(const char *text, double least, double most, const char *what)
{
    char *end;
    double value = strtod(text, &end);
    errno = 0;
    if (*end != '\0' || !(value >= least) || value > most)
        peer_give_up(what);
    return value;
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*run)(const struct peer_order *order);
    } systems[] = {{"ceiling", peer_ceiling},
                   {"stint", peer_stint},
                   {"stint-plain", peer_stint_plain},
                   {"beanstalkd", peer_beanstalkd}};
    if (argc != 7) {
        fprintf(
            stderr,
            "usage: stint-bench-peer ceiling|stint|stint-plain|beanstalkd bulk|single|pipelined|pace|calm|work ADDRESS "
            "JOBS BYTES RATE; "
            "see bench/README.md\n");
        return 2;
    }
    struct peer_order order = {.mode = argv[2], .address = argv[3]};
    order.jobs = (long)number(argv[4], 1, 1e8, "JOBS is a number from 1 to 100000000");
    order.bytes = (size_t)number(argv[5], 32, PEER_BODY_MAX - 1, "BYTES is a number from 32 to 1048575");
    order.rate = number(argv[6], 0.01, 1e7, "RATE is a number of jobs a second from 0.01 to 10000000");
    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        if (strcmp(argv[1], systems[i].name) == 0) {
            systems[i].run(&order);
            return 0;
        }
    peer_give_up("a system is ceiling, stint, stint-plain or beanstalkd");
}
