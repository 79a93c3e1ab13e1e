/*
 * Why: a pool is more than its rounds: it belongs to a queue, may be larger than a worker, is read anew after a death,
 * and its rules change while it is played.
 */
#include "buf.h"
#include "match_stage.h"

static void touch(struct worker_harness *h, const char *job, const char *pool, const char *id)
{
    char payload[192];
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"op\":\"touch\",\"pool\":\"%s\",\"id\":\"%s\"}", pool, id);
    send_op(h, job, payload);
}

static void test_match_pool_of_another_queue_is_refused_and_says_whose_it_is(void **state)
{
    struct worker_harness first, second;
    (void)state;
    begin(&first, "mine", "");
    begin(&second, "theirs", "");
    submit(&first, "shared", "m1", "male", "female");
    harness_wait_state(&first, "s-m1", "done");
    submit(&second, "shared", "f1", "female", "male");
    harness_wait_state(&second, "s-f1", "dead");
    AUTO_FREE char *refused = harness_job(&second, "s-f1");
    assert_non_null(strstr(refused, "pool shared belongs to the queue mine"));
    assert_int_equal(pairs("shared"), 0);
    assert_int_equal(waiting("shared"), 1);
    submit(&second, "own", "f2", "female", "male"); /* a refusal harms nobody else */
    harness_wait_state(&second, "s-f2", "done");
    assert_int_equal(waiting("own"), 1);
    assert_int_equal(query("SELECT count(*) FROM stint.match_pool WHERE pool = 'own' AND queue = 'theirs'"), 1);
    harness_say(&second, IPC_STOP, "");
    (void)harness_wait_exit(&second);
    harness_close(&second);
    harness_end_drained(&first);
}

