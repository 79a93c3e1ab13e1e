/*
 * verb_job_repro - `stint job repro`: a job run again where it can do no harm, to see whether it fails again and why.
 */
#include "job_show.h"
#include "job_wait.h"
#include "queue_call.h"
#include "repro.h"
#include "verb.h"

const struct arg_spec verb_job_repro_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {"gdb", ARG_FLAG, NULL, "stop just before the work and start gdb there (for pdf-parse: in the parser's cell)", NULL, 0, 0},
    {"valgrind", ARG_FLAG, NULL, "run the worker under valgrind (not the parser's cell); its report is kept", NULL, 0, 0},
    {"keep", ARG_FLAG, NULL, "keep the logs of the private supervisor and worker", NULL, 0, 0},
    {.name = NULL},
};

/* The payload is needed byte by byte; a finished job may have none any more. */
static int check_job(const json_t *job, struct err *e)
{
    const char *id = json_text(job, "id"), *state = json_text(job, "state");
    if (!json_is_string(json_object_get(job, "payload")))
        return err_set(e, ERR_REFUSED,
                       "job %s is %s and its payload is not kept any more, so it cannot be run again; enqueue it anew with "
                       "its payload and look at that job",
                       id, state);
    return 0;
}

static void show_error(struct session *s, const char *label, const json_t *job)
{
    const json_t *error = job_wait_last_error(job);
    AUTO_FREE char *message = out_harmless(json_text(error, "message"), strlen(json_text(error, "message")));
    if (error)
        out_line(&s->out, "  %-7s %s (%s): %s", label, json_text(error, "code"), json_text(error, "cause"),
                 message ? message : "");
    else
        out_line(&s->out, "  %-7s %s", label, json_text(job, "state"));
}

static int report(struct session *s, const struct repro *r, const json_t *before, json_t *after)
{
    bool done = strcmp(json_text(after, "state"), "done") == 0, same = repro_same_failure(before, after);
    (void)json_object_set_new(after, "queue", json_string(json_text(before, "queue")));
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:b, s:O*, s:O}", "id", json_text(before, "id"), "queue",
                                   json_text(before, "queue"), "reproduced", same, "before",
                                   job_wait_last_error(before), "after", after);
        out_json(&s->out, record);
        json_decref(record);
        return done ? EXIT_DONE : EXIT_FAILED;
    }
    out_tinted(&s->out, done ? TINT_GREEN : TINT_RED, "%s: %s", json_text(before, "id"),
               done   ? "it succeeds now"
               : same ? "reproduced: it fails as it did"
                      : "it fails, and not as it did");
    show_error(s, "before", before);
    show_error(s, "now", after);
    out_line(&s->out, "  as      %s of %s, delivery %lld, user %s; nothing was committed, the queue was not touched",
             json_text(before, "kind"), json_text(before, "queue"), (long long)json_number(after, "epoch", 0),
             r->dir.user);
    job_show_print(s, after);
    return done ? EXIT_DONE : EXIT_FAILED;
}

int verb_job_repro(struct session *s)
{
    struct err e = {.code = 0};
    struct repro r = {.supervisor = {.pidfd = -1}};
    char queue[QUEUE_MAX];
    json_t *job = NULL, *after = NULL;
    bool gdb = args_has(&s->args, "gdb"), valgrind = args_has(&s->args, "valgrind");
    if (gdb && valgrind) {
        (void)err_set(&e, ERR_BAD_ARGUMENT, "--gdb and --valgrind cannot be used together; choose one");
        return session_fail(s, &e);
    }
    int code, rc = queue_list_find_job(&s->stores, args_text(&s->args, "queue", NULL), args_positional(&s->args, 0), queue, &job, &e);
    if (rc == 0)
        rc = check_job(job, &e);
    if (rc == 0)
        rc = repro_open(&r, s, job, gdb ? REPRO_TOOL_GDB : valgrind ? REPRO_TOOL_VALGRIND : REPRO_TOOL_NONE, &e);
    if (rc == 0)
        rc = repro_run(&r, &after, &e);
    code = rc < 0 ? session_fail(s, &e) : report(s, &r, job, after);
    r.keep = args_has(&s->args, "keep") || (valgrind && rc == 0);
    repro_close(&r);
    json_decref(after);
    json_decref(job);
    return code;
}
