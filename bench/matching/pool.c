/*
 * pool - the engine driven and timed; between two measurements the pool is brought back to its size.
 *
 * It refuses to time what a worker does once a round and not a person: PostgreSQL, the feed, results as JSON.
 */
#include "pool.h"

#include "clock.h"
#include "match_op.h"
#include "place.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>

static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct pool_time watch_start(void)
{
    return (struct pool_time){.cpu_ns = cpu_ns(), .wall_ns = clock_mono_ns()};
}

static void watch_stop(struct pool_time *t)
{
    t->wall_ns = clock_mono_ns() - t->wall_ns;
    t->cpu_ns = cpu_ns() - t->cpu_ns;
}

static void must(int rc)
{
    if (rc < 0) {
        (void)fprintf(stderr, "stint-bench-match: %s\n", strerror(-rc));
        abort();
    }
}

static void add_one(struct pool *p)
{
    uint32_t slot;
    struct match_waiter w = people_waiting(&p->people, p->now_ms);
    must(match_index_add(p->ix, &w, &slot));
}

static void take_one(struct pool *p)
{
    struct match_waiter w;
    uint32_t slot = match_index_next(p->ix, people_draw(&p->people, p->size));
    match_index_take(p->ix, slot == MATCH_NO_SLOT ? match_index_next(p->ix, 0) : slot, &w);
    match_waiter_fini(&w);
}

static void settle(struct pool *p)
{
    while (match_index_count(p->ix) < p->size)
        add_one(p);
    while (match_index_count(p->ix) > p->size)
        take_one(p);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void pool_init(struct pool *p, const struct people *people, uint32_t size)
{
    struct conf_match conf = {.preset = "speed",
                              .policy = "greedy",
                              .duplicate = "replace",
                              .presence = 30000,
                              .pending_release = 60000,
                              .round_deadline = 5000,
                              .relax_after = 60000,
                              .relax_every = 30000,
                              .relax_stages = 5,
                              .relax_years = 1,
                              .relax_percent = 10,
                              .relax_regions_stage = 5,
                              .candidates_max = 4096};
    struct err e;
    size_t before = heap_bytes();
    *p = (struct pool){.people = *people, .now_ms = INT64_C(1800000000000), .size = size};
    must(match_rules_load(&p->rules, &conf, &e));
    p->ix = match_index_new(&p->rules);
    if (!p->ix)
        abort();
    struct pool_time t = watch_start();
    settle(p);
    watch_stop(&t);
    p->build_s = (double)t.cpu_ns / 1e9;
    p->person_bytes = (double)(heap_bytes() - before) / size;
    for (int i = 0; i < MATCH_SUPPLY; i++) {
        struct match_waiter w = people_arriving(&p->people, p->now_ms);
        match_supply_add(&p->supply, &w.p, p->now_ms - MATCH_SUPPLY + i);
        match_waiter_fini(&w);
    }
}

void pool_fini(struct pool *p)
{
    match_index_free(p->ix);
    p->ix = NULL;
    (void)malloc_trim(0);
}

struct pool_time pool_arrival(struct pool *p)
{
    struct match_waiter partner = {0}, w = people_arriving(&p->people, ++p->now_ms);
    struct match_found found;
    uint32_t slot;
    struct pool_time t = watch_start();
    w.key_ms = match_supply_key_ms(&p->supply, &p->rules, &w, p->now_ms);
    match_supply_add(&p->supply, &w.p, p->now_ms);
    const struct match_query q = {&w.p, p->now_ms, MATCH_FROM_START, p->rules.candidates_max};
    match_index_best(p->ix, &q, &found);
    t.paired = found.slot != MATCH_NO_SLOT;
    if (t.paired)
        match_index_take(p->ix, found.slot, &partner);
    else
        must(match_index_add(p->ix, &w, &slot));
    watch_stop(&t);
    match_waiter_fini(&w);
    match_waiter_fini(&partner);
    settle(p);
    return t;
}

static void write_payload(const struct match_waiter *w, char *out, size_t size)
{
    double lat, lon;
    place_degrees(w->p.pos, &lat, &lon);
    int n = snprintf(
        out, size,
        "{\"v\":1,\"op\":\"submit\",\"pool\":\"p\",\"id\":\"%s\",\"gender\":\"%s\",\"seeking\":[\"%s\"],\"age\":%u,"
        "\"age_min\":%u,\"age_max\":%u,\"lat\":%.6f,\"lon\":%.6f",
        w->id, gender_name(w->p.gender), w->p.seeking == 1 << GENDER_MALE ? "male" : "female", w->p.age, w->p.age_min,
        w->p.age_max, lat, lon);
    if (w->p.max_chord > 0)
        n += snprintf(out + n, size - (size_t)n, ",\"max_km\":%.3f", place_ground_km((double)w->p.max_chord));
    (void)snprintf(out + n, size - (size_t)n, "}");
}

struct pool_time pool_submit(struct pool *p)
{
    struct match_waiter w = people_arriving(&p->people, ++p->now_ms);
    struct match_round r;
    struct match_op op;
    struct match_reply reply;
    struct err e;
    char payload[1024];
    write_payload(&w, payload, sizeof payload);
    match_waiter_fini(&w);
    struct pool_time t = watch_start();
    must(match_op_parse(payload, strlen(payload), &op, &e));
    must(match_round_init(&r, &p->rules, p->ix, &p->supply, "p", p->now_ms, p->people.next_id));
    must(match_round_apply(&r, &op, 0, p->now_ms, &reply));
    must(match_round_finish(&r));
    t.paired = r.n_pairings > 0;
    match_round_fini(&r);
    match_op_fini(&op);
    watch_stop(&t);
    settle(p);
    return t;
}

struct pool_time pool_cycle(struct pool *p, int64_t passed_ms, struct match_reply *ret_reply, uint32_t *ret_pairs)
{
    struct match_round r;
    struct match_op op = {.type = MATCH_CYCLE, .pool = "p"};
    p->now_ms += passed_ms;
    struct pool_time t = watch_start();
    must(match_round_init(&r, &p->rules, p->ix, &p->supply, "p", p->now_ms, p->people.next_id));
    r.sweep = p->sweep;
    must(match_round_apply(&r, &op, 0, p->now_ms, ret_reply));
    must(match_round_finish(&r));
    p->sweep = r.sweep;
    *ret_pairs = r.n_pairings;
    match_round_fini(&r);
    watch_stop(&t);
    settle(p);
    return t;
}

void pool_expire_some(struct pool *p, uint32_t every)
{
    for (uint32_t slot = match_index_next(p->ix, 0); slot != MATCH_NO_SLOT; slot = match_index_next(p->ix, slot + 1)) {
        struct match_waiter *w = match_index_at(p->ix, slot);
        if (people_draw(&p->people, every) > 0)
            continue;
        w->expires_ms = p->now_ms;
        match_waiter_gone(w);
    }
}
