/*
 * verb_match - `stint match submit|leave`: tickets in and out of a pool. Looking at pools is verb_match_status.c.
 */
#include "enqueue_bulk.h"
#include "job_send.h"
#include "job_wait.h"
#include "match_payload.h"
#include "match_person_options.h"
#include "queue_call.h"
#include "verb.h"

#include <stdio.h>

enum { ANSWER_WAIT_MS = 30000 };

const struct arg_spec verb_match_submit_options[] = {
    {"pool", ARG_TEXT, "POOL", "pool of people matched with one another", NULL, 1, 64},
    {"id", ARG_TEXT, "ID", "the ticket's id, 1 to 128 of A-Z a-z 0-9 . _ : @ -", NULL, 1, 128},
    MATCH_PERSON_OPTIONS,
    {"level", ARG_INT, "N", "for presets that match levels", NULL, -1000, 1000},
    {"blocked", ARG_LIST, "ID,ID", "never these tickets", NULL, 0, 0},
    {"recent", ARG_LIST, "ID,ID", "not these tickets again", NULL, 0, 0},
    {"fairness", ARG_INT, "N", "points for a rejected yes", NULL, 0, 1000},
    {"presence", ARG_DURATION, "30s", "gone when not touched for so long", NULL, 1000, INT64_C(2592000000)},
    {"expires", ARG_DURATION, "1h", "longest wait", NULL, 1000, INT64_C(2592000000)},
    {"relax", ARG_FLAG, NULL, "consents to wider age and distance after a while", NULL, 0, 0},
    {"notify", ARG_FLAG, NULL, "consents to being told when the estimate changes", NULL, 0, 0},
    {"no-wait", ARG_FLAG, NULL, "do not wait for the answer of the round; with --bulk: of any", NULL, 0, 0},
    {"bulk", ARG_TEXT, "FILE|-", "a ticket a line, as JSON; --pool fills in a missing pool", NULL, 1, 4095},
    {"from-line", ARG_INT, "N", "with --bulk: begin at this line", NULL, 1, INT64_C(1) << 40},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

static void print_pairs(struct session *s, const json_t *result)
{
    const json_t *pairs = json_object_get(result, "pairs");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i), *tickets = json_object_get(pair, "tickets");
        const json_t *a = json_array_get(tickets, 0), *b = json_array_get(tickets, 1);
        char wait_a[32], wait_b[32];
        out_tinted(&s->out, TINT_GREEN, "matched: %s (waited %s) with %s (waited %s), pair %s", json_text(a, "id"),
                   out_ms(wait_a, json_number(a, "wait_ms", -1)), json_text(b, "id"),
                   out_ms(wait_b, json_number(b, "wait_ms", -1)), json_text(pair, "pair"));
    }
}

static void print_answer(struct session *s, const json_t *result)
{
    const json_t *queued = json_object_get(result, "queued"), *dropped = json_object_get(result, "dropped");
    print_pairs(s, result);
    if (json_is_object(queued)) {
        const json_t *estimate = json_object_get(queued, "estimate");
        char p50[32], p90[32];
        out_line(&s->out, "%s waits at position %lld (%s)", json_text(queued, "id"),
                 (long long)json_number(queued, "position", 0), json_text(queued, "reason"));
        out_line(&s->out, "estimate: half within %s, nine in ten within %s; confidence %s",
                 out_ms(p50, (int64_t)(json_number_value(json_object_get(estimate, "p50_s")) * 1000)),
                 out_ms(p90, (int64_t)(json_number_value(json_object_get(estimate, "p90_s")) * 1000)),
                 json_text(estimate, "confidence"));
    }
    for (size_t i = 0; i < json_array_size(dropped); i++)
        out_tinted(&s->out, TINT_YELLOW, "%s dropped: %s", json_text(json_array_get(dropped, i), "id"),
                   json_text(json_array_get(dropped, i), "reason"));
    if (*json_text(result, "state") != '\0')
        out_line(&s->out, "%s %s", json_text(result, "id"), json_text(result, "state"));
}

