/*
 * verb_preflight - `stint preflight`: the findings as a table or NDJSON; exit code 4 when a service cannot be used, 5 when a check
 * failed.
 */
#include "preflight.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_preflight_options[] = {{.name = NULL}};

static void print_people(struct session *s, const struct preflight *p)
{
    static const enum tint tints[] = {
        [FINDING_OK] = TINT_GREEN, [FINDING_WARN] = TINT_YELLOW, [FINDING_FAIL] = TINT_RED};
    static const char *const titles[] = {"STATE", "CHECK", "~FOUND", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < p->n; i++) {
        const struct finding *f = &p->findings[i];
        if (table_row(&t) < 0)
            break;
        table_set(&t, 0, "%s", finding_level_name(f->level));
        table_tint(&t, 0, tints[f->level]);
        table_set(&t, 1, "%s", f->what);
        table_set(&t, 2, "%s", f->found);
    }
    table_print(&t, &s->out);
    table_fini(&t);
    for (size_t i = 0; i < p->n; i++) {
        const struct finding *f = &p->findings[i];
        if (f->level != FINDING_OK)
            out_tinted(&s->out, tints[f->level], "%s: %s\n  found: %s\n  do:    %s", finding_level_name(f->level),
                       f->what, f->found, f->remedy);
    }
}

int verb_preflight(struct session *s)
{
    struct err e = {.code = 0};
    const struct conf *conf;
    if (session_conf(s, &conf, &e) < 0)
        return session_fail(s, &e);
    AUTO_FREE struct preflight *p = calloc(1, sizeof *p);
    if (!p)
        return EXIT_FAILED;
    preflight_run(p, conf);
    for (size_t i = 0; s->out.json && i < p->n; i++) {
        const struct finding *f = &p->findings[i];
        json_t *record = json_pack("{s:s, s:s, s:s, s:s}", "check", f->what, "state", finding_level_name(f->level),
                                   "found", f->found, "remedy", f->remedy);
        out_json(&s->out, record);
        json_decref(record);
    }
    if (!s->out.json)
        print_people(s, p);
    if (p->away)
        return EXIT_UNREACHABLE;
    return preflight_worst(p) == FINDING_FAIL ? EXIT_REFUSED : EXIT_DONE;
}
