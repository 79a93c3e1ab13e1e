/*
 * verb_replay - `stint dlq replay`: chooses dead letters, shows what would happen, makes a run of it and drives it; and its
 * undo. Refuses to touch every letter by accident, and to edit many without a yes.
 */
#include "dead_select.h"
#include "killpoint.h"
#include "payload_edit.h"
#include "payload_in.h"
#include "replay_drive.h"
#include "replay_options.h"
#include "replay_plan.h"
#include "replay_view.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_dlq_replay_options[] = {
    DEAD_FILTER_OPTIONS,
    {"all", ARG_FLAG, NULL, "every dead letter", NULL, 0, 0},
    {"dry-run", ARG_FLAG, NULL, "show what would be replayed, by fingerprint; change nothing", NULL, 0, 0},
    {"canary", ARG_INT, "N", "N jobs first; go on only when they have ended well", NULL, 1, 100000},
    {"canary-failures", ARG_INT, "N", "most of the canary that may die again; default 0", NULL, 0, 100000},
    {"canary-timeout", ARG_DURATION, "10m", "pause the run when the canary has not ended in this time; default 10m", NULL,
     1000, INT64_C(86400000)},
    {"stop-at", ARG_NUMBER, "PERCENT", "stop when more of the ended jobs than this died again (from 20 ends on)", NULL, 0, 100},
    {"rate", ARG_TEXT, "N/s", "jobs per second (also N/m, N/h); can be changed while it runs", NULL, 1, 32},
    {"max", ARG_INT, "N", "at most N letters, oldest first", NULL, 1, DEAD_LETTERS_MAX},
    {"band", ARG_ENUM, "BAND", "priority of the new run; default: each job's own", "express|high|normal|low", 0, 0},
    {"delay", ARG_DURATION, "5s", "start no earlier than this from now", NULL, 0, INT64_C(31536000000)},
    {"edit", ARG_TEXT, "JSON|@FILE|-", "JSON merge patch (RFC 7396) of every payload; the original is kept", NULL, 0, 0},
    {"payload", ARG_TEXT, "JSON|@FILE|-", "another payload, for one ID; the original is kept", NULL, 0, 0},
    {"guard", ARG_INT, "N", "leave letters alone that were replayed N times already; default 5", NULL, 1, 1000},
    {"wait", ARG_FLAG, NULL, "also wait until the replayed jobs have ended; exit 1 when any died again", NULL, 0, 0},
    {"undo", ARG_TEXT, "RUN", "put what a run replayed and nobody started yet back among the dead letters", NULL, 1, 40},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {"yes", ARG_FLAG, NULL, "do not ask", NULL, 0, 0},
    {.name = NULL},
};

/* Everything one `stint dlq replay` works with. */
struct plan {
    struct dead_letters letters;
    json_t *patch;   /* owned; NULL without --edit */
    json_t *options; /* owned; of stint_replay_open */
    json_t *filter;  /* owned; what to select again after a crash */
    struct replay_runs runs;
};

static void plan_fini(struct plan *p)
{
    dead_letters_fini(&p->letters);
    json_decref(p->patch);
    json_decref(p->options);
    json_decref(p->filter);
}

static int by_queue_and_death(const void *a, const void *b)
{
    const struct dead_letter *x = a, *y = b;
    int order = strcmp(x->queue, y->queue);
    if (order != 0)
        return order;
    return x->died_ms < y->died_ms ? -1 : x->died_ms > y->died_ms;
}

/* A part for each queue that has letters. */
static void make_parts(struct plan *p)
{
    char id[REPLAY_RUN_ID_MAX];
    replay_run_name(id);
    if (p->letters.n > 0)
        qsort(p->letters.items, p->letters.n, sizeof *p->letters.items, by_queue_and_death);
    for (size_t i = 0; i < p->letters.n; i++) {
        const char *queue = p->letters.items[i].queue;
        if (i > 0 && strcmp(queue, p->letters.items[i - 1].queue) == 0)
            continue;
        struct replay_run *part = &p->runs.parts[p->runs.n++];
        *part = (struct replay_run){.driver = ""};
        (void)snprintf(part->queue, sizeof part->queue, "%s", queue);
        (void)snprintf(part->id, sizeof part->id, "%s", id);
    }
}

static int open_parts(struct session *s, struct plan *p, struct err *e)
{
    int rc = 0;
    const char *reason = args_text(&s->args, "reason", "");
    for (size_t i = 0; rc == 0 && i < p->runs.n; i++)
        rc = replay_run_open(&s->stores, &p->runs.parts[i], reason, p->options, p->filter, e);
    for (size_t i = 0; rc == 0 && i < p->runs.n; i++)
        rc = replay_run_select(&s->stores, &p->runs.parts[i], &p->letters, e);
    for (size_t i = 0; rc == 0 && i < p->runs.n; i++) {
        json_t *status = NULL;
        rc = replay_run_begin(&s->stores, &p->runs.parts[i], &status, e);
        json_decref(status);
    }
    return rc;
}

