/*
 * verb_job - `stint job show|wait|cancel`: one job by its id, in whichever configured queue knows it.
 */
#include "queue_call.h"
#include "job_result.h"
#include "job_show.h"
#include "job_wait.h"
#include "verb.h"

const struct arg_spec verb_job_show_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {.name = NULL},
};

int verb_job_show(struct session *s)
{
    struct err e = {.code = 0};
    char queue[QUEUE_MAX];
    json_t *job = NULL;
    const char *id = args_positional(&s->args, 0);
    if (queue_list_find_job(&s->stores, args_text(&s->args, "queue", NULL), id, queue, &job, &e) < 0)
        return session_fail(s, &e);
    job_result_show(s, queue, job);
    job_show_print(s, job);
    json_decref(job);
    return EXIT_DONE;
}

const struct arg_spec verb_job_wait_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {"timeout", ARG_DURATION, "1m", "longest wait; default: none", NULL, 1, INT64_C(86400000)},
    {.name = NULL},
};

int verb_job_wait(struct session *s)
{
    struct err e = {.code = 0};
    char queue[QUEUE_MAX];
    json_t *job = NULL;
    const char *id = args_positional(&s->args, 0);
    int rc = queue_list_find_job(&s->stores, args_text(&s->args, "queue", NULL), id, queue, &job, &e);
    json_decref(job);
    job = NULL;
    if (rc == 0)
        rc = job_wait_end(s, queue, id, args_int(&s->args, "timeout", 0), &job, &e);
    if (rc < 0)
        return session_fail(s, &e);
    job_result_show(s, queue, job);
    int code = job_wait_report(s, job);
    json_decref(job);
    return code;
}

const struct arg_spec verb_job_cancel_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {"reason", ARG_TEXT, "TEXT", "kept with the job", NULL, 1, 256},
    {.name = NULL},
};

static int report_cancel(struct session *s, json_t *answer, const char *queue)
{
    const char *state = json_text(answer, "state"), *id = json_text(answer, "id");
    bool asked = strcmp(state, "cancelling") == 0, ended = strcmp(state, "cancelled") == 0;
    (void)json_object_set_new(answer, "queue", json_string(queue));
    if (s->out.json)
        out_json(&s->out, answer);
    else if (asked)
        out_line(&s->out, "%s runs; it was asked to stop (\"stint job wait %s\" tells when it has)", id, id);
    else if (ended)
        out_line(&s->out, "%s cancelled", id);
    else
        out_line(&s->out, "%s is %s already; nothing to cancel", id, state);
    return asked || ended ? EXIT_DONE : EXIT_REFUSED;
}

int verb_job_cancel(struct session *s)
{
    struct err e = {.code = 0};
    struct queue_call c;
    char queue[QUEUE_MAX];
    json_t *job = NULL, *answer = NULL;
    const char *id = args_positional(&s->args, 0);
    int rc = queue_list_find_job(&s->stores, args_text(&s->args, "queue", NULL), id, queue, &job, &e);
    json_decref(job);
    if (rc == 0) {
        queue_call_init(&c, "stint_cancel", queue);
        queue_call_add(&c, id);
        queue_call_add(&c, args_text(&s->args, "reason", "cancelled by an operator"));
        queue_call_add(&c, s->stores.actor);
        rc = queue_call_json(&s->stores, &c, &answer, &e);
    }
    if (rc < 0)
        return session_fail(s, &e);
    int code = report_cancel(s, answer, queue);
    json_decref(answer);
    return code;
}
