/*
 * verb_match_replay - `stint match replay TRACE`: a trace played through the matcher and the wait model in virtual
 * time. It needs no server. Refuses to write over the trace it reads.
 */
#include "clock.h"
#include "outcome_file.h"
#include "replay_summary.h"
#include "verb.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum { AGAIN_MS = 60000 };

const struct arg_spec verb_match_replay_options[] = {
    {"policy", ARG_ENUM, "P",
     "who is paired with whom; default greedy. The other rules are [match] of the configuration", "greedy|fcfs|max", 0,
     0},
    {"outcomes", ARG_TEXT, "FILE", "write what became of everybody, one JSON object a line", NULL, 1, 4095},
    {"predictions", ARG_TEXT, "FILE", "write what everybody who had to wait was told on joining", NULL, 1, 4095},
    {"also", ARG_LIST, "reason,again",
     "also tell in predictions: what would help, what it would have saved, the rest after 60 s", "reason|would|again",
     0, 0},
    {"refresh", ARG_DURATION, "1s", "virtual time between two refreshes of the model; 0s: outcomes alone", NULL, 0,
     3600000},
    {"no-virtual", ARG_FLAG, NULL, "no virtual waits (vwait) of those who left; faster", NULL, 0, 0},
    {"seed", ARG_INT, "N", "of the model's sampling; default 1", NULL, 0, INT64_MAX},
    {.name = NULL},
};

/* -- what is printed -------------------------------------------------------------------------------------------------
 */

static void set_wait(struct table *t, size_t column, double wait_s)
{
    char text[32];
    table_set(t, column, "%s", out_ms(text, wait_s < 0 ? -1 : (int64_t)(wait_s * 1000)));
}

static void add_group(struct table *t, const char *name, const struct replay_group *g)
{
    if (g->joined == 0 || table_row(t) < 0)
        return;
    table_set(t, 0, "%s", name);
    table_set(t, 1, "%u", g->joined);
    table_set(t, 2, "%u", g->matched);
    table_set(t, 3, "%.1f %%", 100.0 * g->matched / g->joined);
    table_set(t, 4, "%u", g->at_once);
    table_set(t, 5, "%u", g->left);
    table_set(t, 6, "%u", g->waiting);
    set_wait(t, 7, g->wait_p50_s);
    set_wait(t, 8, g->wait_p90_s);
}

static void print_cost(struct session *s, const char *label, struct replay_costs *c)
{
    if (c->n > 0)
        out_line(&s->out, "%-12s %8zu times, half within %.3f ms, 99 in 100 within %.3f ms", label, c->n,
                 replay_costs_at(c, 0.5) / 1e6, replay_costs_at(c, 0.99) / 1e6);
}

static void print_summary(struct session *s, const struct replay_summary *sum, struct replay_result *r)
{
    static const char *const titles[] = {"GENDER", ">JOINED",     ">MATCHED",     ">SHARE",          ">AT ONCE",
                                         ">LEFT",  ">STILL WAIT", ">HALF WITHIN", ">9 IN 10 WITHIN", NULL};
    struct table t;
    table_init(&t, titles);
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        add_group(&t, gender_name(g), &sum->by_gender[g]);
    add_group(&t, "all", &sum->all);
    table_print(&t, &s->out);
    table_fini(&t);
    if (sum->km_mean >= 0)
        out_line(&s->out, "matched people are %.1f km apart on average", sum->km_mean);
    print_cost(s, "rounds", &r->rounds);
    print_cost(s, "fields", &r->fields);
    print_cost(s, "refreshes", &r->refreshes);
    print_cost(s, "estimates", &r->tickets);
}

static json_t *group_json(const struct replay_group *g)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:f, s:f}", "joined", g->joined, "matched", g->matched, "atOnce",
                     g->at_once, "left", g->left, "waiting", g->waiting, "waitP50", g->wait_p50_s, "waitP90",
                     g->wait_p90_s);
}

static json_t *cost_json(struct replay_costs *c)
{
    return json_pack("{s:I, s:f, s:f}", "n", (json_int_t)c->n, "p50Us", replay_costs_at(c, 0.5) / 1e3, "p99Us",
                     replay_costs_at(c, 0.99) / 1e3);
}

