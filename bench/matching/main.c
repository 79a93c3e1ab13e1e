/*
 * stint-bench-match - how long the engine takes, in memory, on one thread; bench/match orders the pools.
 *
 * Prints one JSON line a pool: microseconds at the 50th, 99th and 99.9th percentile.
 */
#include "pool.h"

#include <getopt.h>
#include <stdio.h>

static const char USAGE[] = "usage: stint-bench-match times|submits|cycles [--mix "
                            "balanced|lopsided|strangers|excluded] [--people N] [--calls N]\n"
                            "                         [--narrow] [--city] [--relax] [--expire EVERY] [--seed S]\n"
                            "  times    somebody arrives: key, search, commit in memory      submits    the same from "
                            "the payload on, as a round of one\n"
                            "  cycles   the passing of 5 s, with one in EVERY people expired before each\n";

struct arguments {
    struct people people;
    uint32_t size, calls, expire;
};

static bool arguments_read(struct arguments *a, int argc, char *argv[])
{
    static const struct option options[] = {
        {"mix", 1, NULL, 'm'},    {"people", 1, NULL, 'p'}, {"calls", 1, NULL, 'c'},
        {"narrow", 0, NULL, 'n'}, {"city", 0, NULL, 'y'},   {"relax", 0, NULL, 'r'},
        {"expire", 1, NULL, 'e'}, {"seed", 1, NULL, 's'},   {NULL, 0, NULL, 0},
    };
    *a = (struct arguments){.people = {.random = 1}, .size = 10000, .calls = 20000};
    int mix = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'm':
            mix = people_mix_find(optarg);
            break;
        case 'p':
            a->size = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            a->calls = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            a->people.narrow = true;
            break;
        case 'y':
            a->people.city = true;
            break;
        case 'r':
            a->people.relax = true;
            break;
        case 'e':
            a->expire = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            a->people.random = strtoull(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    a->people.mix = mix < 0 ? PEOPLE_BALANCED : (enum people_mix)mix;
    return mix >= 0 && optind == argc && a->size >= 2 && a->size <= MATCH_WAITING_MAX && a->calls > 0;
}

static int by_size(const void *pa, const void *pb)
{
    const uint64_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

/* The value that `share` of the n sorted values do not exceed, in µs. */
static double at_share(const uint64_t ns[], uint32_t n, double share)
{
    uint32_t i = (uint32_t)(share * n);
    return (double)ns[MIN_OF(i, n - 1)] / 1000;
}

static void emit(const char *what, const struct arguments *a, const struct pool *p, uint64_t wall[], uint64_t cpu[],
                 double paired)
{
    qsort(wall, a->calls, sizeof wall[0], by_size);
    qsort(cpu, a->calls, sizeof cpu[0], by_size);
    (void)printf(
        "{\"what\":\"%s\",\"people\":%u,\"mix\":\"%s\",\"tastes\":\"%s\",\"places\":\"%s\",\"calls\":%u,\"paired\":%."
        "4f,"
        "\"cpu_p50\":%.1f,\"cpu_p99\":%.1f,\"cpu_p999\":%.1f,\"wall_p50\":%.1f,\"wall_p99\":%.1f,\"wall_p999\":%.1f,"
        "\"build_s\":%.3f,\"person_bytes\":%.0f}\n",
        what, a->size, people_mix_name(a->people.mix), a->people.narrow ? "narrow" : "wide",
        a->people.city ? "city" : "spread", a->calls, paired / a->calls, at_share(cpu, a->calls, .5),
        at_share(cpu, a->calls, .99), at_share(cpu, a->calls, .999), at_share(wall, a->calls, .5),
        at_share(wall, a->calls, .99), at_share(wall, a->calls, .999), p->build_s, p->person_bytes);
}

int main(int argc, char *argv[])
{
    struct arguments a;
    struct pool p;
    const char *mode = argc > 1 ? argv[1] : "";
    bool cycles = strcmp(mode, "cycles") == 0, submits = strcmp(mode, "submits") == 0;
    if ((!cycles && !submits && strcmp(mode, "times") != 0) || !arguments_read(&a, argc - 1, argv + 1)) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    pool_init(&p, &a.people, a.size);
    uint64_t *wall = calloc(a.calls, sizeof *wall), *cpu = calloc(a.calls, sizeof *cpu);
    double paired = 0;
    for (uint32_t i = 0; wall && cpu && i < a.calls; i++) {
        struct match_reply reply;
        uint32_t pairs = 0;
        if (cycles && a.expire)
            pool_expire_some(&p, a.expire);
        struct pool_time t = cycles    ? pool_cycle(&p, 5000, &reply, &pairs)
                             : submits ? pool_submit(&p)
                                       : pool_arrival(&p);
        wall[i] = t.wall_ns;
        cpu[i] = t.cpu_ns;
        paired += cycles ? pairs : t.paired;
    }
    emit(mode, &a, &p, wall, cpu, paired);
    free(wall);
    free(cpu);
    pool_fini(&p);
    return 0;
}