static void test_match_pool_of_before_belongs_to_its_next_queue(void **state)
{
    struct worker_harness h;
    (void)state;
    seed("", "legacy", 3);
    begin(&h, "heir", "");
    submit(&h, "legacy", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    assert_int_equal(pairs("legacy"), 1);
    assert_int_equal(query("SELECT count(*) FROM stint.match_pool WHERE pool = 'legacy' AND queue = 'heir'"), 1);
    check_pairs("legacy");
    harness_end_drained(&h);
}

/* Three pages of people are read, and the one who goes first is found among them. */
static void test_match_cold_worker_reads_all_pages(void **state)
{
    struct worker_harness h;
    (void)state;
    seed("pages", "pages", 12345);
    begin(&h, "pages", "");
    submit(&h, "pages", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    assert_int_equal(query("SELECT count(*) FROM stint.match_pair WHERE pool = 'pages' AND b = 'w012345'"), 1);
    send_op(&h, "c", "{\"v\":1,\"op\":\"cycle\",\"pool\":\"pages\"}");
    harness_wait_state(&h, "c", "done");
    AUTO_FREE char *cycle = harness_job(&h, "c");
    if (!strstr(cycle, "waiting\":12344"))
        fail_msg("%s", cycle);
    check_pairs("pages");
    harness_end_drained(&h);
}

static void test_match_pool_too_large_for_the_worker_is_refused_with_what_to_raise(void **state)
{
    struct worker_harness h;
    (void)state;
    seed("huge", "huge", 6000);
    begin(&h, "huge", "recycle_rss = 2MiB\n[kind.match]\nbackoff = 10ms\n");
    touch(&h, "t", "huge", "w000001");
    harness_wait_state(&h, "t", "dead");
    AUTO_FREE char *why = harness_job(&h, "t");
    assert_non_null(strstr(why, "MEM_LIMIT"));
    assert_non_null(strstr(why, "does not fit this worker"));
    assert_non_null(strstr(why, "recycle_rss"));
    submit(&h, "small", "m1", "male", "female"); /* the worker lives, and other pools are played */
    harness_wait_state(&h, "s-m1", "done");
    harness_end_drained(&h);
}

/* Two who are too far apart in age for the rules of the start; the rules that come later relax at once. */
static void test_match_rules_changed_at_run_time_hold_from_the_next_round_on(void **state)
{
    static const char picky[] =
        "{\"v\":1,\"op\":\"submit\",\"pool\":\"rules\",\"id\":\"%s\",\"gender\":\"%s\",\"seeking\":"
        "[\"any\"],\"age\":%d,\"age_min\":%d,\"age_max\":%d,\"presence_ms\":600000,"
        "\"consent\":{\"relax\":true}}";
    struct worker_harness h;
    char payload[512], ini[2048];
    (void)state;
    begin(&h, "rules", "[match]\nrelax_after = 1h\n");
    (void)snprintf(payload, sizeof payload, picky, "m1", "male", 30, 30, 30);
    send_op(&h, "a", payload);
    harness_wait_state(&h, "a", "done");
    (void)snprintf(payload, sizeof payload, picky, "f1", "female", 31, 31, 31);
    send_op(&h, "b", payload);
    harness_wait_state(&h, "b", "done");
    assert_int_equal(pairs("rules"), 0);
    pid_t pid = h.pid;
    ini_for(ini, "rules",
            "[match]\nrelax_after = 0\nrelax_every = 1h\npolicy = fcfs\n"); /* fcfs: memory is arranged anew */
    harness_reconfigure(&h, ini);
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    for (int i = 0; pairs("rules") == 0; i++) {
        char id[16];
        assert_true(clock_mono_ms() < until);
        (void)snprintf(id, sizeof id, "c%d", i);
        send_op(&h, id, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"rules\"}");
        harness_wait_state(&h, id, "done");
    }
    assert_int_equal(query("SELECT stage FROM stint.match_pair WHERE pool = 'rules'"), 1);
    assert_int_equal(h.pid, pid);
    harness_reconfigure(&h, "[match]\npolicy = nonsense\n"); /* is refused, and the old rules stay */
    submit(&h, "rules", "m2", "male", "female");
    harness_wait_state(&h, "s-m2", "done");
    check_pairs("rules");
    harness_end_drained(&h);
}

/* More people have long gone than a cycle removes: the rounds that follow remove the rest. */
static void test_match_gone_people_are_removed_however_many(void **state)
{
    struct worker_harness h;
    (void)state;
    seed("gone", "gone", 5000);
    (void)query(
        "UPDATE stint.match_ticket SET state = 'gone', body = '{}', changed_ms = 1 WHERE pool = 'gone'; SELECT 0");
    begin(&h, "gone", "");
    send_op(&h, "c", "{\"v\":1,\"op\":\"cycle\",\"pool\":\"gone\"}");
    harness_wait_state(&h, "c", "done");
    assert_int_equal(query("SELECT count(*) FROM stint.match_ticket WHERE pool = 'gone'"), 4000);
    for (int i = 0; i < 3; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "m%d", i);
        submit(&h, "gone", id, "male", "female");
        (void)snprintf(id, sizeof id, "s-m%d", i);
        harness_wait_state(&h, id, "done");
    }
    assert_true(query("SELECT count(*) FROM stint.match_ticket WHERE pool = 'gone' AND state = 'gone'") < 4000);
    assert_int_equal(query("SELECT floor FROM stint.match_pool WHERE pool = 'gone'"), 1);
    harness_end_drained(&h);
}

/* More waits are over than a cycle ends: the next one comes without the regular one, whose key is held for an hour. */
static void test_match_cycle_that_left_expired_people_is_followed_at_once(void **state)
{
    struct worker_harness h;
    char ini[2048];
    (void)state;
    seed("over", "over", 5000);
    (void)query("UPDATE stint.match_ticket SET expires_ms = 1 WHERE pool = 'over'; SELECT 0");
    harness_open(&h, redis.url, "over");
    harness_enqueue(&h,
                    "{\"kind\":\"match\",\"id\":\"regular\",\"delay_ms\":3600000,"
                    "\"unique\":{\"key\":\"match-cycle:over\",\"window_ms\":3600000}}",
                    "{\"v\":1,\"op\":\"cycle\",\"pool\":\"over\"}");
    ini_for(ini, "over", "[match]\nround_deadline = 10m\n");
    harness_start(&h, "match", ini, NULL);
    send_op(&h, "c", "{\"v\":1,\"op\":\"cycle\",\"pool\":\"over\"}");
    harness_wait_state(&h, "c", "done");
    for (uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS; waiting("over") > 0;)
        if (clock_mono_ms() >= until)
            fail_msg("%lld people wait though their time is over", (long long)waiting("over"));
    harness_end_drained(&h);
}

static void publish(struct worker_harness *h, const char *pool, const char *more)
{
    freeReplyObject(harness_cmd(h, "HSET stint:{%s}:stats pool:%s {\"updatedMs\":%lld,\"estimates\":[%s]}", h->queue,
                                pool, (long long)clock_wall_ms(), more));
}

/* The wait model's figure once it is there; the supply's guess before, and where what is published is nonsense. */
static void test_match_estimate_is_the_models_once_it_has_published(void **state)
{
    static const char cells[] =
        "{\"gender\":\"male\",\"seeking\":null,\"p50_s\":70.5,\"p90_s\":300,\"confidence\":\"ok\"},"
        "{\"gender\":\"male\",\"seeking\":[\"other\"],\"p50_s\":90,\"p90_s\":10,\"confidence\":\"ok\"},"
        "{\"gender\":\"male\",\"seeking\":[\"female\"],\"p50_s\":12.5,\"p90_s\":44,\"confidence\":\"low\"}";
    static const struct {
        const char *gender, *seeking, *says;
    } steps[] = {
        {"male", "female", "p50_s\":12.5,"},
        {"male", "other", "p50_s\":70.5,"}, /* its own cell contradicts itself */
        {"nonbinary", "other", "from\":\"supply"},
    };
    struct worker_harness h;
    (void)state;
    begin(&h, "model", "");
    submit(&h, "model", "first", "male", "female");
    harness_wait_state(&h, "s-first", "done");
    AUTO_FREE char *first = harness_job(&h, "s-first");
    assert_non_null(strstr(first, "from\":\"supply"));
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    for (size_t i = 0, tries = 0; i < ARRAY_LEN(steps); tries++) {
        char id[32], job[40];
        (void)snprintf(id, sizeof id, "p%zu", tries);
        (void)snprintf(job, sizeof job, "s-%s", id);
        publish(&h, "model", cells);
        submit(&h, "model", id, steps[i].gender, steps[i].seeking);
        harness_wait_state(&h, job, "done");
        AUTO_FREE char *told = harness_job(&h, job);
        i += strstr(told, steps[i].says) != NULL;
        if (clock_mono_ms() >= until)
            fail_msg("step %zu: %s", i, told);
    }
    publish(&h, "model", "[[["); /* no JSON: the guess again */
    for (int i = 0;; i++) {
        char id[32], job[40];
        (void)snprintf(id, sizeof id, "n%d", i);
        (void)snprintf(job, sizeof job, "s-%s", id);
        submit(&h, "model", id, "male", "female");
        harness_wait_state(&h, job, "done");
        AUTO_FREE char *told = harness_job(&h, job);
        if (strstr(told, "from\":\"supply"))
            break;
        assert_true(clock_mono_ms() < until);
    }
    harness_end_drained(&h);
}

/* All events of a pool's stream without their spaces; the caller frees it. NULL: none. */
static char *told(struct worker_harness *h, const char *pool)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    redisReply *reply = harness_cmd(h, "XRANGE stint:{%s}:match:%s - +", h->queue, pool);
    for (size_t i = 0; i < reply->elements; i++)
        for (const char *c = reply->element[i]->element[1]->element[3]->str; *c; c++)
            assert_int_equal(*c == ' ' ? 0 : buf_add(&out, c, 1), 0); /* one told again has spaces */
    freeReplyObject(reply);
    return out.data;
}

