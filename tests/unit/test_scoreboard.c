/* Readers get whole copies while a writer writes, and are told when a writer died in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scoreboard.h"

#include <pthread.h>
#include <stdio.h>

static struct scoreboard *board;
static int board_fd;

static int set_up(void **arg)
{
    (void)arg;
    return scoreboard_new(&board, &board_fd);
}

static int tear_down(void **arg)
{
    (void)arg;
    scoreboard_free(board);
    base_close_fd(&board_fd);
    return 0;
}

static void test_score_read_published_state_is_seen_through_another_map(void **arg)
{
    (void)arg;
    struct scoreboard *other;
    struct score_now now = {.phase = PHASE_RUN, .running = 1, .epoch = 7, .entry = "1-0", .job_id = "j"}, seen;
    assert_int_equal(scoreboard_map(board_fd, &other), 0);
    score_publish(&board->cells[3], &now);
    assert_true(score_read(&other->cells[3], &seen));
    assert_int_equal(seen.phase, PHASE_RUN);
    assert_int_equal(seen.epoch, 7);
    assert_string_equal(seen.entry, "1-0");
    scoreboard_free(other);
}

static void test_scoreboard_map_other_file_is_refused(void **arg)
{
    (void)arg;
    struct scoreboard *other = NULL;
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(scoreboard_map(fileno(f), &other), -EBADMSG);
    assert_int_equal(ftruncate(fileno(f), sizeof(struct scoreboard)), 0);
    assert_int_equal(scoreboard_map(fileno(f), &other), -EBADMSG);
    assert_null(other);
    (void)fclose(f);
}

static void test_scoreboard_new_cannot_be_shrunk(void **arg)
{
    (void)arg;
    assert_int_equal(ftruncate(board_fd, 0), -1);
}

/* Every field is made from one number, so that a copy of two states shows. */
static void fill(struct score_now *now, uint64_t n)
{
    *now = (struct score_now){.phase = PHASE_RUN, .running = 1, .since_ms = n, .epoch = n, .hard_deadline_ms = n};
    (void)snprintf(now->entry, sizeof now->entry, "%llu-0", (unsigned long long)n);
    (void)snprintf(now->trace, sizeof now->trace, "%llu", (unsigned long long)n);
}

static void *write_states(void *arg)
{
    _Atomic bool *stop = arg;
    struct score_now now;
    for (uint64_t n = 1; !atomic_load(stop); n++) {
        fill(&now, n);
        score_publish(&board->cells[0], &now);
    }
    return NULL;
}

static void test_score_read_concurrent_writer_copies_are_whole(void **arg)
{
    (void)arg;
    _Atomic bool stop = false;
    pthread_t writer;
    struct score_now seen, want;
    fill(&seen, 0);
    score_publish(&board->cells[0], &seen);
    assert_int_equal(pthread_create(&writer, NULL, write_states, &stop), 0);
    uint64_t last = 0;
    size_t whole = 0;
    for (int i = 0; i < 20000; i++) {
        if (!score_read(&board->cells[0], &seen))
            continue;
        fill(&want, seen.epoch);
        assert_memory_equal(&seen, &want, sizeof seen);
        assert_true(seen.epoch >= last);
        last = seen.epoch;
        whole++;
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_true(whole > 100);
}

static void test_score_read_writer_died_in_the_middle_says_so(void **arg)
{
    (void)arg;
    struct score_now now = {.phase = PHASE_IDLE}, seen;
    struct score_cell *cell = &board->cells[1];
    atomic_store(&cell->seq, 5);
    memset(cell->now.entry, 'x', sizeof cell->now.entry);
    assert_false(score_read(cell, &seen));
    assert_int_equal(strlen(seen.entry), sizeof seen.entry - 1);
    score_publish(cell, &now); /* its successor */
    assert_true(score_read(cell, &seen));
    assert_int_equal(seen.phase, PHASE_IDLE);
}

static void test_score_kind_same_name_same_row_until_full(void **arg)
{
    (void)arg;
    struct score_cell *cell = &board->cells[2];
    struct score_kind *a = score_kind(cell, "probe");
    assert_non_null(a);
    assert_ptr_equal(score_kind(cell, "probe"), a);
    assert_ptr_not_equal(score_kind(cell, "probe2"), a);
    for (int i = 2; i < SCORE_KIND_MAX; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "kind-%d", i);
        assert_non_null(score_kind(cell, name));
    }
    assert_null(score_kind(cell, "one-too-many"));
    assert_ptr_equal(score_kind(cell, "probe"), a);
}

static void test_score_observe_borders_fall_in_their_bucket(void **arg)
{
    (void)arg;
    struct score_kind *k = score_kind(&board->cells[4], "probe");
    score_observe(&k->run_us_sum, k->run_count, 0);
    score_observe(&k->run_us_sum, k->run_count, 1000);
    score_observe(&k->run_us_sum, k->run_count, 1001);
    score_observe(&k->run_us_sum, k->run_count, UINT64_C(300001000));
    assert_int_equal(k->run_count[0], 2);
    assert_int_equal(k->run_count[1], 1);
    assert_int_equal(k->run_count[SCORE_BUCKETS - 1], 1);
    assert_int_equal(k->run_us_sum, UINT64_C(300003001));
}

static void test_score_restart_causes_beyond_the_rows_are_other(void **arg)
{
    (void)arg;
    struct score_pool *pool = score_pool(board, "pdf");
    assert_ptr_equal(score_pool(board, "pdf"), pool);
    assert_ptr_not_equal(score_pool(board, "match"), pool);
    for (int i = 0; i < SCORE_CAUSE_MAX + 5; i++) {
        char cause[32];
        (void)snprintf(cause, sizeof cause, "signal:%d", i);
        score_restart(pool, cause);
        score_restart(pool, cause);
    }
    assert_string_equal(pool->restarts[0].cause, "signal:0");
    assert_int_equal(pool->restarts[0].count, 2);
    assert_string_equal(pool->restarts[SCORE_CAUSE_MAX - 1].cause, "other");
    assert_int_equal(pool->restarts[SCORE_CAUSE_MAX - 1].count, 12);
}

static void test_phase_name_impossible_number_is_unknown(void **arg)
{
    (void)arg;
    assert_string_equal(phase_name(PHASE_AWAY), "away");
    assert_string_equal(phase_name((enum worker_phase)99), "unknown");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_score_read_published_state_is_seen_through_another_map),
        T(test_scoreboard_map_other_file_is_refused),
        T(test_scoreboard_new_cannot_be_shrunk),
        T(test_score_read_concurrent_writer_copies_are_whole),
        T(test_score_read_writer_died_in_the_middle_says_so),
        T(test_score_kind_same_name_same_row_until_full),
        T(test_score_observe_borders_fall_in_their_bucket),
        T(test_score_restart_causes_beyond_the_rows_are_other),
        T(test_phase_name_impossible_number_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
