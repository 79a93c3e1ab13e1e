/*
 * drill - see drill.h. Refuses to run where it would meet somebody's work: the lab is for staging.
 */
#include "drill.h"

#include "clock.h"
#include "drill_table.h"
#include "enqueue_options.h"
#include "job_wait.h"
#include "queue_rows.h"

#include <poll.h>
#include <stdio.h>

enum { LOOK_EVERY_MS = 20, PURGE_BATCH = 100 };

static const struct drill drills[] = {
#define X(name, act, ...) {name, DRILL_##act, __VA_ARGS__},
    DRILL_TABLE(X)
#undef X
};

const struct drill *drill_all(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(drills);
    return drills;
}

const struct drill *drill_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(drills); i++)
        if (strcmp(drills[i].name, name) == 0)
            return &drills[i];
    return NULL;
}

/* -- the lab ---------------------------------------------------------------------------------------------------------
 */

const char *drill_pool_of(const struct conf *conf, const char *queue, const char *kind)
{
    for (size_t i = 0; i < conf->n_pools; i++) {
        const struct conf_pool *p = &conf->pools[i];
        char item[KIND_MAX];
        if (strcmp(p->queue, queue) != 0 || p->lane[0] != '\0')
            continue;
        for (const char *cursor = p->kinds; conf_list_next(&cursor, item, sizeof item);)
            if (strcmp(item, kind) == 0)
                return p->name;
    }
    return NULL;
}

static int check_enabled(const struct conf *conf, struct err *e)
{
    const struct conf_kind *kind = conf_kind_of(conf, "probe");
    if (kind != NULL && kind->enabled == 1)
        return 0;
    return err_set(
        e, ERR_REFUSED,
        "the failure lab is the kind probe, and it is off here. On staging, write \"[kind.probe]\" and "
        "\"enabled = yes\" into %s (a pool of yours must list the kind, if it names pools), then restart the "
        "supervisor",
        conf->path[0] != '\0' ? conf->path : "stint.conf");
}

static int64_t jobs_in(const json_t *stats)
{
    int64_t n = json_number(stats, "scheduled", 0) + json_number(stats, "parked", 0);
    json_t *bands = json_object_get(stats, "bands"), *band;
    const char *name;
    json_object_foreach(bands, name, band)
    {
        n += json_number(band, "ready", 0) + json_number(band, "active", 0);
    }
    return n;
}

/* Somebody's work, on any queue of this configuration: its workers share this supervisor and this Redis. */
static int check_idle(struct session *s, struct err *e)
{
    struct queue_list list;
    int rc = queue_list_resolve(&s->stores, NULL, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        json_t *stats = NULL;
        rc = queue_rows_ask(s, list.names[i], &stats, e);
        int64_t n = rc == 0 ? jobs_in(stats) : 0;
        json_decref(stats);
        if (n > 0)
            return err_set(e, ERR_REFUSED,
                           "queue %s holds %lld job%s that no drill put there: this looks like production. Drills kill "
                           "workers; run them on staging, or say --yes",
                           list.names[i], (long long)n, n == 1 ? "" : "s");
    }
    return rc;
}

int drill_lab_open(struct drill_lab *lab, struct session *s, const char *queue, bool yes, struct err *e)
{
    const struct conf *conf;
    *lab = (struct drill_lab){.s = s, .kind = "probe"};
    int rc = session_conf(s, &conf, e);
    if (rc == 0)
        rc = check_enabled(conf, e);
    if (rc == 0)
        rc = enqueue_options_queue(s, "probe", queue, lab->queue, e);
    if (rc < 0)
        return rc;
    lab->pool = drill_pool_of(conf, lab->queue, lab->kind);
    if (lab->pool == NULL)
        return err_set(e, ERR_REFUSED,
                       "no pool of this configuration runs the kind probe on queue %s: add it to the kinds of a pool "
                       "([pool.NAME] kinds = …, probe)",
                       lab->queue);
    if (!yes && (rc = check_idle(s, e)) < 0)
        return rc;
    (void)snprintf(lab->run, sizeof lab->run, "%llx", (unsigned long long)clock_wall_ms());
    lab->ids = calloc(DRILL_JOBS_MAX, sizeof *lab->ids);
    return lab->ids != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the lab");
}

