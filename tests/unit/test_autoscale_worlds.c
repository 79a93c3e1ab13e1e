/*
 * The scaling of a pool lived through in virtual time: jobs arrive by a trace, workers take them, the supervisor of
 * each host looks every two seconds. Waits must be bounded, changes few, and nothing may swing. STINT_SCALE_CSV=FILE
 * writes the daily wave for a plot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "autoscale.h"
#include "load_estimate.h"

#include <math.h>
#include <stdio.h>

enum {
    STEP_MS = 20,
    LOOK_MS = 2000,
    BOOT_MS = 100,
    WORKERS_MAX = 16, /* of a host */
    HOSTS_MAX = 2,
    QUEUE_MAX_JOBS = 65536,
    MINUTE_MS = 60000,
};

struct sim_worker {
    bool there;
    uint64_t ready_ms, busy_until_ms, busy_from_ms;
};

struct sim_host {
    struct sim_worker workers[WORKERS_MAX];
    struct autoscale_state state;
    struct load_service service;
    uint64_t busy_us, runs;
    uint32_t desired, ups, downs;
    uint64_t last_up_ms;
    uint32_t swings; /* a worker goes within two minutes of one that came */
};

struct sim {
    struct sim_host hosts[HOSTS_MAX];
    size_t n_hosts;
    double (*rate)(double t_s); /* arrivals a second */
    double service_s, target_s;
    bool even; /* service times all alike, else exponential */
    uint64_t seed, now_ms;
    int64_t arrived;
    uint64_t queue[QUEUE_MAX_JOBS]; /* times of arrival */
    size_t head, tail;
    struct load_rate rates;
    double next_arrival_s;
    double wait_sum_s, worker_s;
    uint64_t started, late;   /* late: waited for more than twice the target */
    uint32_t lowest, highest; /* workers after the first ten minutes */
    FILE *csv;
};

/* SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine. */
static double draw(struct sim *s)
{
    uint64_t z = (s->seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static void arrive(struct sim *s)
{
    double now_s = (double)s->now_ms / 1e3;
    while (s->next_arrival_s <= now_s) {
        double rate = s->rate(s->next_arrival_s);
        if (s->arrived > 0 || rate > 0) {
            s->queue[s->tail++ % QUEUE_MAX_JOBS] = s->now_ms;
            s->arrived++;
        }
        s->next_arrival_s += rate > 0 ? -log(draw(s)) / rate : 1;
        assert_true(s->tail - s->head < QUEUE_MAX_JOBS);
    }
}

static void work(struct sim *s, struct sim_host *h)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct sim_worker *w = &h->workers[i];
        if (!w->there || w->ready_ms > s->now_ms)
            continue;
        s->worker_s += STEP_MS / 1e3;
        if (w->busy_until_ms != 0 && w->busy_until_ms <= s->now_ms) {
            h->busy_us += (w->busy_until_ms - w->busy_from_ms) * 1000;
            h->runs++;
            w->busy_until_ms = 0;
        }
        if (w->busy_until_ms != 0 || s->head == s->tail)
            continue;
        double waited_s = (double)(s->now_ms - s->queue[s->head++ % QUEUE_MAX_JOBS]) / 1e3;
        double takes_s = s->even ? s->service_s : -log(draw(s)) * s->service_s;
        w->busy_from_ms = s->now_ms;
        w->busy_until_ms = s->now_ms + MAX_OF((uint64_t)(takes_s * 1e3), UINT64_C(1));
        s->wait_sum_s += waited_s;
        s->started++;
        s->late += waited_s > 2 * s->target_s;
    }
}

static void apply(struct sim *s, struct sim_host *h, uint32_t desired)
{
    h->ups += desired > h->desired;
    h->downs += desired < h->desired;
    h->swings += desired < h->desired && s->now_ms - h->last_up_ms < 2 * MINUTE_MS && h->last_up_ms != 0;
    if (desired > h->desired)
        h->last_up_ms = s->now_ms;
    for (size_t i = 0; i < WORKERS_MAX && h->desired < desired; i++) {
        if (h->workers[i].there)
            continue;
        h->workers[i] = (struct sim_worker){.there = true, .ready_ms = s->now_ms + BOOT_MS};
        h->desired++;
    }
    for (size_t i = 0; i < WORKERS_MAX && h->desired > desired; i++) {
        if (!h->workers[i].there || h->workers[i].busy_until_ms != 0)
            continue;
        h->workers[i].there = false; /* an idle one */
        h->desired--;
    }
    assert_int_equal(h->desired, desired);
}