/* For each median wait and gender: the gender that would help, and how many more of it a second. */
static json_t *classes_json(const struct replay_result *r)
{
    json_t *by_target = json_object();
    for (int i = 0; i < REPLAY_TARGETS; i++) {
        char name[16];
        json_t *by_gender = json_object();
        for (unsigned g = 0; g < GENDER_COUNT; g++) {
            const struct wait_class *c = &r->classes[i][g];
            if (c->told)
                (void)json_object_set_new(by_gender, gender_name(g),
                                          json_pack("{s:f, s:f, s:f, s:s, s:f}", "ratePerS", c->rate_per_s, "share",
                                                    c->share, "medianS", c->median_s, "helps",
                                                    c->helps >= 0 ? gender_name((unsigned)c->helps) : "", "extraPerS",
                                                    c->extra_per_s));
        }
        (void)snprintf(name, sizeof name, "%d", replay_targets_s[i]);
        (void)json_object_set_new(by_target, name, by_gender);
    }
    return by_target;
}

/* What the model says of the two sides, and the arrival rate it advises for each median wait. */
static json_t *balance_json(const struct replay_result *r)
{
    const struct wait_balance *b = &r->balance[0];
    json_t *rates = json_object(), *shares = json_object(), *advice = json_object();
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        (void)json_object_set_new(rates, gender_name(g), json_real(b->rate_per_s[g]));
        (void)json_object_set_new(shares, gender_name(g), json_real(b->share[g]));
    }
    for (int i = 0; i < REPLAY_TARGETS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", replay_targets_s[i]);
        (void)json_object_set_new(advice, name, json_real(r->balance[i].recommended_per_s));
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "scarce", b->scarce >= 0 ? gender_name((unsigned)b->scarce) : "",
                     "ratePerS", rates, "share", shares, "recommendedPerS", advice, "classes", classes_json(r));
}

static void print_json(struct session *s, const struct trace *t, const struct replay_summary *sum,
                       struct replay_result *r, const char *policy, double seconds)
{
    json_t *by_gender = json_object();
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        if (sum->by_gender[g].joined > 0)
            (void)json_object_set_new(by_gender, gender_name(g), group_json(&sum->by_gender[g]));
    json_t *record =
        json_pack("{s:s, s:s, s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o}", "scenario", t->scenario, "policy", policy,
                  "horizonMs", (json_int_t)t->horizon_ms, "seconds", seconds, "km", sum->km_mean, "all",
                  group_json(&sum->all), "gender", by_gender, "rounds", cost_json(&r->rounds), "fields",
                  cost_json(&r->fields), "refreshes", cost_json(&r->refreshes), "estimates", cost_json(&r->tickets));
    if (r->refreshes.n > 0)
        (void)json_object_set_new(record, "balance", balance_json(r));
    out_json(&s->out, record);
    json_decref(record);
}

/* -- what is written -------------------------------------------------------------------------------------------------
 */

struct files {
    FILE *outcomes, *predictions; /* owned; NULL: not asked for */
};

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino && S_ISREG(x.st_mode);
}

