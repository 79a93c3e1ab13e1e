/*
 * job_wait - see job_wait.h. Refuses to call a job done that merely disappeared: without a kept status it is reported
 * as gone.
 */
#include "job_wait.h"

#include "dead_advice.h"

#include "clock.h"
#include "job_show.h"
#include "queue_call.h"
#include "queue_rows.h"

#include <poll.h>
#include <stdio.h>

enum { POLL_LEAST_MS = 5, POLL_MOST_MS = 200, AWAY_MOST_MS = 60000, HINT_AFTER_MS = 2000 };

bool job_wait_ended(const char *state)
{
    static const char *const ends[] = {"done", "dead", "cancelled", "expired", "gone"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (strcmp(state, ends[i]) == 0)
            return true;
    return false;
}

static void show_progress(struct session *s, const json_t *job, const char *id)
{
    const json_t *progress = json_object_get(job, "progress");
    if (s->out.live && !s->out.quiet && json_is_object(progress))
        (void)fprintf(s->out.remarks, "\r%s: %lld %% %s\033[K", id, (long long)json_number(progress, "percent", 0),
                      json_text(progress, "message"));
}

static bool is_away(int rc)
{
    return rc == ERR_REDIS_UNAVAILABLE || rc == ERR_TIMED_OUT || rc == ERR_REDIS_REFUSED;
}

static int ask(struct session *s, const char *queue, const char *id, json_t **ret_job, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, "stint_job", queue);
    queue_call_add(&c, id);
    return queue_call_json(&s->stores, &c, ret_job, e);
}

static int report_gone(const char *queue, const char *id, json_t **ret_job, struct err *e)
{
    *ret_job = json_pack("{s:s, s:s, s:s}", "id", id, "queue", queue, "state", "gone");
    return *ret_job != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the job");
}

void job_wait_hint(struct session *s, const char *queue)
{
    json_t *stats = NULL;
    if (s->out.quiet || queue_rows_ask(s, queue, &stats, NULL) < 0)
        return;
    if (json_is_true(json_object_get(stats, "paused")))
        out_remark(&s->out, "queue %s is paused; \"stint queue resume %s\" lets its jobs start", queue, queue);
    else if (json_array_size(json_object_get(stats, "paused_kinds")) > 0)
        out_remark(&s->out, "a kind of queue %s is paused; \"stint queue stats %s\" names it", queue, queue);
    if (json_number(stats, "instances", 0) == 0)
        out_remark(&s->out, "no supervisor serves queue %s: start one (\"stint up\"), or give a pool that queue", queue);
    json_decref(stats);
}

int job_wait_end(struct session *s, const char *queue, const char *id, int64_t timeout_ms, json_t **ret_job,
                 struct err *e)
{
    uint64_t start = clock_mono_ms(), seen_ms = 0;
    char state[32] = "unknown";
    bool hinted = false;
    for (int delay = POLL_LEAST_MS;; delay = MIN_OF(delay * 3 / 2 + 1, POLL_MOST_MS)) {
        json_t *job = NULL;
        int rc = ask(s, queue, id, &job, e);
        uint64_t now = clock_mono_ms();
        if (rc == ERR_NOT_FOUND && seen_ms != 0)
            return report_gone(queue, id, ret_job, e);
        if (rc < 0 && !(is_away(rc) && seen_ms != 0 && now - seen_ms < AWAY_MOST_MS))
            return rc;
        if (rc == 0) {
            seen_ms = now;
            (void)snprintf(state, sizeof state, "%s", json_text(job, "state"));
            if (job_wait_ended(state)) {
                *ret_job = job;
                return 0;
            }
            show_progress(s, job, id);
            json_decref(job);
        }
        if (!hinted && now - start >= HINT_AFTER_MS && strcmp(state, "ready") == 0) {
            hinted = true;
            job_wait_hint(s, queue);
        }
        if (timeout_ms > 0 && now - start >= (uint64_t)timeout_ms)
            return err_set(e, ERR_TIMEOUT,
                           "job %s is still %s after %lld ms; it goes on: \"stint job wait %s\" waits again, "
                           "\"stint job cancel %s\" ends it",
                           id, state, (long long)timeout_ms, id, id);
        (void)poll(NULL, 0, delay);
    }
}

int64_t job_wait_last_error_index(int64_t total)
{
    enum { HALF = 50 };
    return total <= HALF ? total : HALF + 1 + (total - HALF - 1) % HALF;
}

const json_t *job_wait_last_error(const json_t *job)
{
    const json_t *errors = json_object_get(job, "errors");
    size_t n = json_array_size(errors);
    int64_t index = job_wait_last_error_index(json_number(job, "errors_total", (int64_t)n));
    return n > 0 ? json_array_get(errors, MIN_OF((size_t)index, n) - 1) : NULL;
}

char *job_wait_next_step(char out[static NEXT_STEP_MAX], const char *id, const char *kind, const json_t *error)
{
    return dead_advice(out, json_text(error, "code"), json_text(error, "cause"), kind, id);
}

static void print_failure(struct session *s, const json_t *job)
{
    const json_t *error = job_wait_last_error(job);
    const char *id = json_text(job, "id"), *state = json_text(job, "state");
    char step[NEXT_STEP_MAX];
    AUTO_FREE char *message = out_harmless(json_text(error, "message"), strlen(json_text(error, "message")));
    out_tinted(&s->out, TINT_RED, "%s is %s", id, state);
    if (error == NULL)
        return;
    out_line(&s->out, "  cause  %s", json_text(error, "cause"));
    out_line(&s->out, "  code   %s", json_text(error, "code"));
    out_line(&s->out, "  error  %s", message != NULL ? message : "");
    if (strcmp(state, "dead") == 0)
        out_line(&s->out, "  next   %s", job_wait_next_step(step, id, json_text(job, "kind"), error));
}

int job_wait_report(struct session *s, const json_t *job)
{
    const char *state = json_text(job, "state");
    bool done = strcmp(state, "done") == 0, gone = strcmp(state, "gone") == 0;
    if (s->out.live && !s->out.quiet)
        (void)fprintf(s->out.remarks, "\r\033[K");
    if (s->out.json) {
        job_show_print(s, job);
    } else if (gone) {
        out_line(&s->out, "%s has left the queue; its kind keeps no status (kind.NAME.track)", json_text(job, "id"));
    } else if (!done) {
        print_failure(s, job);
    } else {
        const json_t *result = json_object_get(job, "result");
        out_tinted(&s->out, TINT_GREEN, "%s is done", json_text(job, "id"));
        AUTO_FREE char *text = result == NULL ? NULL : json_dumps(result, JSON_INDENT(2) | JSON_ENCODE_ANY);
        if (text != NULL)
            out_line(&s->out, "%s", text);
    }
    return done || gone ? EXIT_DONE : EXIT_FAILED;
}
