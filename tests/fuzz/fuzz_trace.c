/*
 * fuzz_trace - any bytes as a trace: refused with a message that names the line, or played to sound outcomes.
 */
#include "virtual_time.h"

#include <sys/mman.h>
#include <stdio.h>

enum { PLAYED_MS = 600000, SIZE_MAX_BYTES = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_match settings = {.preset = "speed",
                                           .policy = "greedy",
                                           .duplicate = "replace",
                                           .relax_after = 60000,
                                           .relax_every = 30000,
                                           .relax_stages = 5,
                                           .relax_years = 1,
                                           .relax_percent = 10,
                                           .round_deadline = 30000,
                                           .candidates_max = 4096};

static void check(const struct trace *t, const struct replay_result *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        const struct replay_outcome *o = &r->outcomes[i];
        bool matched = o->end == REPLAY_MATCHED;
        if (o->wait_ms < 0 || matched != (o->partner != REPLAY_NOBODY) ||
            (matched && r->outcomes[o->partner].partner != i) || r->n != t->n_persons)
            abort();
    }
}

static void play(const struct trace *t)
{
    struct err e = {0};
    struct replay_result r;
    struct replay_options o = {.refresh_ms = 60000, .seed = 1, .again_ms = 60000, .would = true};
    if (replay_rules(&settings, t->seed % 2 ? "fcfs" : "greedy", &o.rules, &e) < 0)
        abort();
    if (replay_run(t, &o, &r, &e) < 0) {
        if (e.code != ERR_OUT_OF_MEMORY)
            abort();
        return;
    }
    check(t, &r);
    replay_result_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct trace t;
    struct err e = {0};
    if (size > SIZE_MAX_BYTES)
        return 0;
    AUTO_CLOSE int fd = memfd_create("trace", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (trace_read(path, &t, &e) < 0) {
        if (e.message[0] == '\0')
            abort();
        return 0;
    }
    if (t.horizon_ms <= PLAYED_MS)
        play(&t);
    trace_fini(&t);
    return 0;
}