/* Sends the payload and, unless told not to, tells what the round said. Returns the exit code. */
static int send_and_tell(struct session *s, const json_t *payload)
{
    struct err e = {.code = 0};
    char queue[QUEUE_MAX], id[JOB_ID_MAX];
    json_t *job = NULL;
    int rc = job_send(s, "match", payload, queue, id, &e);
    if (rc == 0 && args_has(&s->args, "no-wait")) {
        json_t *record = json_pack("{s:s, s:s}", "id", id, "queue", queue);
        if (s->out.json)
            out_json(&s->out, record);
        out_line(&s->out, "job %s in queue %s", id, queue);
        json_decref(record);
        return EXIT_DONE;
    }
    if (rc == 0)
        rc = job_wait_end(s, queue, id, ANSWER_WAIT_MS, &job, &e);
    if (rc < 0)
        return session_fail(s, &e);
    const json_t *result = json_object_get(job, "result");
    bool plain = !s->out.json && strcmp(json_text(job, "state"), "done") == 0 && json_is_object(result);
    int code = plain ? EXIT_DONE : job_wait_report(s, job);
    if (plain)
        print_answer(s, result);
    if (json_array_size(json_object_get(result, "dropped")) > 0)
        code = EXIT_REFUSED;
    json_decref(job);
    return code;
}

/* What the rounds said of many tickets. */
struct answers {
    struct session *s;
    size_t matched, waiting, dropped;
    char example[160]; /* a dropped ticket and why */
};

static void take_answer(void *arg, const char *id, const char *state, const json_t *result)
{
    struct answers *a = arg;
    const json_t *dropped = json_array_get(json_object_get(result, "dropped"), 0);
    if (a->s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:O*}", "id", id, "state", state, "result", result);
        out_json(&a->s->out, record);
        json_decref(record);
    }
    if (dropped != NULL && a->dropped++ == 0)
        (void)snprintf(a->example, sizeof a->example, "%.64s: %.64s", json_text(dropped, "id"),
                       json_text(dropped, "reason"));
    else if (json_is_object(json_object_get(result, "queued")))
        a->waiting++;
    else if (json_array_size(json_object_get(result, "pairs")) > 0)
        a->matched++;
}

/* Sends a file of tickets and, unless told not to, tells what their rounds said. Returns the exit code. */
static int submit_file(struct session *s, const char *path)
{
    struct err e = {.code = 0};
    struct answers answers = {.s = s};
    struct job_wait_many wait = {.results = true, .on_end = take_answer, .arg = &answers};
    bool waits = !args_has(&s->args, "no-wait");
    int code = enqueue_bulk_run(s, path, match_payload_from_line, waits ? &wait : NULL);
    int rc = wait.n > 0 ? job_wait_many_run(s, &wait, 0, ANSWER_WAIT_MS, &e) : 0;
    if (rc < 0) {
        code = session_fail(s, &e);
    } else if (wait.n > 0) {
        if (job_wait_many_report(s, &wait) != EXIT_DONE)
            code = EXIT_FAILED;
        out_line(&s->out, "%zu matched at once, %zu wait, %zu dropped%s%s", answers.matched, answers.waiting,
                 answers.dropped, answers.dropped > 0 ? ", the first " : "", answers.example);
    }
    job_wait_many_fini(&wait);
    return code == EXIT_DONE && answers.dropped > 0 ? EXIT_REFUSED : code;
}

int verb_match_submit(struct session *s)
{
    struct err e = {.code = 0};
    json_t *payload = NULL;
    const char *bulk = args_text(&s->args, "bulk", NULL);
    if (bulk != NULL)
        return submit_file(s, bulk);
    if (match_payload_from_args(&s->args, &payload, &e) < 0)
        return session_fail(s, &e);
    int code = send_and_tell(s, payload);
    json_decref(payload);
    return code;
}

const struct arg_spec verb_match_leave_options[] = {
    {"pool", ARG_TEXT, "POOL", "the pool (required)", NULL, 1, 64},
    {"disconnected", ARG_FLAG, NULL, "may come back within the grace", NULL, 0, 0},
    {"no-wait", ARG_FLAG, NULL, "do not wait for the answer of the round", NULL, 0, 0},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

int verb_match_leave(struct session *s)
{
    struct err e = {.code = 0};
    const char *pool = args_text(&s->args, "pool", NULL);
    if (pool == NULL) {
        (void)err_set(&e, ERR_BAD_ARGUMENT, "--pool is missing: which pool to leave");
        return session_fail(s, &e);
    }
    json_t *payload =
        json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "op", "leave", "pool", pool, "id", args_positional(&s->args, 0));
    if (args_has(&s->args, "disconnected"))
        (void)json_object_set_new(payload, "disconnected", json_true());
    int code = send_and_tell(s, payload);
    json_decref(payload);
    return code == EXIT_REFUSED ? EXIT_DONE : code; /* the ticket is dropped: that is what leaving means */
}
