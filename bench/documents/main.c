/*
 * stint-bench-pdf - one measurement a call; bench/pdf orders them and prints the table.
 */
#include "bench_cell.h"
#include "bench_process.h"

#include <getopt.h>
#include <stdio.h>

static const char USAGE[] =
    "usage: stint-bench-pdf cell [--subject S] [--document D] [--pages N] [--seconds T] [--least N] [--expect X] [--workers N] [--pin] FILE\n"
    "       stint-bench-pdf process [--subject S] [--document D] [--pages N] [--seconds T] [--least N] -- PROGRAM ARGUMENT…\n"
    "       stint-bench-pdf long [--expect X] [--count N] [--every N] FILE\n";

struct arguments {
    struct samples_plan plan;
    struct bench_cell cell;
    size_t count, every;
};

static bool arguments_read(struct arguments *a, int argc, char *argv[])
{
    static const struct option options[] = {
        {"subject", 1, NULL, 's'}, {"document", 1, NULL, 'd'}, {"pages", 1, NULL, 'p'}, {"seconds", 1, NULL, 't'}, {"least", 1, NULL, 'l'},
        {"expect", 1, NULL, 'e'},  {"workers", 1, NULL, 'w'},  {"pin", 0, NULL, 'c'},   {"count", 1, NULL, 'n'},   {"every", 1, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    *a = (struct arguments){.plan = {.subject = "cell", .document = "document", .pages = 1, .seconds = 1, .least = 1},
                            .cell = {.expect = "auto", .workers = 1}, .count = 100000, .every = 10000};
    for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;)
        switch (c) {
        case 's': a->plan.subject = optarg; break;
        case 'd': a->plan.document = optarg; break;
        case 'p': a->plan.pages = (unsigned)strtoul(optarg, NULL, 10); break;
        case 't': a->plan.seconds = strtod(optarg, NULL); break;
        case 'l': a->plan.least = strtoul(optarg, NULL, 10); break;
        case 'e': a->cell.expect = optarg; break;
        case 'w': a->cell.workers = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'c': a->cell.pin = true; break;
        case 'n': a->count = strtoul(optarg, NULL, 10); break;
        case 'v': a->every = strtoul(optarg, NULL, 10); break;
        default: return false;
        }
    return optind < argc && a->cell.workers >= 1 && a->cell.workers <= BENCH_WORKERS_MAX && a->every > 0;
}

int main(int argc, char *argv[])
{
    struct arguments a;
    struct samples s;
    const char *mode = argc > 1 ? argv[1] : "";
    if (argc < 2 || !arguments_read(&a, argc - 1, argv + 1)) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    char **rest = argv + 1 + optind;
    a.cell.path = rest[0];
    samples_init(&s);
    if (strcmp(mode, "long") == 0) {
        bench_cell_long(&a.cell, a.count, a.every);
        return 0;
    }
    if (strcmp(mode, "cell") == 0) {
        bench_cell_run(&a.cell, &a.plan, &s);
    } else if (strcmp(mode, "process") == 0) {
        bench_process_run(rest, &a.plan, &s);
    } else {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    samples_emit(&s, &a.plan);
    samples_free(&s);
    return 0;
}
