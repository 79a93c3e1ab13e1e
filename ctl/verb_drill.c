/*
 * verb_drill - `stint drill list|run`: the failure lab for operators. Refuses to hide anything behind its last line:
 * each drill says what it does before it does it.
 */
#include "audit_note.h"
#include "drill.h"
#include "queue_rows.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_drill_list_options[] = {{.name = NULL}};

int verb_drill_list(struct session *s)
{
    static const char *const titles[] = {"DRILL", "~WHAT IS DONE", "~WHAT MUST COME OF IT", NULL};
    struct table t;
    size_t n;
    const struct drill *all = drill_all(&n);
    table_init(&t, titles);
    for (size_t i = 0; i < n; i++) {
        char expected[DRILL_TEXT_MAX];
        (void)drill_expected(&all[i], expected);
        if (s->out.json) {
            json_t *record =
                json_pack("{s:s, s:s, s:s}", "drill", all[i].name, "what", all[i].what, "expected", expected);
            out_json(&s->out, record);
            json_decref(record);
            continue;
        }
        if (table_row(&t) < 0)
            break;
        table_set(&t, 0, "%s", all[i].name);
        table_set(&t, 1, "%s", all[i].what);
        table_set(&t, 2, "%s", expected);
    }
    table_print(&t, &s->out);
    table_fini(&t);
    return EXIT_DONE;
}

const struct arg_spec verb_drill_run_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "where the probe jobs go; default: the queue of the kind probe", NULL, 1, 64},
    {"keep", ARG_FLAG, NULL, "leave the drills' dead letters to be looked at", NULL, 0, 0},
    {"yes", ARG_FLAG, NULL, "also where other jobs wait: workers will be killed", NULL, 0, 0},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {.name = NULL},
};

static const char *const verdict_names[] = {[DRILL_OK] = "ok", [DRILL_FAILED] = "failed", [DRILL_SKIPPED] = "skipped"};

struct tally {
    size_t n[3];
};

static void show_result(struct session *s, const struct drill *d, const struct drill_result *r)
{
    static const enum tint tints[] = {
        [DRILL_OK] = TINT_GREEN, [DRILL_FAILED] = TINT_RED, [DRILL_SKIPPED] = TINT_YELLOW};
    char expected[DRILL_TEXT_MAX];
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "drill", d->name, "what", d->what, "expected",
                                   drill_expected(d, expected), "happened", r->happened, "verdict",
                                   verdict_names[r->verdict], "why", r->why, "took_ms", (json_int_t)r->took_ms);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    if (r->happened[0] != '\0')
        out_line(&s->out, "  happened  %s", r->happened);
    out_tinted(&s->out, tints[r->verdict], "  %s%s%s", verdict_names[r->verdict], r->why[0] != '\0' ? ": " : "",
               r->why);
}

static int run_one(struct drill_lab *lab, const struct drill *d, struct tally *tally, struct err *e)
{
    char expected[DRILL_TEXT_MAX];
    struct drill_result r;
    out_tinted(&lab->s->out, TINT_BOLD, "%s: %s", d->name, d->what);
    out_line(&lab->s->out, "  expected  %s", drill_expected(d, expected));
    int rc = drill_run(lab, d, &r, e);
    if (rc < 0)
        return rc;
    show_result(lab->s, d, &r);
    tally->n[r.verdict]++;
    return 0;
}

static int run_chosen(struct drill_lab *lab, struct tally *tally, struct err *e)
{
    const struct args *a = &lab->s->args;
    size_t n;
    const struct drill *all = drill_all(&n);
    for (size_t i = 0; i < a->n_positionals; i++) {
        const char *name = args_positional(a, i);
        const struct drill *one = drill_find(name);
        bool everything = strcmp(name, "all") == 0;
        if (!everything && one == NULL)
            return err_set(e, ERR_BAD_ARGUMENT, "there is no drill \"%.60s\"; \"stint drill list\" names them", name);
        for (size_t k = 0; k < (everything ? n : 1); k++) {
            int rc = run_one(lab, everything ? &all[k] : one, tally, e);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* Dead letters away, books checked. Also after a drill that could not be run to its end. */
static int clean_up(struct drill_lab *lab, int64_t *ret_purged, int64_t *ret_drift, struct err *e)
{
    json_t *stats = NULL;
    int rc = args_has(&lab->s->args, "keep") ? 0 : drill_lab_purge(lab, ret_purged, e);
    if (rc == 0)
        rc = queue_rows_ask(lab->s, lab->queue, &stats, e);
    if (rc == 0)
        *ret_drift = json_number(stats, "drift", -1);
    json_decref(stats);
    return rc;
}

static void show_end(struct session *s, const struct drill_lab *lab, const struct tally *t, int64_t purged,
                     int64_t drift)
{
    if (s->out.json) {
        json_t *record =
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "queue", lab->queue, "ok", (json_int_t)t->n[DRILL_OK], "failed",
                      (json_int_t)t->n[DRILL_FAILED], "skipped", (json_int_t)t->n[DRILL_SKIPPED], "purged",
                      (json_int_t)purged, "drift", (json_int_t)drift);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    bool good = t->n[DRILL_FAILED] == 0 && drift == 0;
    out_line(&s->out, "%s", "");
    out_tinted(&s->out, good ? TINT_GREEN : TINT_RED, "%zu ok, %zu failed, %zu skipped; ledger of %s: drift %lld",
               t->n[DRILL_OK], t->n[DRILL_FAILED], t->n[DRILL_SKIPPED], lab->queue, (long long)drift);
    if (args_has(&s->args, "keep"))
        out_line(&s->out, "dead letters are kept: stint dlq list --queue %s --match drill-%s", lab->queue, lab->run);
    else
        out_line(&s->out, "%lld dead letter%s of these drills removed (stint audit)", (long long)purged,
                 purged == 1 ? "" : "s");
}

int verb_drill_run(struct session *s)
{
    struct err e = {.code = 0}, late = {.code = 0};
    struct drill_lab lab;
    struct tally tally = {{0}};
    int64_t purged = 0, drift = -1;
    int rc = drill_lab_open(&lab, s, args_text(&s->args, "queue", NULL), args_has(&s->args, "yes"), &e);
    if (rc == 0) {
        audit_note(s, lab.queue, "drill", args_text(&s->args, "reason", ""), NULL);
        rc = run_chosen(&lab, &tally, &e);
        int cleaned = clean_up(&lab, &purged, &drift, rc == 0 ? &e : &late);
        rc = rc == 0 ? cleaned : rc;
    }
    if (rc == 0)
        show_end(s, &lab, &tally, purged, drift);
    drill_lab_close(&lab);
    if (rc < 0)
        return session_fail(s, &e);
    return tally.n[DRILL_FAILED] == 0 && drift == 0 ? EXIT_DONE : EXIT_FAILED;
}
