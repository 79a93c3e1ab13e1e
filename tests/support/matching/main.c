/*
 * stint-match-fuzz - random events on the engine and on a slow, obvious reference: stint-match-fuzz [--events N]
 * [--seed S]
 *
 * Exit 0: no difference. 1: one, named with seed and event. 2: usage.
 */
#include "drive.h"

#include <stdio.h>
#include <time.h>

int main(int argc, char *argv[])
{
    uint64_t events = 300000, seed = (uint64_t)time(NULL);
    struct drive_totals t;
    for (int i = 1; i < argc; i += 2) {
        char *end = NULL;
        uint64_t value = i + 1 < argc ? strtoull(argv[i + 1], &end, 10) : 0;
        bool number = end && end != argv[i + 1] && *end == '\0';
        if (number && strcmp(argv[i], "--events") == 0 && value > 0) {
            events = value;
        } else if (number && strcmp(argv[i], "--seed") == 0) {
            seed = value;
        } else {
            (void)fputs("usage: stint-match-fuzz [--events N] [--seed S]\n", stderr);
            return 2;
        }
    }
    bool same = drive(seed, events, &t);
    (void)printf("seed %llu: %llu events in %llu rounds, %llu submits (%llu refused), %llu pairs (%llu relaxed, %llu "
                 "gained by max), "
                 "%llu confirmed, %llu released, %llu expired, %llu caches rebuilt: %s\n",
                 (unsigned long long)seed, (unsigned long long)t.events, (unsigned long long)t.rounds,
                 (unsigned long long)t.submits, (unsigned long long)t.refused, (unsigned long long)t.pairs,
                 (unsigned long long)t.relaxed, (unsigned long long)t.augmented, (unsigned long long)t.confirmed,
                 (unsigned long long)t.released, (unsigned long long)t.expired, (unsigned long long)t.rebuilt,
                 same ? "no difference" : "DIFFERENT");
    return same ? 0 : 1;
}
