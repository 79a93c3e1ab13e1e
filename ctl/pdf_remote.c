/*
 * pdf_remote - see pdf_remote.h. A service that goes away meanwhile fails the documents it leaves behind, each by name.
 */
#include "pdf_remote.h"

#include "job_result.h"
#include "job_send.h"
#include "job_wait.h"
#include "pdf_payload.h"
#include "queue_call.h"

#include <stdio.h>

enum { WAIT_MS = 300000 };

/* One document under way. */
struct remote_document {
    char queue[QUEUE_MAX], id[JOB_ID_MAX];
    struct err error; /* code 0: sent */
};

static int remote_send(struct pdf_report *r, const char *name, const char *expect, struct remote_document *d)
{
    json_t *payload = NULL;
    int rc = pdf_payload_make(r->plan->payload, name, (size_t)r->plan->conf->pdf.max_bytes, &payload, &d->error);
    if (rc == 0 && expect != NULL)
        (void)json_object_set_new(payload, "expect", json_string(expect));
    if (rc == 0)
        rc = job_send(r->session, "pdf-parse", payload, d->queue, d->id, &d->error);
    json_decref(payload);
    return rc;
}

/* The job's last error, as one of ours. */
static void remote_why(const json_t *job, struct err *e)
{
    const json_t *error = job_wait_last_error(job);
    int code = err_code_by_name(json_text(error, "code"));
    (void)err_set(e, code < 0 ? code : ERR_HANDLER_REFUSED, "%s", error != NULL ? json_text(error, "message") : "it was ended before it was parsed");
}

static void remote_end(struct pdf_report *r, const char *name, struct remote_document *d, const json_t *job)
{
    const char *state = json_text(job, "state");
    char step[NEXT_STEP_MAX];
    if (strcmp(state, "done") == 0) {
        pdf_report_result(r, name, d->id, json_object_get(job, "result"));
        return;
    }
    remote_why(job, &d->error);
    pdf_report_failure(r, name, d->id, state, &d->error, job_wait_next_step(step, d->id, "pdf-parse", job_wait_last_error(job)));
}

static void remote_finish(struct pdf_report *r, const char *name, struct remote_document *d)
{
    struct session *s = r->session;
    for (bool again = r->plan->table_too;; again = false) {
        json_t *job = NULL;
        int rc = d->error.code < 0 ? d->error.code : job_wait_end(s, d->queue, d->id, args_int(&s->args, "timeout", WAIT_MS), &job, &d->error);
        const json_t *error = rc == 0 ? job_wait_last_error(job) : NULL;
        if (again && error != NULL && strcmp(json_text(error, "code"), "UNRECOGNISED_FORMAT") == 0 && strcmp(name, "-") != 0) {
            json_decref(job);
            (void)remote_send(r, name, "table", d);
            continue;
        }
        if (rc == 0 && strcmp(json_text(job, "state"), "done") == 0)
            rc = job_result_complete(s, d->queue, job, &d->error);
        if (rc < 0)
            pdf_report_failure(r, name, d->id[0] != '\0' ? d->id : NULL, NULL, &d->error, NULL);
        else
            remote_end(r, name, d, job);
        json_decref(job);
        return;
    }
}

int pdf_remote_run(struct pdf_report *r, const struct pdf_inputs *in, struct err *e)
{
    struct redis_sync *redis;
    AUTO_FREE struct remote_document *documents = calloc(in->n, sizeof *documents);
    if (documents == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu documents", in->n);
    int rc = session_redis(r->session, &redis, e);
    if (rc < 0)
        return rc;
    struct progress sending;
    progress_init(&sending, &r->session->out, "send");
    for (size_t i = 0; i < in->n; i++) {
        (void)remote_send(r, in->names[i], NULL, &documents[i]);
        progress_update(&sending, i + 1, in->n);
    }
    progress_end(&sending);
    for (size_t i = 0; i < in->n; i++)
        remote_finish(r, in->names[i], &documents[i]);
    return 0;
}