/* Cycles until the stream tells it. */
static void until_told(struct worker_harness *h, const char *pool, const char *what)
{
    static int number;
    char id[32];
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    for (;;) {
        AUTO_FREE char *all = told(h, pool);
        if (all && strstr(all, what))
            return;
        if (clock_mono_ms() >= until)
            fail_msg("%s is not among: %s", what, all ? all : "nothing");
        (void)snprintf(id, sizeof id, "u%d", number++);
        send_op(h, id, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"ends\"}");
        harness_wait_state(h, id, "done");
    }
}

/* A pair of its own in an otherwise unfitting pool. */
static void meet(struct worker_harness *h, int n, char ret_pair[static 64])
{
    char a[16], b[16], job[24], sql[128];
    (void)snprintf(a, sizeof a, "m%d", n);
    (void)snprintf(b, sizeof b, "f%d", n);
    submit(h, "ends", a, "male", "female");
    submit(h, "ends", b, "female", "male");
    for (int i = 0; i < 2; i++) {
        (void)snprintf(job, sizeof job, "s-%s", i ? b : a);
        harness_wait_state(h, job, "done");
    }
    (void)snprintf(sql, sizeof sql, "SELECT id FROM stint.match_pair WHERE pool = 'ends' AND live_a = '%s'", b);
    assert_true(pg_server_query(&pg, sql, ret_pair, 64));
}

