/* What a counter of a queue's moves looks like before its first count, and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "metrics_text.h"

#include <stdio.h>

enum { PAGE_MAX = 1 << 20 };

/* Whether the page of one queue with this one counter has the line. known: Redis has told the queue's numbers once. */
static bool page_has(const char *line, const char *move, int64_t value, bool known)
{
    struct metrics_snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct queue_stats *queue = calloc(1, sizeof *queue);
    struct buf page;
    struct metrics_writer w = {.out = &page};
    char json[] = "{}";
    buf_init(&page, PAGE_MAX);
    assert_non_null(snapshot);
    assert_non_null(queue);
    *queue = (struct queue_stats){.queue = "q", .json = known ? json : NULL, .n_counters = known};
    queue->counters[0].value = value;
    (void)snprintf(queue->counters[0].name, sizeof queue->counters[0].name, "%s", move);
    snapshot->queues = queue;
    snapshot->n_queues = 1;
    metrics_text(&w, snapshot);
    metrics_end(&w);
    assert_false(page.failed);
    bool has = strstr(page.data, line) != NULL;
    buf_fini(&page);
    free(queue);
    free(snapshot);
    return has;
}

static void test_metrics_text_a_watched_move_is_told_before_the_first(void **arg)
{
    (void)arg;
    assert_true(page_has("stint_queue_moves_total{queue=\"q\",move=\"died\"} 0\n", "done", 3, true));
    assert_true(page_has("stint_queue_moves_total{queue=\"q\",move=\"done\"} 3\n", "done", 3, true));
}

static void test_metrics_text_a_move_is_told_once(void **arg)
{
    (void)arg;
    assert_true(page_has("stint_queue_moves_total{queue=\"q\",move=\"died\"} 7\n", "died", 7, true));
    assert_false(page_has("stint_queue_moves_total{queue=\"q\",move=\"died\"} 0\n", "died", 7, true));
}

static void test_metrics_text_a_queue_never_read_has_no_moves(void **arg)
{
    (void)arg;
    assert_false(page_has("stint_queue_moves_total{", "died", 7, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_text_a_watched_move_is_told_before_the_first),
        cmocka_unit_test(test_metrics_text_a_move_is_told_once),
        cmocka_unit_test(test_metrics_text_a_queue_never_read_has_no_moves),
    };
    return cmocka_run_group_tests_name("metrics_text", tests, NULL, NULL);
}