void drill_lab_close(struct drill_lab *lab)
{
    if (lab == NULL)
        return;
    free(lab->ids);
    lab->ids = NULL;
    lab->n_ids = 0;
}

int drill_lab_purge(struct drill_lab *lab, int64_t *ret_purged, struct err *e)
{
    int64_t purged = 0;
    for (size_t i = 0; i < lab->n_ids;) {
        struct queue_call c;
        int64_t n = 0;
        queue_call_init(&c, "stint_purge", lab->queue);
        queue_call_add(&c, lab->s->stores.actor);
        queue_call_add(&c, "dead letters of stint drill");
        for (int k = 0; k < PURGE_BATCH && i < lab->n_ids; k++, i++)
            queue_call_add(&c, lab->ids[i]);
        int rc = queue_call_integer(&lab->s->stores, &c, &n, e);
        if (rc < 0)
            return rc;
        purged += n;
    }
    *ret_purged = purged;
    return 0;
}

/* -- one drill -------------------------------------------------------------------------------------------------------
 */

static char *options_of(const struct drill_lab *lab, const struct drill *d, const char *unique,
                        const char id[static JOB_ID_MAX])
{
    json_t *options = json_loads(d->options, 0, NULL);
    assert(options != NULL); /* our own table */
    (void)json_object_set_new(options, "kind", json_string(lab->kind));
    (void)json_object_set_new(options, "id", json_string(id));
    (void)json_object_set_new(options, "actor", json_string(lab->s->stores.actor));
    if (unique != NULL)
        (void)json_object_set_new(options, "unique", json_string(unique));
    char *text = json_dumps(options, JSON_COMPACT);
    json_decref(options);
    return text;
}

int drill_send(struct drill_lab *lab, const struct drill *d, const char *unique, char ret_id[static JOB_ID_MAX],
               char ret_state[static 32], struct err *e)
{
    struct queue_call c;
    json_t *answer = NULL;
    char id[JOB_ID_MAX];
    if (lab->n_ids >= DRILL_JOBS_MAX)
        return err_set(e, ERR_REFUSED, "a run of the lab sends at most %d jobs", DRILL_JOBS_MAX);
    (void)snprintf(id, sizeof id, "drill-%s-%s-%zu", lab->run, d->name, ++lab->n_sent);
    AUTO_FREE char *options = options_of(lab, d, unique, id);
    if (options == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the job");
    queue_call_init(&c, "stint_enqueue", lab->queue);
    queue_call_add(&c, options);
    queue_call_add(&c, d->payload);
    int rc = queue_call_json(&lab->s->stores, &c, &answer, e);
    if (rc == 0 && strcmp(json_text(answer, "state"), "refused") == 0)
        rc = err_set(e, ERR_REFUSED, "the queue refused a drill's job: %s", json_text(answer, "why"));
    if (rc == 0) {
        (void)snprintf(ret_id, JOB_ID_MAX, "%s", json_text(answer, "id"));
        (void)snprintf(ret_state, 32, "%s", json_text(answer, "state"));
        (void)snprintf(lab->ids[lab->n_ids++], JOB_ID_MAX, "%s", ret_id);
    }
    json_decref(answer);
    return rc;
}

int drill_await(struct drill_lab *lab, const char *id, int64_t within_ms, json_t **ret_job, bool *ret_ended,
                struct err *e)
{
    uint64_t until_ms = clock_mono_ms() + (uint64_t)within_ms;
    for (;;) {
        struct queue_call c;
        json_t *job = NULL;
        queue_call_init(&c, "stint_job", lab->queue);
        queue_call_add(&c, id);
        int rc = queue_call_json(&lab->s->stores, &c, &job, e);
        if (rc < 0)
            return rc;
        *ret_ended = job_wait_ended(json_text(job, "state"));
        if (*ret_ended || clock_mono_ms() >= until_ms) {
            *ret_job = job;
            return 0;
        }
        json_decref(job);
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

int drill_run(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    *ret = (struct drill_result){.verdict = DRILL_FAILED, .took_ms = -1};
    return drill_act(lab, d, ret, e);
}
