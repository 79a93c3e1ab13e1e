/*
 * verb_migrate - `stint migrate`: says for every migration whether it was there, is applied now, or would be.
 */
#include "audit_note.h"
#include "migrate.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_migrate_options[] = {
    {"dry-run", ARG_FLAG, NULL, "say what would be done, change nothing", NULL, 0, 0},
    {.name = NULL},
};

struct telling {
    struct session *s;
    bool dry_run;
    size_t applied;
};

static void tell(void *arg, enum migrate_step step, const struct migration *m)
{
    struct telling *t = arg;
    if (step == MIGRATE_WAITING) {
        out_remark(&t->s->out, "another \"stint migrate\" is at work; waiting for it");
        return;
    }
    const char *what = step == MIGRATE_THERE ? "there" : t->dry_run ? "would apply" : "applied";
    t->applied += step == MIGRATE_APPLIED;
    if (t->s->out.json) {
        json_t *record = json_pack("{s:i, s:s, s:s}", "version", m->version, "name", m->name, "state", what);
        out_json(&t->s->out, record);
        json_decref(record);
    }
    out_tinted(&t->s->out, step == MIGRATE_APPLIED ? TINT_GREEN : TINT_DIM, "%04d_%-24s %s", m->version, m->name, what);
}

int verb_migrate(struct session *s)
{
    struct err e = {.code = 0};
    struct telling t = {.s = s, .dry_run = args_has(&s->args, "dry-run")};
    PGconn *pg;
    size_t known;
    int highest = 0;
    size_t applied = 0;
    if (session_pg(s, &pg, &e) < 0 || migrate_run(pg, t.dry_run, tell, &t, &e) < 0)
        return session_fail(s, &e);
    (void)migrate_all(&known);
    if (migrate_state(pg, &applied, &highest, NULL) == 0 && highest > (int)known)
        out_remark(&s->out, "the database is at version %d, newer than this build's %zu: nothing was taken back",
                   highest, known);
    if (t.applied > 0 && !t.dry_run) {
        json_t *details = json_pack("{s:i, s:i}", "applied", (int)t.applied, "version", highest);
        audit_note(s, NULL, "migrate", "", details);
        json_decref(details);
    }
    if (t.applied == 0)
        out_line(&s->out, "up to date");
    else
        out_line(&s->out, "%zu migration%s %s", t.applied, t.applied == 1 ? "" : "s",
                 t.dry_run ? "to apply" : "applied");
    return EXIT_DONE;
}
