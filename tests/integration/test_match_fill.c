/*
 * Why: a pool may be too large to be read within one job's time, or for the worker at all. The slices are ended here by
 * hand, so that no clock decides what the test sees. Refuses to: play rounds.
 */
#include "match_fill.h"
#include "match_stage.h"

enum { PEOPLE = 12345, DEADLINE_MS = 90000 };

struct reader {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct conf conf;
    struct match_rules rules;
    struct worker_ctx ctx;
    struct match_caches caches;
    struct pg_conn *conn;
    struct match_fill fill;
    enum match_fill_end how;
    struct err why;
    int steps, want; /* callbacks there were; how many are awaited */
};

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened within %d ms", DEADLINE_MS);
}

static void step(struct reader *r)
{
    r->steps++;
    uv_stop(&r->loop);
}

static void await(struct reader *r)
{
    r->want++;
    (void)uv_timer_start(&r->deadline, on_deadline, DEADLINE_MS, 0);
    while (r->steps < r->want)
        (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    (void)uv_timer_stop(&r->deadline);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct reader *r = arg;
    if (conn == NULL)
        fail_msg("%s", e->message);
    r->conn = conn;
    step(r);
}

static void on_closed(void *arg)
{
    step(arg);
}

static void on_end(void *arg, enum match_fill_end how, const struct err *e)
{
    struct reader *r = arg;
    r->how = how;
    r->why = e ? *e : (struct err){0};
    step(r);
}

static struct reader *reader_open(void)
{
    struct reader *r = calloc(1, sizeof *r);
    char ini[2048], path[] = "/tmp/stint-fill-XXXXXX";
    struct err e = {0};
    assert_non_null(r);
    ini_for(ini, "fill", "");
    AUTO_CLOSE int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ini, strlen(ini)), (ssize_t)strlen(ini));
    if (conf_load(&r->conf, path, &e) < 0)
        fail_msg("%s", e.message);
    (void)unlink(path);
    assert_int_equal(match_rules_load(&r->rules, &r->conf.match, &e), 0);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    (void)uv_timer_init(&r->loop, &r->deadline);
    r->ctx = (struct worker_ctx){.loop = &r->loop, .conf = &r->conf, .queue = "fill", .pool = "match"};
    r->ctx.pg = pg_pool_new(&r->loop, &r->conf.postgres, "stint-test");
    assert_non_null(r->ctx.pg);
    pg_pool_acquire(r->ctx.pg, on_conn, r);
    await(r);
    return r;
}

static void reader_close(struct reader *r)
{
    match_caches_fini(&r->caches);
    pg_pool_release(r->ctx.pg, r->conn);
    pg_pool_close(r->ctx.pg, on_closed, r);
    await(r);
    uv_close((uv_handle_t *)&r->deadline, NULL);
    while (uv_run(&r->loop, UV_RUN_DEFAULT) != 0)
        ;
    assert_int_equal(uv_loop_close(&r->loop), 0);
    free(r);
}

/* One fill whose slice of time is over with its first page, or lasts. */
static void fill(struct reader *r, struct match_cache *cache, bool short_slice)
{
    match_fill_start(&r->fill, &r->ctx, &r->rules, cache, r->conn, on_end, r);
    r->fill.until_ms = short_slice ? 0 : UINT64_MAX;
    await(r);
}

static void test_fill_goes_on_behind_the_slice_before(void **state)
{
    static const uint32_t read[] = {5000, 10000, PEOPLE};
    struct reader *r = reader_open();
    struct match_cache *cache = match_cache_of(&r->caches, "fill");
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(read); i++) {
        bool last = i + 1 == ARRAY_LEN(read);
        fill(r, cache, true);
        assert_int_equal(r->how, last ? MATCH_FILL_WARM : MATCH_FILL_LEFT);
        assert_int_equal(cache->warm, last);
        assert_int_equal(match_index_count(cache->ix), read[i]);
    }
    static const char *const ids[] = {"w000001", "w005000", "w005001", "w010000", "w010001", "w012345"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_int_not_equal(match_index_find(cache->ix, ids[i]), MATCH_NO_SLOT);
    reader_close(r);
}

static void test_fill_reads_all_pages_in_one_slice_that_lasts(void **state)
{
    struct reader *r = reader_open();
    struct match_cache *cache = match_cache_of(&r->caches, "fill");
    (void)state;
    fill(r, cache, false);
    assert_int_equal(r->how, MATCH_FILL_WARM);
    assert_int_equal(match_index_count(cache->ix), PEOPLE);
    reader_close(r);
}

/* What was read before it no longer fitted is given up, and the cache can be filled again. */
static void test_fill_that_does_not_fit_is_refused_by_name_and_leaves_the_cache_cold(void **state)
{
    struct reader *r = reader_open();
    struct match_cache *cache = match_cache_of(&r->caches, "fill");
    (void)state;
    fill(r, cache, true);
    assert_int_equal(r->how, MATCH_FILL_LEFT);
    match_fill_start(&r->fill, &r->ctx, &r->rules, cache, r->conn, on_end, r);
    r->fill.resident_max = 1;
    await(r);
    assert_int_equal(r->how, MATCH_FILL_FAILED);
    assert_int_equal(r->why.code, ERR_MEM_LIMIT);
    assert_non_null(strstr(r->why.message, "match pool fill does not fit this worker: with 5000 people"));
    assert_non_null(strstr(r->why.message, "raise recycle_rss and memory of [pool.match]"));
    assert_false(cache->warm);
    assert_null(cache->ix);
    fill(r, cache, false);
    assert_int_equal(r->how, MATCH_FILL_WARM);
    assert_int_equal(match_index_count(cache->ix), PEOPLE);
    reader_close(r);
}

static int open_pool(void **state)
{
    if (open_servers(state) != 0)
        return -1;
    seed("fill", "fill", PEOPLE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_goes_on_behind_the_slice_before),
        cmocka_unit_test(test_fill_reads_all_pages_in_one_slice_that_lasts),
        cmocka_unit_test(test_fill_that_does_not_fit_is_refused_by_name_and_leaves_the_cache_cold),
    };
    return cmocka_run_group_tests(tests, open_pool, close_servers);
}