static void leave(struct worker_harness *h, const char *id)
{
    char payload[128], job[24];
    (void)snprintf(job, sizeof job, "l-%s", id);
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"op\":\"leave\",\"pool\":\"ends\",\"id\":\"%s\"}", id);
    send_op(h, job, payload);
    harness_wait_state(h, job, "done");
}

/* Whatever ends a wait or a pair is told, and why. */
static void test_match_events_say_why_somebody_is_gone_or_a_pair_ended(void **state)
{
    static const char *const lonely[] = {
        "\"id\":\"q\",\"gender\":\"other\",\"presence_ms\":1000",
        "\"id\":\"e\",\"gender\":\"nonbinary\",\"presence_ms\":600000,\"expires_ms\":1000"};
    static const char *const ends[] = {"\"why\":\"released\"", "\"why\":\"left\"", "\"why\":\"timeout\"",
                                       "\"reason\":\"offline\"", "\"reason\":\"expired\""};
    struct worker_harness h;
    char pair[64], payload[256];
    (void)state;
    begin(&h, "ends", "[match]\npending_release = 1h\n");
    for (size_t i = 0; i < ARRAY_LEN(lonely); i++) {
        (void)snprintf(payload, sizeof payload,
                       "{\"v\":1,\"op\":\"submit\",\"pool\":\"ends\",\"seeking\":[\"unknown\"],\"age\":30,%s}",
                       lonely[i]);
        send_op(&h, i ? "e" : "q", payload);
        harness_wait_state(&h, i ? "e" : "q", "done");
    }
    meet(&h, 1, pair);
    (void)snprintf(payload, sizeof payload,
                   "{\"v\":1,\"op\":\"release\",\"pool\":\"ends\",\"pair\":\"%s\",\"votes\":{}}", pair);
    send_op(&h, "r", payload);
    harness_wait_state(&h, "r", "done");
    leave(&h, "m1");
    leave(&h, "f1");
    meet(&h, 2, pair);
    leave(&h, "m2");
    leave(&h, "f2");
    meet(&h, 3, pair);
    (void)query("UPDATE stint.match_pair SET confirm_by_ms = 1 WHERE pool = 'ends' AND state = 'pending'; SELECT 0");
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        until_told(&h, "ends", ends[i]);
    assert_int_equal(query("SELECT count(*) FROM stint.match_pair WHERE pool = 'ends' AND state = 'released'"), 3);
    check_pairs("ends");
    harness_end_drained(&h);
}

