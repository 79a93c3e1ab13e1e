/*
 * api_jobs - jobs of a queue, one job whole, and cancelled. Refuses to send what a payload calls a password.
 */
#include "api.h"

#include "dead_advice.h"
#include "dead_archived.h"
#include "job_pages.h"
#include "keys.h"
#include "payload_edit.h"
#include "queue_call.h"

#include <stdio.h>

enum { TEXT_SHOWN_MAX = 2000, JOBS_LIMIT = 50 };

int api_jobs_list(struct request *r, struct reply *p, struct err *e)
{
    const char *queue, *state, *band, *after = request_query(r, "after");
    int64_t limit;
    json_t *page = NULL;
    int rc = request_queue(r, &queue, e);
    if (rc == 0)
        rc = request_word(r, "state", "ready|active|scheduled", "ready", &state, e);
    if (rc == 0)
        rc = request_word(r, "band", "express|high|normal|low|large", NULL, &band, e);
    if (rc == 0)
        rc = request_number(r, "limit", 1, REQUEST_LIMIT_MAX, JOBS_LIMIT, &limit, e);
    if (rc == 0)
        rc = job_pages_read(r, queue, state, band, after != NULL ? after : "", (size_t)limit, &page, e);
    if (rc == 0)
        reply_json(p, 200, page);
    return rc;
}

/* A payload is a text; as JSON it is shown as what it is, without what it calls a secret. */
static void present(json_t *job, const char *key)
{
    const json_t *text = json_object_get(job, key);
    if (text == NULL)
        return;
    json_t *value = json_is_string(text) ? json_loadb(json_string_value(text), json_string_length(text),
                                                      JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
                                         : json_incref((json_t *)(uintptr_t)text);
    json_t *shown = payload_edit_presentable(value != NULL ? value : text, TEXT_SHOWN_MAX);
    (void)json_object_set_new(job, key, shown);
    json_decref(value);
}

static void add_next_step(json_t *job)
{
    char step[DEAD_ADVICE_MAX] = "";
    const json_t *errors = json_object_get(job, "errors");
    const json_t *last = json_array_get(errors, json_array_size(errors) > 0 ? json_array_size(errors) - 1 : 0);
    const char *state = json_text(job, "state");
    if (strcmp(state, "dead") == 0)
        (void)json_object_set_new(job, "next_step",
                                  json_string(dead_advice(step, json_text(last, "code"), json_text(job, "cause"),
                                                          json_text(job, "kind"), json_text(job, "id"))));
}

static void show(struct reply *p, json_t *job)
{
    static const char *const foreign[] = {"payload", "payload_before", "result"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        present(job, foreign[i]);
    add_next_step(job);
    reply_json(p, 200, job);
}

/* In the queues, else in the archive of dead letters. */
static int find(struct request *r, const char *queue, const char *id, json_t **ret_job, struct err *e)
{
    char found[QUEUE_MAX];
    struct err ignored = {.code = 0};
    int rc = request_check_id(id, e);
    if (rc == 0)
        rc = queue_list_find_job(r->stores, queue, id, found, ret_job, e);
    if (rc == ERR_NOT_FOUND && dead_archived_job(r->stores, queue, id, ret_job, &ignored) == 0)
        rc = 0;
    return rc;
}

int api_job_show(struct request *r, struct reply *p, struct err *e)
{
    json_t *job = NULL;
    int rc = keys_queue_valid(r->params[0])
                 ? find(r, r->params[0], r->params[1], &job, e)
                 : err_set(e, ERR_BAD_ARGUMENT, "that is no queue's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -");
    if (rc == 0)
        show(p, job);
    return rc;
}

int api_job_find(struct request *r, struct reply *p, struct err *e)
{
    json_t *job = NULL;
    int rc = find(r, NULL, r->params[0], &job, e);
    if (rc == 0)
        show(p, job);
    return rc;
}

int api_job_cancel(struct request *r, struct reply *p, struct err *e)
{
    const char *queue, *reason;
    json_t *answer = NULL;
    int rc = request_check_id(r->params[1], e);
    if (rc == 0)
        rc = request_queue(r, &queue, e);
    if (rc == 0)
        rc = request_text(r->json, "reason", 256, "cancelled in the console", &reason, e);
    const char *const args[] = {r->params[1], rc == 0 ? reason : "", r->stores->actor, NULL};
    if (rc == 0)
        rc = api_call(r, "stint_cancel", queue, args, &answer, e);
    if (rc == 0)
        reply_json(p, 200, answer);
    return rc;
}
