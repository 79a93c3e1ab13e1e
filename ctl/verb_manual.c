/*
 * verb_manual - `stint manual`: the manual pages, written from the tables that the dispatcher and the readers use.
 */
#include "build_info.h"
#include "buf.h"
#include "roff.h"
#include "verb.h"

#include <stdio.h>

enum { MANUAL_MAX = 1024 * 1024 };

const struct arg_spec verb_manual_options[] = {{.name = NULL}};

static void add_option(struct buf *out, const struct arg_spec *spec)
{
    char term[64], text[512];
    (void)snprintf(term, sizeof term, "--%s", spec->name);
    roff_term(out, term, spec->type == ARG_FLAG ? "" : spec->value);
    (void)snprintf(text, sizeof text, "%s%s%s", spec->help, args_choices(spec) != NULL ? ": " : "",
                   args_choices(spec) != NULL ? spec->values : "");
    roff_text(out, text);
}

static void add_verb(struct buf *out, const struct verb *v)
{
    char term[128];
    (void)snprintf(term, sizeof term, "stint %s", v->words);
    roff_term(out, term, v->positionals);
    roff_text(out, v->help);
    if (v->options->name != NULL)
        (void)buf_adds(out, ".RS\n");
    for (const struct arg_spec *spec = v->options; spec->name != NULL; spec++)
        add_option(out, spec);
    if (v->options->name != NULL)
        (void)buf_adds(out, ".RE\n");
    roff_example(out, v->example);
}

/* Every group once, in the order of the table. */
static void add_verbs(struct buf *out)
{
    size_t n;
    const struct verb *all = verb_all(&n);
    for (size_t i = 0; i < n; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(all[j].group, all[i].group) != 0;
        if (!first)
            continue;
        roff_subheading(out, all[i].group);
        for (size_t j = i; j < n; j++)
            if (strcmp(all[j].group, all[i].group) == 0)
                add_verb(out, &all[j]);
    }
}

static const struct {
    const char *name, *meaning;
} exits[] = {{"0", "done"},
             {"1", "failed"},
             {"2", "usage"},
             {"3", "not found"},
             {"4", "cannot reach a service"},
             {"5", "refused by a guard"}},
  environment[] = {{"STINT_CONFIG", "the configuration file"},
                   {"STINT_DIR", "state folder of a stack started by \"stint up\""},
                   {"STINT_<SECTION>_<KEY>", "a key of the configuration, see stint.conf(5)"},
                   {"NO_COLOR", "no colour on the terminal"}},
  files[] = {{"/etc/stint/stint.conf", "the configuration, see stint.conf(5)"},
             {"/run/stint/control.sock", "the supervisor's control socket"},
             {"/var/lib/stint", "what outlives a restart"}};

#define ADD_LIST(out, rows)                                                                                            \
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {                                                               \
        roff_term(out, (rows)[row].name, "");                                                                          \
        roff_text(out, (rows)[row].meaning);                                                                           \
    }

static int manual_stint(struct buf *out)
{
    roff_title(out, "stint", 1, STINT_VERSION);
    roff_heading(out, "NAME");
    roff_text(out, "stint - runs jobs from Redis Streams in limited worker processes");
    roff_heading(out, "SYNOPSIS");
    roff_text(out, "stint VERB [ARGUMENTS] [--option value ...]");
    roff_heading(out, "DESCRIPTION");
    roff_text(out,
              "Producers add jobs to Redis; stint-supervisor(8) forks workers that run them under limits of memory,");
    roff_text(out, "CPU and time, retries what may be retried and keeps the rest as dead letters with their evidence.");
    roff_text(out,
              "stint is the operator's tool for all of it: it adds and looks at jobs, watches and steers workers and");
    roff_text(out, "queues, drains and replays dead letters, and proves that every job is accounted for.");
    roff_heading(out, "VERBS");
    add_verbs(out);
    roff_heading(out, "OPTIONS OF EVERY VERB");
    for (const struct arg_spec *spec = verb_global_options(); spec->name != NULL; spec++)
        add_option(out, spec);
    roff_heading(out, "EXIT STATUS");
    ADD_LIST(out, exits)
    roff_heading(out, "ENVIRONMENT");
    ADD_LIST(out, environment)
    roff_heading(out, "FILES");
    ADD_LIST(out, files)
    roff_heading(out, "SEE ALSO");
    roff_text(out, "stint.conf(5), stint-supervisor(8), and the documents in /usr/share/doc/stint/docs");
    return out->failed ? -ENOSPC : 0;
}

int verb_manual(struct session *s)
{
    struct err e = {.code = 0};
    struct buf page;
    const char *name = s->args.n_positionals > 0 ? args_positional(&s->args, 0) : "stint";
    int rc;
    buf_init(&page, MANUAL_MAX);
    if (strcmp(name, "stint") == 0)
        rc = manual_stint(&page);
    else if (strcmp(name, "stint.conf") == 0)
        rc = conf_manual(&page, STINT_VERSION);
    else
        rc = err_set(&e, ERR_BAD_ARGUMENT, "PAGE: \"%.60s\" is not allowed; allowed: stint, stint.conf", name);
    if (rc == 0)
        (void)fwrite(page.data, 1, page.len, s->out.to);
    else if (e.code == 0)
        rc = err_set(&e, ERR_OUT_OF_MEMORY, "no memory for the page");
    buf_fini(&page);
    return rc == 0 ? EXIT_DONE : session_fail(s, &e);
}