/* A yes for what cannot be meant lightly: many letters on a terminal, any edit of letters that were not named one by one. */
static int confirm(struct session *s, const struct plan *p, bool shown, struct err *e)
{
    const struct args *a = &s->args;
    char question[160];
    bool named = a->n_positionals > 0, edits = p->patch != NULL;
    size_t n = p->letters.n;
    if (args_has(a, "yes") || (named && n == 1 && !(edits && shown)))
        return 0;
    (void)snprintf(question, sizeof question, "%s %zu dead letter%s?", edits ? "Edit and replay" : "Replay", n,
                   n == 1 ? "" : "s");
    if (!shown && !(edits && !named))
        return 0;
    if (session_confirm(s, question))
        return 0;
    return err_set(e, ERR_REFUSED, "%zu dead letter%s left alone: %s needs --yes, or a yes on the terminal", n,
                   n == 1 ? "" : "s", edits ? "editing them" : "replaying them");
}

static int read_patch(struct session *s, struct plan *p, struct err *e)
{
    const struct args *a = &s->args;
    const char *edit = args_text(a, "edit", NULL);
    AUTO_FREE char *text = NULL;
    size_t len;
    if (args_has(a, "edit") && args_has(a, "payload"))
        return err_set(e, ERR_BAD_ARGUMENT, "--payload and --edit exclude each other; give one");
    if (args_has(a, "payload") && a->n_positionals != 1)
        return err_set(e, ERR_BAD_ARGUMENT, "--payload changes one dead letter: name its ID (--edit patches many)");
    return edit == NULL ? 0 : payload_in_read("--edit", edit, &text, &len, &p->patch, e);
}

/* --payload: the letter is edited in place first; the replay is then one like any other. */
static int put_payload(struct session *s, const struct plan *p, struct err *e)
{
    AUTO_FREE char *text = NULL, *before = NULL, *token = NULL;
    size_t len, len_before;
    struct queue_call c;
    redisReply *reply = NULL;
    const char *whole = args_text(&s->args, "payload", NULL);
    if (whole == NULL)
        return 0;
    int rc = payload_in_read("--payload", whole, &text, &len, NULL, e);
    if (rc == 0)
        rc = replay_plan_payload(s, &p->letters.items[0], &before, &len_before, &token, e);
    if (rc < 0)
        return rc;
    queue_call_init(&c, "stint_edit", p->letters.items[0].queue);
    queue_call_add(&c, p->letters.items[0].id);
    queue_call_add(&c, token);
    queue_call_add_bytes(&c, text, len);
    queue_call_add(&c, s->stores.actor);
    queue_call_add(&c, args_text(&s->args, "reason", ""));
    rc = queue_call_run(&s->stores, &c, &reply, e);
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

static void dry_run_end(struct session *s, const struct plan *p, size_t guarded)
{
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:I, s:I}", "event", "dry-run", "would_replay",
                                   (json_int_t)(p->letters.n - guarded), "guarded", (json_int_t)guarded);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_line(&s->out, "%zu would be replayed; nothing was changed", p->letters.n - guarded);
    if (guarded > 0)
        out_line(&s->out, "%zu would be held back by the loop guard (--guard N raises it)", guarded);
}

/* An edit of one named letter is shown as it happens; on a terminal the whole plan is shown before the question. */
static int show_plan(struct session *s, struct plan *p, bool *ret_shown, struct err *e)
{
    size_t guarded;
    bool dry = args_has(&s->args, "dry-run"), one = p->letters.n == 1 && s->args.n_positionals > 0;
    bool asks = s->out.live && !s->out.quiet && !s->out.json && isatty(STDIN_FILENO) == 1 && !args_has(&s->args, "yes");
    *ret_shown = dry || (asks && (!one || p->patch != NULL));
    if (!*ret_shown && p->patch == NULL)
        return 0;
    if (!*ret_shown && s->out.json)
        return 0;
    int rc = replay_plan_print(s, &p->letters, args_int(&s->args, "guard", REPLAY_PLAN_GUARD), p->patch, &guarded, e);
    if (rc == 0 && dry)
        dry_run_end(s, p, guarded);
    return rc;
}

/* One letter with a payload that cannot be patched is refused; of many, each run leaves those where they are. */
static int check_one_edit(struct session *s, const struct plan *p, struct err *e)
{
    AUTO_FREE char *bytes = NULL, *token = NULL, *text = NULL;
    size_t len;
    if (p->patch == NULL || p->letters.n != 1)
        return 0;
    int rc = replay_plan_payload(s, &p->letters.items[0], &bytes, &len, &token, e);
    return rc < 0 ? rc : payload_edit_apply(p->letters.items[0].id, bytes, len, p->patch, &text, e);
}

