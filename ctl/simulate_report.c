/*
 * simulate_report - see simulate_report.h. It refuses to compare foretellings of different people: the baselines are
 * judged on exactly those whom the wait model told something.
 */
#include "simulate_report.h"

#include "alloc.h"
#include "simulate_baseline.h"

#include <math.h>

/* Everybody who joined, and what each was told. */
struct material {
    struct simulate_run *run;
    struct simulate_case *cases; /* owned */
    uint32_t *of;                /* owned; the person of each case */
    uint32_t *case_of;           /* owned; the case of each person, UINT32_MAX: none */
    size_t n;
    struct simulate_censoring censoring;
    struct simulate_foretold *foretold; /* owned; room for n */
};

/* JSON has no NaN: what is not known is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(round(value * 1000) / 1000) : json_null();
}

static void set(json_t *o, const char *name, json_t *value)
{
    (void)json_object_set_new(alloc_must(o), name, alloc_must(value));
}

static void set_count(json_t *o, const char *name, size_t value)
{
    set(o, name, json_integer((json_int_t)value));
}

/* -- people ----------------------------------------------------------------------------------------------------------
 */

struct tally {
    size_t joined, at_once, matched, left, expired, offline, waiting, refused;
};

static void tally_person(struct tally *t, const struct simulate_run *r, uint32_t person)
{
    const struct simulate_record *record = &r->books.records[person];
    if (record->joined_ms == SIMULATE_NOBODY)
        return;
    bool matched = record->first_wait_ms != SIMULATE_NOBODY;
    t->joined++;
    t->refused += record->answer == SIMULATE_REFUSED;
    t->matched += matched;
    t->at_once += record->answer == SIMULATE_AT_ONCE;
    t->expired += !matched && record->expired && !record->offline;
    t->offline += !matched && record->expired && record->offline;
    if (!matched && !record->expired && record->answer != SIMULATE_REFUSED) {
        bool early = record->left_ms != SIMULATE_NOBODY && record->left_ms < r->horizon_ms;
        t->left += early;
        t->waiting += !early;
    }
}

static json_t *tally_json(const struct tally *t)
{
    json_t *o = json_object();
    set_count(o, "joined", t->joined);
    set_count(o, "matched", t->matched);
    set(o, "share", number(t->joined > 0 ? (double)t->matched / (double)t->joined : NAN));
    set_count(o, "atOnce", t->at_once);
    set_count(o, "left", t->left);
    set_count(o, "expired", t->expired);
    set_count(o, "offline", t->offline);
    set_count(o, "waiting", t->waiting);
    set_count(o, "refused", t->refused);
    return o;
}

static json_t *people_json(const struct material *m)
{
    struct tally all = {0}, by_gender[GENDER_COUNT] = {{0}};
    const struct trace *t = m->run->crowd.trace;
    json_t *genders = json_object();
    for (uint32_t i = 0; i < t->n_persons; i++) {
        tally_person(&all, m->run, i);
        tally_person(&by_gender[t->persons[i].gender], m->run, i);
    }
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        if (by_gender[g].joined == 0)
            continue;
        json_t *o = tally_json(&by_gender[g]);
        set(o, "waitP50S", number(simulate_score_quantile(m->cases, m->n, g, .5)));
        set(o, "waitP90S", number(simulate_score_quantile(m->cases, m->n, g, .9)));
        set(genders, gender_name(g), o);
    }
    json_t *o = tally_json(&all);
    set(o, "gender", genders);
    return o;
}

/* -- foretellings ----------------------------------------------------------------------------------------------------
 */

static json_t *coverage_json(const struct simulate_coverage *c)
{
    return isnan(c->share) ? json_null()
                           : json_pack("{s:o, s:o, s:o}", "share", number(c->share), "low", number(c->low), "high",
                                       number(c->high));
}

static json_t *score_json(const char *who, const struct simulate_score *s)
{
    json_t *o = json_pack("{s:s}", "who", who);
    set_count(o, "n", s->n);
    set(o, "pinballP50S", number(s->pinball50));
    set(o, "pinballP90S", number(s->pinball90));
    set(o, "coverageP50", coverage_json(&s->p50));
    set(o, "coverageP90", coverage_json(&s->p90));
    return o;
}

