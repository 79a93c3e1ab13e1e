/*
 * verb_pdf - `stint pdf parse FILE…`: sends documents to the workers, all before it waits for the first, and shows what
 * they hold. Refuses to parse anything itself: foreign bytes belong in the parser's cell.
 */
#include "job_send.h"
#include "job_result.h"
#include "job_wait.h"
#include "pdf_payload.h"
#include "pdf_show.h"
#include "queue_call.h"
#include "verb.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

const struct arg_spec verb_pdf_parse_options[] = {
    {"expect", ARG_ENUM, "TYPE", "what it is; default auto", "auto|lecture|test|exam|table|text", 0, 0},
    {"ics", ARG_TEXT, "OUT", "also write a calendar: a file, or a folder for many", NULL, 1, 4095},
    {"timezone", ARG_TEXT, "ZONE", "of the times; default: pdf.timezone", NULL, 1, 63},
    {"terms", ARG_TEXT, "JSON|@FILE", "{\"S1\":{\"start\":\"2026-02-16\",\"end\":\"2026-06-05\"},…} for weekly events",
     NULL, 0, 0},
    {"holidays", ARG_LIST, "DATE,DATE", "days without lectures, 2026-04-27", NULL, 0, 0},
    {"exam-minutes", ARG_INT, "N", "length of an exam without an end; default 180", NULL, 1, 1440},
    {"venue-policy", ARG_ENUM, "P", "one event with all venues, or one each", "merge|split", 0, 0},
    {"groups", ARG_LIST, "G01,G02", "only these groups", NULL, 0, 0},
    {"password-file", ARG_TEXT, "FILE", "file whose first line opens the documents", NULL, 1, 4095},
    {"timeout", ARG_DURATION, "2m", "longest wait for each document; default 5m", NULL, 1, INT64_C(86400000)},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs pdf-parse", NULL, 1, 64},
    {.name = NULL},
};

/* One document under way. */
struct document {
    const char *path;
    char queue[QUEUE_MAX], id[JOB_ID_MAX];
    struct err error; /* code 0: sent */
};

static void send_documents(struct session *s, struct document *docs, size_t n)
{
    struct progress progress;
    progress_init(&progress, &s->out, "send");
    for (size_t i = 0; i < n; i++) {
        json_t *payload = NULL;
        docs[i].path = s->args.positionals[i];
        int rc = pdf_payload_make(s, docs[i].path, &payload, &docs[i].error);
        if (rc == 0)
            (void)job_send(s, "pdf-parse", payload, docs[i].queue, docs[i].id, &docs[i].error);
        json_decref(payload);
        progress_update(&progress, i + 1, n);
    }
    progress_end(&progress);
}