static void note(struct sim *s, struct sim_host *h, uint32_t *ret_ready, uint32_t *ret_idle)
{
    uint32_t running = 0;
    double running_s = 0;
    *ret_ready = *ret_idle = 0;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct sim_worker *w = &h->workers[i];
        if (!w->there || w->ready_ms > s->now_ms)
            continue;
        ++*ret_ready;
        if (w->busy_until_ms == 0) {
            ++*ret_idle;
        } else {
            running++;
            running_s += (double)(s->now_ms - w->busy_from_ms) / 1e3;
        }
    }
    load_service_note(&h->service, h->busy_us, h->runs, running, running_s, s->now_ms);
}

/* What all supervisors do, one after the other; each sees the others as they were. */
static void look(struct sim *s)
{
    struct autoscale_member members[HOSTS_MAX] = {{"a/p", 0, 1, WORKERS_MAX}, {"b/p", 0, 1, WORKERS_MAX}};
    uint32_t ready[HOSTS_MAX], idle[HOSTS_MAX], active = 0;
    struct load_sum sum = {0};
    load_rate_note(&s->rates, s->arrived, s->now_ms);
    for (size_t i = 0; i < s->n_hosts; i++) {
        note(s, &s->hosts[i], &ready[i], &idle[i]);
        struct load_sum own = load_service_sum(&s->hosts[i].service);
        load_sum_add(&sum, &own);
        members[i].workers = s->hosts[i].desired;
        active += ready[i] - idle[i];
    }
    uint32_t wanted[HOSTS_MAX];
    struct autoscale_decision d = {0};
    for (size_t i = 0; i < s->n_hosts; i++) {
        const struct autoscale_view v = {
            .now_ms = s->now_ms,
            .target_s = s->target_s,
            .down_after_s = 60,
            .known = true,
            .load = {.arrivals_per_s = load_rate_per_s(&s->rates),
                     .service_s = load_sum_service_s(&sum),
                     .ready = (double)(s->tail - s->head),
                     .active = active},
            .oldest_s = s->head != s->tail ? (double)(s->now_ms - s->queue[s->head % QUEUE_MAX_JOBS]) / 1e3 : 0,
            .members = members,
            .n_members = s->n_hosts,
            .self = i,
            .desired = s->hosts[i].desired,
            .ready = ready[i],
            .idle = idle[i],
            .max = WORKERS_MAX,
        };
        d = autoscale_decide(&s->hosts[i].state, &v);
        wanted[i] = d.desired;
    }
    uint32_t all = 0;
    for (size_t i = 0; i < s->n_hosts; i++) {
        apply(s, &s->hosts[i], wanted[i]);
        all += wanted[i];
    }
    if (s->now_ms > 10 * MINUTE_MS) {
        s->lowest = s->lowest == 0 ? all : MIN_OF(s->lowest, all);
        s->highest = MAX_OF(s->highest, all);
    }
    if (s->csv != NULL && s->now_ms % 10000 == 0)
        (void)fprintf(s->csv, "%.0f,%.3f,%u,%u,%zu,%.3f\n", (double)s->now_ms / 1e3, s->rate((double)s->now_ms / 1e3),
                      s->hosts[0].desired, d.demand, s->tail - s->head, d.wait_s);
}

static struct sim *sim_new(double (*rate)(double t_s), double service_s, double target_s, size_t n_hosts)
{
    struct sim *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->rate = rate;
    s->service_s = service_s;
    s->target_s = target_s;
    s->n_hosts = n_hosts;
    s->seed = 4711;
    for (size_t i = 0; i < n_hosts; i++)
        apply(s, &s->hosts[i], 1);
    return s;
}

static void sim_run(struct sim *s, uint64_t minutes)
{
    for (uint64_t end_ms = s->now_ms + minutes * MINUTE_MS; s->now_ms < end_ms; s->now_ms += STEP_MS) {
        arrive(s);
        for (size_t i = 0; i < s->n_hosts; i++)
            work(s, &s->hosts[i]);
        if (s->now_ms % LOOK_MS == 0)
            look(s);
    }
}

static uint32_t sim_changes(const struct sim *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->n_hosts; i++)
        n += s->hosts[i].ups + s->hosts[i].downs;
    return n;
}