/* The same id again: replaced with its seniority, or refused; both say so. */
static void test_match_same_id_again_is_replaced_or_refused_and_says_so(void **state)
{
    static const char *const policies[] = {"replace", "refuse"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct worker_harness h;
        char ini[64], payload[256];
        (void)snprintf(ini, sizeof ini, "[match]\nduplicate = %s\n", policies[i]);
        begin(&h, policies[i], ini);
        submit(&h, policies[i], "m1", "male", "female");
        harness_wait_state(&h, "s-m1", "done");
        int64_t born = query("SELECT created_ms FROM stint.match_ticket WHERE pool = '%s'", policies[i]);
        (void)snprintf(payload, sizeof payload,
                       "{\"v\":1,\"op\":\"submit\",\"pool\":\"%s\",\"id\":\"m1\",\"gender\":\"male\",\"seeking\":["
                       "\"male\"],\"age\":40}",
                       policies[i]);
        send_op(&h, "again", payload);
        harness_wait_state(&h, "again", "done");
        AUTO_FREE char *said = harness_job(&h, "again");
        assert_non_null(strstr(said, i == 0 ? "replaced\":true" : "\"duplicate\""));
        assert_int_equal(query("SELECT (body->>'age')::int FROM stint.match_ticket WHERE pool = '%s'", policies[i]),
                         i == 0 ? 40 : 25);
        assert_int_equal(query("SELECT created_ms FROM stint.match_ticket WHERE pool = '%s'", policies[i]), born);
        harness_end_drained(&h);
    }
}

/* The touch of somebody in a pair is written: who is released is as present as it says. */
static void test_match_touch_of_a_matched_person_is_kept_for_the_time_after_the_pair(void **state)
{
    static const char *const rows = "SELECT touched_ms FROM stint.match_ticket WHERE pool = 'pair' AND id = '%s'";
    struct worker_harness h;
    char pair[64], payload[192];
    (void)state;
    begin(&h, "pair", "[match]\npending_release = 1h\n");
    submit(&h, "pair", "m1", "male", "female");
    harness_wait_state(&h, "s-m1", "done");
    submit(&h, "pair", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    assert_int_equal(pairs("pair"), 1);
    (void)query("UPDATE stint.match_ticket SET touched_ms = touched_ms - 300000 WHERE pool = 'pair'; SELECT 0");
    int64_t before = query(rows, "m1"), other = query(rows, "f1");
    touch(&h, "t", "pair", "m1");
    harness_wait_state(&h, "t", "done");
    AUTO_FREE char *said = harness_job(&h, "t");
    assert_non_null(strstr(said, "\"matched\""));
    int64_t touched = query(rows, "m1");
    assert_true(touched >= before + 300000);
    assert_int_equal(query(rows, "f1"), other);
    assert_true(pg_server_query(&pg, "SELECT id FROM stint.match_pair WHERE pool = 'pair'", pair, sizeof pair));
    (void)snprintf(payload, sizeof payload,
                   "{\"v\":1,\"op\":\"release\",\"pool\":\"pair\",\"pair\":\"%s\",\"votes\":{}}", pair);
    send_op(&h, "r", payload);
    harness_wait_state(&h, "r", "done");
    assert_int_equal(waiting("pair"), 2);
    assert_int_equal(query(rows, "m1"), touched);
    check_pairs("pair");
    harness_end_drained(&h);
}

/* Who fits no longer with the one who waits longest gets the second-longest, and that one is not passed over. */
static void test_match_second_longest_is_not_starved(void **state)
{
    static const struct {
        const char *id, *blocked, *gets;
    } steps[] = {{"f1", "\"w000003\"", "w000002"}, {"f2", "", "w000003"}, {"f3", "", "w000001"}};
    struct worker_harness h;
    (void)state;
    seed("second", "second", 3);
    begin(&h, "second", "[match]\npending_release = 1h\n");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        char payload[256], got[64], sql[160];
        (void)snprintf(payload, sizeof payload,
                       "{\"v\":1,\"op\":\"submit\",\"pool\":\"second\",\"id\":\"%s\",\"gender\":\"female\","
                       "\"seeking\":[\"male\"],\"age\":25,\"presence_ms\":600000,\"blocked\":[%s]}",
                       steps[i].id, steps[i].blocked);
        send_op(&h, steps[i].id, payload);
        harness_wait_state(&h, steps[i].id, "done");
        (void)snprintf(sql, sizeof sql,
                       "SELECT CASE live_a WHEN '%s' THEN live_b ELSE live_a END FROM stint.match_pair"
                       " WHERE pool = 'second' AND '%s' IN (live_a, live_b)",
                       steps[i].id, steps[i].id);
        assert_true(pg_server_query(&pg, sql, got, sizeof got));
        assert_string_equal(got, steps[i].gets);
    }
    check_pairs("second");
    harness_end_drained(&h);
}