/* Opened before the replay: a path that cannot be written is told at once, not after a minute. */
static int open_for(struct session *s, const char *option, FILE **ret, struct err *e)
{
    const char *path = args_text(&s->args, option, NULL);
    if (path == NULL)
        return 0;
    if (strcmp(path, "-") == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--%s needs a file's name; the summary goes to standard output", option);
    if (same_file(path, args_positional(&s->args, 0)))
        return err_set(e, ERR_BAD_ARGUMENT, "--%s %s is the trace itself; name another file", option, path);
    *ret = fopen(path, "we");
    return *ret ? 0 : err_set_errno(e, errno, "--%s %s cannot be written", option, path);
}

static int open_files(struct session *s, struct files *f, struct err *e)
{
    *f = (struct files){0};
    int rc = open_for(s, "outcomes", &f->outcomes, e);
    if (rc == 0 && f->outcomes && args_has(&s->args, "predictions") &&
        same_file(args_text(&s->args, "outcomes", ""), args_text(&s->args, "predictions", "")))
        return err_set(e, ERR_BAD_ARGUMENT, "--outcomes and --predictions name the same file");
    return rc == 0 ? open_for(s, "predictions", &f->predictions, e) : rc;
}

static bool listed(const struct session *s, const char *word)
{
    const char *list = args_text(&s->args, "also", "");
    size_t n = strlen(word);
    for (const char *p = list; *p != '\0'; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && strncmp(p, word, n) == 0)
            return true;
    return false;
}

static int write_files(struct session *s, struct files *f, const struct trace *t, const struct replay_result *r,
                       struct err *e)
{
    const struct outcome_also also = {
        .reason = listed(s, "reason"), .would = listed(s, "would"), .again = listed(s, "again")};
    if (f->outcomes && outcome_file_write(f->outcomes, t, r) < 0)
        return err_set_errno(e, errno, "%s cannot be written", args_text(&s->args, "outcomes", ""));
    if (f->predictions && prediction_file_write(f->predictions, t, r, also) < 0)
        return err_set_errno(e, errno, "%s cannot be written", args_text(&s->args, "predictions", ""));
    return 0;
}

static void close_files(struct files *f)
{
    if (f->outcomes)
        (void)fclose(f->outcomes);
    if (f->predictions)
        (void)fclose(f->predictions);
}

/* -- the verb --------------------------------------------------------------------------------------------------------
 */

static void show_progress(void *arg, size_t done, size_t total)
{
    progress_update(arg, done, total);
}

/* Processor time: what a step costs does not depend on who else uses the machine. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int set_options(struct session *s, const char *policy, struct replay_options *ret, struct err *e)
{
    const struct conf *conf;
    int rc = session_conf(s, &conf, e);
    *ret = (struct replay_options){.refresh_ms = args_int(&s->args, "refresh", 1000),
                                   .seed = (uint64_t)args_int(&s->args, "seed", 1),
                                   .again_ms = listed(s, "again") ? AGAIN_MS : 0,
                                   .would = listed(s, "would"),
                                   .no_ghosts = args_has(&s->args, "no-virtual"),
                                   .clock_ns = cpu_ns,
                                   .progress = show_progress};
    if (rc == 0 && ret->refresh_ms == 0 && args_has(&s->args, "predictions"))
        return err_set(e, ERR_BAD_ARGUMENT, "--predictions needs the model: leave out --refresh 0s");
    return rc == 0 ? replay_rules(&conf->match, policy, &ret->rules, e) : rc;
}

static int replay(struct session *s, const struct trace *t, const char *policy, struct replay_options *o,
                  struct files *f)
{
    struct err e = {.code = 0};
    struct progress bar;
    struct replay_result r;
    struct replay_summary sum;
    uint64_t start = clock_mono_ns();
    progress_init(&bar, &s->out, "replay");
    o->progress_arg = &bar;
    int rc = replay_run(t, o, &r, &e);
    progress_end(&bar);
    if (rc == 0)
        rc = write_files(s, f, t, &r, &e);
    if (rc == 0 && replay_summarise(t, &r, &sum) < 0)
        rc = err_set(&e, ERR_OUT_OF_MEMORY, "no memory to count what happened");
    double seconds = (double)(clock_mono_ns() - start) / 1e9;
    if (rc == 0 && s->out.json)
        print_json(s, t, &sum, &r, policy, seconds);
    if (rc == 0) {
        char length[32];
        out_tinted(&s->out, TINT_BOLD, "%s%s%u people in %s, policy %s, replayed in %.1f s", t->scenario,
                   *t->scenario != '\0' ? ": " : "", t->n_persons, out_ms(length, t->horizon_ms), policy, seconds);
        print_summary(s, &sum, &r);
    }
    replay_result_fini(&r);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

int verb_match_replay(struct session *s)
{
    struct err e = {.code = 0};
    struct trace t;
    struct files f = {0};
    struct replay_options o;
    const char *policy = args_text(&s->args, "policy", "greedy");
    int rc = set_options(s, policy, &o, &e);
    if (rc == 0)
        rc = trace_read(args_positional(&s->args, 0), &t, &e);
    if (rc < 0)
        return session_fail(s, &e);
    rc = open_files(s, &f, &e);
    int code = rc < 0 ? session_fail(s, &e) : replay(s, &t, policy, &o, &f);
    close_files(&f);
    trace_fini(&t);
    return code;
}