/* OUT itself for one document, OUT/<name>.ics when it is a folder. */
static int calendar_path(struct session *s, const struct document *doc, char *out, size_t size, struct err *e)
{
    struct stat st;
    const char *target = args_text(&s->args, "ics", "");
    bool folder = stat(target, &st) == 0 && S_ISDIR(st.st_mode);
    AUTO_FREE char *copy = strdup(doc->path);
    if (!folder && s->args.n_positionals > 1)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--ics: with more than one FILE it must name a folder that exists; %s does not", target);
    if (copy == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a path");
    char *name = basename(copy), *dot = strrchr(name, '.');
    if (dot != NULL && dot != name)
        *dot = '\0';
    int n = folder ? snprintf(out, size, "%s/%s.ics", target, name) : snprintf(out, size, "%s", target);
    return n < 0 || (size_t)n >= size ? err_set(e, ERR_BAD_ARGUMENT, "--ics: the path is too long") : 0;
}

static int write_calendar(struct session *s, const struct document *doc, const json_t *result, struct err *e)
{
    char path[8192];
    const char *ics = json_string_value(json_object_get(result, "ics"));
    if (ics == NULL)
        return err_set(e, ERR_NOT_FOUND, "%s: the result holds no calendar", doc->path);
    int rc = calendar_path(s, doc, path, sizeof path, e);
    if (rc < 0)
        return rc;
    FILE *to = fopen(path, "we");
    bool written = to != NULL && fputs(ics, to) != EOF;
    if (to != NULL && fclose(to) == EOF)
        written = false;
    if (!written)
        return err_set(e, -errno, "%s cannot be written: %s", path, strerror(errno));
    out_remark(&s->out, "%s: calendar written to %s", doc->path, path);
    return 0;
}

static void show_document(struct session *s, const struct document *doc, const json_t *job, const json_t *result)
{
    if (!s->out.json) {
        pdf_show_result(s, doc->path, result);
        return;
    }
    json_t *record = json_pack("{s:s, s:s, s:s, s:O}", "file", doc->path, "id", doc->id, "state",
                               json_text(job, "state"), "result", result);
    out_json(&s->out, record);
    json_decref(record);
}

static int show_failure(struct session *s, const struct document *doc, const json_t *job)
{
    const json_t *error = job_wait_last_error(job);
    const char *state = json_text(job, "state"), *message = json_text(error, "message");
    char step[NEXT_STEP_MAX];
    if (s->out.json) {
        json_t *record =
            json_pack("{s:s, s:s, s:s, s:O?}", "file", doc->path, "id", doc->id, "state", state, "error", error);
        out_json(&s->out, record);
        json_decref(record);
        return EXIT_FAILED;
    }
    AUTO_FREE char *shown = out_harmless(message, strlen(message));
    out_tinted(&s->out, TINT_RED, "%s: %s", doc->path, state);
    if (error != NULL) {
        out_line(&s->out, "  cause  %s, %s: %s", json_text(error, "cause"), json_text(error, "code"), shown);
        out_line(&s->out, "  next   %s", job_wait_next_step(step, doc->id, "pdf-parse", error));
        out_line(&s->out, "  job    %s (stint dlq show %s)", doc->id, doc->id);
    }
    return EXIT_FAILED;
}

/* Waits for one document and shows it. Returns the exit code. */
static int finish_document(struct session *s, struct document *doc)
{
    enum { WAIT_MS = 300000 };
    json_t *job = NULL, *result = NULL;
    int code = EXIT_DONE;
    int rc = doc->error.code;
    if (rc == 0)
        rc = job_wait_end(s, doc->queue, doc->id, args_int(&s->args, "timeout", WAIT_MS), &job, &doc->error);
    if (rc == 0 && strcmp(json_text(job, "state"), "done") != 0)
        code = show_failure(s, doc, job);
    else if (rc == 0)
        rc = job_result_complete(s, doc->queue, job, &doc->error);
    if (rc == 0 && code == EXIT_DONE)
        result = json_incref(json_object_get(job, "result"));
    if (result != NULL)
        show_document(s, doc, job, result);
    if (rc == 0 && result != NULL && args_has(&s->args, "ics"))
        rc = write_calendar(s, doc, result, &doc->error);
    json_decref(result);
    json_decref(job);
    return rc < 0 ? session_fail(s, &doc->error) : code;
}

int verb_pdf_parse(struct session *s)
{
    struct err e = {.code = 0};
    size_t n = s->args.n_positionals;
    AUTO_FREE struct document *docs = calloc(n, sizeof *docs);
    int worst = EXIT_DONE;
    if (docs == NULL) {
        (void)err_set(&e, ERR_OUT_OF_MEMORY, "no memory for %zu documents", n);
        return session_fail(s, &e);
    }
    send_documents(s, docs, n);
    for (size_t i = 0; i < n; i++) {
        int code = finish_document(s, &docs[i]);
        worst = worst == EXIT_DONE ? code : worst;
        if (i + 1 < n)
            out_line(&s->out, "%s", "");
    }
    return worst;
}