/* A field of that name is in an entry of the feed. */
static bool feed_tells(struct worker_harness *h, const char *name)
{
    bool found = false;
    redisReply *reply = harness_cmd(h, "XRANGE stint:{%s}:feed - +", h->queue);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *fields = reply->element[i]->element[1];
        for (size_t k = 0; k + 1 < fields->elements; k += 2)
            found |= strcmp(fields->element[k]->str, name) == 0;
    }
    freeReplyObject(reply);
    return found;
}

/* Tickets may have been purged that the worker had not read: it reads the pool anew, plays again, and tells of it. */
static void test_match_round_played_again_is_told(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "again", "");
    submit(&h, "again", "m1", "male", "female");
    harness_wait_state(&h, "s-m1", "done");
    assert_false(feed_tells(&h, "conflicts"));
    (void)query("UPDATE stint.match_pool SET floor = 1000000 WHERE pool = 'again'; SELECT 0");
    submit(&h, "again", "f1", "female", "male");
    harness_wait_state(&h, "s-f1", "done");
    assert_true(feed_tells(&h, "conflicts"));
    assert_int_equal(pairs("again"), 1);
    check_pairs("again");
    harness_end_drained(&h);
}

/* A cycle that came too late is counted as done and changes nothing; what people asked for is never too late. */
static void test_match_cycle_too_old_is_stale_and_a_submit_is_not(void **state)
{
    struct worker_harness h;
    char ini[2048];
    (void)state;
    harness_open(&h, redis.url, "stale");
    send_op(&h, "c", "{\"v\":1,\"op\":\"cycle\",\"pool\":\"stale\"}");
    submit(&h, "stale", "m1", "male", "female");
    for (uint64_t until = clock_mono_ms() + 300; clock_mono_ms() < until;) /* they grow old, nobody works */
        (void)query("SELECT 0");
    ini_for(ini, "stale", "[match]\nround_deadline = 100ms\n");
    harness_start(&h, "match", ini, NULL);
    harness_wait_state(&h, "c", "done");
    harness_wait_state(&h, "s-m1", "done");
    AUTO_FREE char *cycle = harness_job(&h, "c");
    assert_non_null(strstr(cycle, "\"stale\""));
    assert_true(feed_tells(&h, "stale"));
    assert_int_equal(waiting("stale"), 1);
    harness_end_drained(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_pool_of_another_queue_is_refused_and_says_whose_it_is),
        cmocka_unit_test(test_match_pool_of_before_belongs_to_its_next_queue),
        cmocka_unit_test(test_match_cold_worker_reads_all_pages),
        cmocka_unit_test(test_match_pool_too_large_for_the_worker_is_refused_with_what_to_raise),
        cmocka_unit_test(test_match_rules_changed_at_run_time_hold_from_the_next_round_on),
        cmocka_unit_test(test_match_gone_people_are_removed_however_many),
        cmocka_unit_test(test_match_cycle_that_left_expired_people_is_followed_at_once),
        cmocka_unit_test(test_match_events_say_why_somebody_is_gone_or_a_pair_ended),
        cmocka_unit_test(test_match_same_id_again_is_replaced_or_refused_and_says_so),
        cmocka_unit_test(test_match_touch_of_a_matched_person_is_kept_for_the_time_after_the_pair),
        cmocka_unit_test(test_match_second_longest_is_not_starved),
        cmocka_unit_test(test_match_round_played_again_is_told),
        cmocka_unit_test(test_match_cycle_too_old_is_stale_and_a_submit_is_not),
        cmocka_unit_test(test_match_estimate_is_the_models_once_it_has_published),
    };
    return cmocka_run_group_tests(tests, open_servers, close_servers);
}