static struct simulate_foretold foretold_of(const struct material *m, size_t i, const struct simulate_told *told)
{
    double speed = m->run->setup.speed;
    int64_t joined_ms = m->run->books.records[m->of[i]].joined_ms;
    return (struct simulate_foretold){
        i, (double)(told->at_ms - joined_ms) * speed / 1000, {told->p50 * speed, told->p90 * speed}};
}

/* Those whom a source told something. */
static size_t gather_source(struct material *m, enum simulate_source source)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct simulate_told *told = &m->run->told[source][m->of[i]];
        if (!isnan(told->p50))
            m->foretold[n++] = foretold_of(m, i, told);
    }
    return n;
}

/* What a baseline would have told the same people at the same moment. */
static size_t gather_baseline(struct material *m, const struct simulate_quantiles q[])
{
    size_t n = gather_source(m, SIMULATE_SOURCE_PERSON);
    for (size_t i = 0; i < n; i++)
        m->foretold[i].q = q[m->foretold[i].of];
    for (size_t i = 0; n == 0 && i < m->n; i++) /* nobody was told anything: all of them */
        m->foretold[i] = (struct simulate_foretold){i, 0, q[i]};
    return n == 0 ? m->n : n;
}

static double pinball(const struct simulate_score *s)
{
    return s->pinball50 + s->pinball90;
}

static json_t *baselines_json(struct material *m, double *ret_best)
{
    struct simulate_quantiles *q[SIMULATE_BASELINE_COUNT];
    json_t *list = json_array();
    *ret_best = NAN;
    for (int b = 0; b < SIMULATE_BASELINE_COUNT; b++)
        q[b] = alloc_zero(m->n + 1, sizeof **q);
    simulate_baseline_run(m->cases, m->n, q);
    for (int b = 0; b < SIMULATE_BASELINE_COUNT; b++) {
        size_t n = gather_baseline(m, q[b]);
        struct simulate_score s = simulate_score_of(&m->censoring, m->cases, m->foretold, n, GENDER_COUNT);
        (void)json_array_append_new(list, score_json(simulate_baseline_name((enum simulate_baseline)b), &s));
        *ret_best = fmin(*ret_best, pinball(&s));
        free(q[b]);
    }
    return list;
}

static json_t *published_json(struct material *m)
{
    static const struct {
        const char *name, *text;
    } sources[SIMULATE_SOURCE_COUNT] = {
#define X(id, name, text) {name, text},
        SIMULATE_SOURCES(X)
#undef X
    };
    double best, own = NAN;
    json_t *list = json_array(), *genders = json_object(), *o = json_object();
    for (int s = 0; s < SIMULATE_SOURCE_COUNT; s++) {
        size_t n = gather_source(m, (enum simulate_source)s);
        struct simulate_score score = simulate_score_of(&m->censoring, m->cases, m->foretold, n, GENDER_COUNT);
        json_t *entry = score_json(sources[s].name, &score);
        set(entry, "what", json_string(sources[s].text));
        (void)json_array_append_new(list, entry);
        if (s != SIMULATE_SOURCE_PERSON)
            continue;
        own = pinball(&score);
        for (unsigned g = 0; g < GENDER_COUNT; g++) {
            score = simulate_score_of(&m->censoring, m->cases, m->foretold, n, g);
            if (score.n > 0)
                set(genders, gender_name(g), score_json(gender_name(g), &score));
        }
    }
    set(o, "sources", list);
    set(o, "gender", genders);
    set(o, "baselines", baselines_json(m, &best));
    set(o, "ofBestBaseline", number(own / best));
    return o;
}

static json_t *notices_json(struct material *m)
{
    const struct simulate_run *r = m->run;
    struct simulate_foretold *all = alloc_zero(r->n_notices + 1, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < r->n_notices; i++) {
        const struct simulate_notice *note = &r->notices[i];
        const struct simulate_told told = {.at_ms = note->at_ms, .p50 = note->p50, .p90 = note->p90};
        if (m->case_of[note->person] != UINT32_MAX)
            all[n++] = foretold_of(m, m->case_of[note->person], &told);
    }
    struct simulate_score s = simulate_score_of(&m->censoring, m->cases, all, n, GENDER_COUNT);
    json_t *o = score_json("notices", &s);
    set_count(o, "told", r->n_notices);
    set_count(o, "late", r->notices_foreign);
    free(all);
    return o;
}