static int prepare(struct session *s, struct plan *p, struct err *e)
{
    bool bare = !args_has(&s->args, "dry-run") && isatty(STDIN_FILENO) != 1;
    int rc = read_patch(s, p, e);
    if (rc == 0)
        rc = replay_options_make(&s->args, p->patch, &p->options, e);
    if (rc == 0)
        rc = dead_letters_select(s, (size_t)args_int(&s->args, "max", DEAD_LETTERS_MAX), bare, &p->letters, e);
    if (rc == 0)
        rc = replay_options_filter(s, &p->letters, &p->filter, e);
    return rc == 0 ? check_one_edit(s, p, e) : rc;
}

static int replay(struct session *s, int *ret_code, struct err *e)
{
    struct plan p = {.patch = NULL};
    bool shown = false;
    const struct replay_drive how = {.canary_timeout_ms = args_int(&s->args, "canary-timeout", 600000),
                                     .wait = args_has(&s->args, "wait")};
    int rc = prepare(s, &p, e);
    if (rc == 0)
        rc = show_plan(s, &p, &shown, e);
    if (rc < 0 || args_has(&s->args, "dry-run"))
        goto out;
    if (p.letters.n == 0) {
        out_line(&s->out, "no dead letters%s; nothing was replayed", dead_filter_given(&s->args) ? " match" : "");
        goto out;
    }
    rc = confirm(s, &p, shown, e);
    if (rc == 0)
        rc = put_payload(s, &p, e);
    make_parts(&p);
    if (rc == 0)
        rc = open_parts(s, &p, e);
    if (rc == 0)
        rc = replay_drive_all(s, &p.runs, &how, ret_code, e);
out:
    plan_fini(&p);
    return rc;
}

/* The letters an undo came too late for, and what they are by now. */
static void report_started(struct session *s, const struct replay_run *run, size_t n)
{
    enum { SHOWN = 20, SHOWN_JSON = 10000 };
    json_t *ids = NULL;
    struct err e = {.code = 0};
    if (n == 0 || replay_run_list(&s->stores, run, "started", s->out.json ? SHOWN_JSON : SHOWN, &ids, &e) < 0)
        return;
    out_line(&s->out, "%zu had started and go their way:", n);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct queue_call c;
        json_t *job = NULL;
        const char *id = json_string_value(json_array_get(ids, i));
        queue_call_init(&c, "stint_job", run->queue);
        queue_call_add(&c, id);
        const char *state = queue_call_json(&s->stores, &c, &job, &e) == 0 ? json_text(job, "state") : "gone";
        if (s->out.json) {
            json_t *record = json_pack("{s:s, s:s, s:s, s:s}", "event", "started", "queue", run->queue, "id", id, "state", state);
            out_json(&s->out, record);
            json_decref(record);
        }
        out_line(&s->out, "  %s (%s)", id, state);
        json_decref(job);
    }
    if (n > json_array_size(ids))
        out_line(&s->out, "  and %zu more (--json shows up to %d)", n - json_array_size(ids), (int)SHOWN_JSON);
    json_decref(ids);
}

static int undo_part(struct session *s, const struct replay_run *run, const char *reason, struct err *e)
{
    struct progress progress;
    json_t *status = NULL;
    int rc;
    progress_init(&progress, &s->out, "undo");
    do {
        json_decref(status);
        status = NULL;
        rc = replay_run_undo(&s->stores, run, reason, &status, e);
        if (rc == 0)
            progress_update(&progress, (size_t)(json_number(status, "undone", 0) + json_number(status, "started", 0)),
                            (size_t)json_number(status, "replayed", 0));
    } while (rc == 0 && strcmp(json_text(status, "state"), "undone") != 0);
    progress_end(&progress);
    if (rc < 0)
        return rc;
    if (s->out.json) {
        json_t *record = replay_view_record(run, status, "undone");
        out_json(&s->out, record);
        json_decref(record);
    }
    out_line(&s->out, "%lld put back among the dead letters of queue %s, as they were",
             (long long)json_number(status, "undone", 0), run->queue);
    report_started(s, run, (size_t)json_number(status, "started", 0));
    json_decref(status);
    return 0;
}

static int undo(struct session *s, struct err *e)
{
    struct replay_runs runs;
    const char *reason = args_text(&s->args, "reason", "");
    if (s->args.n_positionals > 0 || args_has(&s->args, "all") || args_has(&s->args, "dry-run"))
        return err_set(e, ERR_BAD_ARGUMENT, "--undo RUN undoes a whole run; it takes no IDs, no --all and no --dry-run");
    int rc = replay_run_find(&s->stores, args_text(&s->args, "queue", NULL), args_text(&s->args, "undo", NULL), &runs, e);
    for (size_t i = 0; rc == 0 && i < runs.n; i++)
        rc = undo_part(s, &runs.parts[i], reason, e);
    return rc;
}

int verb_dlq_replay(struct session *s)
{
    struct err e = {.code = 0};
    int code = EXIT_DONE;
    int rc = args_has(&s->args, "undo") ? undo(s, &e) : replay(s, &code, &e);
    return rc < 0 ? session_fail(s, &e) : code;
}