static void sim_tell(const struct sim *s, const char *what)
{
    print_message("# %s: %llu jobs, mean wait %.2f s, %.2f %% above twice the target, %.1f workers on average, %u to "
                  "%u, %u changes, %u swings\n",
                  what, (unsigned long long)s->started, s->wait_sum_s / (double)s->started,
                  100 * (double)s->late / (double)s->started, s->worker_s / ((double)s->now_ms / 1e3), s->lowest,
                  s->highest, sim_changes(s), s->hosts[0].swings + s->hosts[1].swings);
}

/* Mean wait below the target, at most `late_percent` of the jobs waited for twice as long, at most so many changes. */
static void sim_judge(struct sim *s, const char *what, double late_percent, uint32_t changes, uint32_t swings)
{
    sim_tell(s, what);
    assert_true(s->wait_sum_s / (double)s->started <= s->target_s);
    assert_true(100 * (double)s->late <= late_percent * (double)s->started);
    assert_in_range(sim_changes(s), 1, changes);
    assert_true(s->hosts[0].swings + s->hosts[1].swings <= swings);
    free(s);
}

static double steady(double t_s)
{
    (void)t_s;
    return 4;
}

static double step(double t_s)
{
    return t_s > 600 && t_s < 2400 ? 8 : 1;
}

static double ramp(double t_s)
{
    return 0.5 + 9 * fmin(t_s / 3600, 1);
}

static double wave(double t_s) /* a day in two hours */
{
    return 4 - 3.5 * cos(t_s / 7200 * 2 * 3.14159265358979);
}

static double bursts(double t_s) /* ten seconds of every five minutes */
{
    return fmod(t_s, 300) < 10 ? 20 : 0.2;
}

static double rare(double t_s)
{
    (void)t_s;
    return 0.02;
}

#define WORLD(name, rate, service_s, target_s, hosts, minutes, late_percent, changes, swings)                          \
    static void test_worlds_##name(void **arg)                                                                         \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        struct sim *s = sim_new(rate, service_s, target_s, hosts);                                                     \
        sim_run(s, minutes);                                                                                           \
        sim_judge(s, #name, late_percent, changes, swings);                                                            \
    }
WORLD(steady, steady, 1, 5, 1, 120, 1, 60, 20)
WORLD(step, step, 1, 5, 1, 60, 2, 55, 12)
WORLD(ramp, ramp, 1, 5, 1, 90, 1, 50, 12)
WORLD(bursts, bursts, 1, 10, 1, 60, 2, 110, 14)
WORLD(rare_long_jobs, rare, 120, 10, 1, 240, 5, 80, 6)
WORLD(two_hosts, wave, 1, 5, 2, 240, 1, 130, 30)

static void test_worlds_steady_load_does_not_swing(void **arg)
{
    (void)arg;
    struct sim *s = sim_new(steady, 1, 5, 1);
    sim_run(s, 240);
    sim_tell(s, "steady, for four hours");
    assert_in_range(s->lowest, 5, s->highest); /* four are busy on average, so five at least */
    assert_in_range(s->highest, s->lowest, s->lowest + 4);
    free(s);
}

static void test_worlds_wave(void **arg)
{
    (void)arg;
    struct sim *s = sim_new(wave, 1, 5, 1);
    const char *path = getenv("STINT_SCALE_CSV");
    s->csv = path != NULL ? fopen(path, "we") : NULL;
    sim_run(s, 240);
    if (s->csv != NULL)
        assert_int_equal(fclose(s->csv), 0);
    sim_judge(s, "wave", 1, 160, 40);
}

static void test_worlds_even_service_times(void **arg)
{
    (void)arg;
    struct sim *s = sim_new(wave, 1, 5, 1);
    s->even = true;
    sim_run(s, 120);
    sim_judge(s, "even_service_times", 1, 45, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worlds_steady),    cmocka_unit_test(test_worlds_steady_load_does_not_swing),
        cmocka_unit_test(test_worlds_step),      cmocka_unit_test(test_worlds_ramp),
        cmocka_unit_test(test_worlds_bursts),    cmocka_unit_test(test_worlds_rare_long_jobs),
        cmocka_unit_test(test_worlds_wave),      cmocka_unit_test(test_worlds_even_service_times),
        cmocka_unit_test(test_worlds_two_hosts),
    };
    return cmocka_run_group_tests_name("autoscale_worlds", tests, NULL, NULL);
}