/* -- the rest --------------------------------------------------------------------------------------------------------
 */

static json_t *latency_json(struct simulate_numbers *n)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "n", (json_int_t)n->n, "p50",
                     number(simulate_numbers_quantile(n, .5)), "p95", number(simulate_numbers_quantile(n, .95)), "p99",
                     number(simulate_numbers_quantile(n, .99)), "max", number(simulate_numbers_quantile(n, 1)));
}

static json_t *traffic_json(const struct simulate_run *r)
{
    json_t *o = json_object();
    double seconds = fmax((double)r->horizon_ms / 1000, .001);
    set_count(o, "jobs", r->sent);
    set_count(o, "refused", r->refused);
    set_count(o, "touches", r->touches);
    set_count(o, "leaves", r->leaves);
    set_count(o, "confirms", r->confirms);
    set_count(o, "releases", r->releases);
    set_count(o, "events", r->books.n_events);
    set_count(o, "repeated", r->books.repeated);
    set_count(o, "strangers", r->books.strangers);
    set_count(o, "pairs", r->books.n_pairs);
    set(o, "joinsPerS", number((double)r->joined / seconds));
    set(o, "jobsPerS", number((double)r->sent / seconds));
    return o;
}

static json_t *faults_json(const struct simulate_books *b)
{
    json_t *o = json_object(), *evidence = json_array();
    set_count(o, "total", simulate_books_faults(b));
    for (int i = 0; i < SIMULATE_FAULT_COUNT; i++)
        set_count(o, simulate_fault_name((enum simulate_fault)i), b->faults[i]);
    for (size_t i = 0; i < b->n_evidence; i++)
        (void)json_array_append_new(evidence, json_string(b->evidence[i]));
    set(o, "evidence", evidence);
    return o;
}

json_t *simulate_report_make(struct simulate_run *r)
{
    const struct trace *t = r->crowd.trace;
    struct material m = {.run = r};
    m.n = simulate_run_cases(r, &m.cases, &m.of);
    m.foretold = alloc_zero(m.n + 1, sizeof *m.foretold);
    m.case_of = alloc_zero((size_t)t->n_persons + 1, sizeof *m.case_of);
    memset(m.case_of, 0xff, t->n_persons * sizeof *m.case_of);
    for (size_t i = 0; i < m.n; i++)
        m.case_of[m.of[i]] = (uint32_t)i;
    simulate_censoring_init(&m.censoring, m.cases, m.n);
    json_t *latency = json_object(),
           *o = alloc_must(json_pack("{s:s, s:s, s:s, s:s, s:I}", "scenario", t->scenario, "queue", r->setup.queue,
                                     "pool", r->setup.pool, "run", r->crowd.run, "seed", (json_int_t)r->setup.seed));
    set(o, "speed", number(r->setup.speed));
    set(o, "horizonS", number((double)r->horizon_ms * r->setup.speed / 1000));
    set(o, "tookS", number((double)r->took_ms / 1000));
    set(o, "interrupted", json_boolean(r->interrupted));
    set(o, "gaveUp", json_boolean(r->gave_up));
    set(o, "people", people_json(&m));
    set(o, "published", published_json(&m));
    set(o, "notices", notices_json(&m));
    set(latency, "joinToAnswer", latency_json(&r->join_ms));
    set(latency, "matchToEvent", latency_json(&r->match_ms));
    set(latency, "ownLateness", latency_json(&r->late_ms));
    set(o, "latencyMs", latency);
    set(o, "traffic", traffic_json(r));
    set(o, "faults", faults_json(&r->books));
    simulate_censoring_fini(&m.censoring);
    free(m.cases);
    free(m.of);
    free(m.case_of);
    free(m.foretold);
    return o;
}
