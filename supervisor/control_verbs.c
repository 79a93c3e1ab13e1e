/*
 * control_verbs - see control_verbs.h. A table of verbs; refuses what it does not know by naming what it does.
 */
#include "control_verbs.h"

#include "control_status.h"
#include "log.h"
#include "supervisor_uv.h"
#include <stdio.h>

/* An answer, or NULL with e filled. */
typedef json_t *(*verb_fn)(struct supervisor *s, const json_t *request, struct err *e);

static json_t *ok_object(void)
{
    return json_pack("{s:b}", "ok", 1);
}

/* -- arguments -------------------------------------------------------------------------------------------------------
 */

static int integer_of(const json_t *request, const char *key, int64_t *ret, struct err *e)
{
    const json_t *value = json_object_get(request, key);
    if (!json_is_integer(value))
        return err_set(e, ERR_BAD_ARGUMENT, "\"%s\" is required and must be a whole number", key);
    *ret = json_integer_value(value);
    return 0;
}

static int pool_of(struct supervisor *s, const json_t *request, bool required, struct pool **ret, struct err *e)
{
    const json_t *value = json_object_get(request, "pool");
    if (value == NULL && !required) {
        *ret = NULL;
        return 0;
    }
    struct pool *pool = json_is_string(value) ? slots_pool(s->slots, json_string_value(value)) : NULL;
    if (pool != NULL) {
        *ret = pool;
        return 0;
    }
    char names[512] = "";
    size_t n = 0;
    for (size_t i = 0; i < s->slots->n_pools && n < sizeof names - QUEUE_MAX - 2; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i > 0 ? ", " : "", s->slots->pools[i].name);
    if (!json_is_string(value))
        return err_set(e, ERR_BAD_ARGUMENT, "\"pool\" must be the name of a pool: %s", names);
    return err_set(e, ERR_NOT_FOUND, "there is no pool \"%s\"; pools: %s", json_string_value(value), names);
}

static int slot_of(struct supervisor *s, const json_t *request, struct slot **ret, struct err *e)
{
    int64_t number = -1;
    int rc = integer_of(request, "slot", &number, e);
    if (rc < 0)
        return rc;
    if (number < 0 || number >= SCORE_SLOT_MAX || !slot_state_live(s->slots->table[number].state))
        return err_set(e, ERR_NOT_FOUND, "no worker runs in slot %lld; \"stint worker list\" shows those that do",
                       (long long)number);
    *ret = &s->slots->table[number];
    return 0;
}

/* -- workers ---------------------------------------------------------------------------------------------------------
 */

enum worker_act { WORKER_QUIET, WORKER_RESUME, WORKER_RESTART };

static void act_on_pool(struct supervisor *s, struct pool *pool, enum worker_act act)
{
    if (act == WORKER_RESTART) {
        slots_uv_retry_pool(&s->procs, pool);
        return;
    }
    pool->quiet = act == WORKER_QUIET;
}

static void act_on_slot(struct supervisor *s, struct slot *slot, enum worker_act act)
{
    if (act == WORKER_RESTART) {
        slot->replace = true;
        slots_uv_look_within(&s->procs, 1);
        return;
    }
    slots_uv_quiet(&s->procs, slot, act == WORKER_QUIET);
}

/* All slots that "pool" and "slot" select. */
static json_t *act_on_workers(struct supervisor *s, const json_t *request, enum worker_act act, struct err *e)
{
    struct pool *pool = NULL;
    struct slot *only = NULL;
    if (pool_of(s, request, false, &pool, e) < 0)
        return NULL;
    if (json_object_get(request, "slot") != NULL && slot_of(s, request, &only, e) < 0)
        return NULL;
    int count = 0;
    for (size_t i = 0; only == NULL && i < s->slots->n_pools; i++)
        if (pool == NULL || pool == &s->slots->pools[i])
            act_on_pool(s, &s->slots->pools[i], act);
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &s->slots->table[i];
        bool chosen = only != NULL ? slot == only : (pool == NULL || slot->pool == pool);
        if (!chosen || !slot_state_live(slot->state))
            continue;
        act_on_slot(s, slot, act);
        count++;
    }
    return json_pack("{s:b,s:i}", "ok", 1, "count", count);
}

static json_t *verb_quiet(struct supervisor *s, const json_t *request, struct err *e)
{
    return act_on_workers(s, request, WORKER_QUIET, e);
}

static json_t *verb_resume(struct supervisor *s, const json_t *request, struct err *e)
{
    if (json_object_get(request, "pool") == NULL && json_object_get(request, "slot") == NULL)
        supervisor_quiet(s, false);
    return act_on_workers(s, request, WORKER_RESUME, e);
}

static json_t *verb_restart(struct supervisor *s, const json_t *request, struct err *e)
{
    return act_on_workers(s, request, WORKER_RESTART, e);
}

static json_t *verb_scale(struct supervisor *s, const json_t *request, struct err *e)
{
    struct pool *pool = NULL;
    int64_t n = 0;
    const char *word = json_string_value(json_object_get(request, "n"));
    bool by_itself = word != NULL && strcmp(word, "auto") == 0;
    if (pool_of(s, request, true, &pool, e) < 0 || (!by_itself && integer_of(request, "n", &n, e) < 0))
        return NULL;
    int was = (int)pool->desired;
    if (by_itself)
        supervisor_scale_auto(s, pool);
    else if (supervisor_scale(s, pool, n, e) < 0)
        return NULL;
    return json_pack("{s:b,s:s,s:i,s:i,s:b,s:b}", "ok", 1, "pool", pool->name, "desired", (int)pool->desired, "was",
                     was, "manual", pool->manual, "scaled", conf_pool_scaled(pool->conf));
}

static json_t *verb_kill(struct supervisor *s, const json_t *request, struct err *e)
{
    struct slot *slot = NULL;
    if (slot_of(s, request, &slot, e) < 0)
        return NULL;
    struct score_now now = {0};
    bool known = score_read(slots_cell(s->slots, slot), &now) && now.running == 1;
    json_t *reply = json_pack("{s:b,s:i,s:i,s:s}", "ok", 1, "slot", (int)slot->number, "pid", (int)slot->pid, "job",
                              known ? now.job_id : "");
    slots_uv_kill(&s->procs, slot, EXIT_INTENT_OPERATOR_KILL);
    return reply;
}

static json_t *verb_list(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    (void)e;
    return json_pack("{s:b,s:o}", "ok", 1, "workers", control_status_workers(s));
}

/* -- the supervisor --------------------------------------------------------------------------------------------------
 */

static json_t *verb_ping(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    (void)e;
    return json_pack("{s:b,s:s,s:i}", "ok", 1, "instance", s->instance, "pid", (int)getpid());
}

static json_t *verb_status(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    (void)e;
    return control_status(s);
}

static json_t *verb_drain(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    (void)e;
    supervisor_drain(s);
    return ok_object();
}

static json_t *verb_stop(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    (void)e;
    supervisor_stop(s);
    return ok_object();
}

static json_t *verb_upgrade(struct supervisor *s, const json_t *request, struct err *e)
{
    enum { TIMEOUT_MAX_MS = 3600000 };
    int64_t timeout_ms = 0;
    if (json_object_get(request, "timeout_ms") != NULL && integer_of(request, "timeout_ms", &timeout_ms, e) < 0)
        return NULL;
    if (timeout_ms < 0 || timeout_ms > TIMEOUT_MAX_MS) {
        (void)err_set(e, ERR_BAD_ARGUMENT, "\"timeout_ms\" must be 0 (as configured) to %d", TIMEOUT_MAX_MS);
        return NULL;
    }
    if (supervisor_upgrade(s, (uint64_t)timeout_ms, e) < 0)
        return NULL;
    return control_status_handover(s);
}

static json_t *verb_handover(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    (void)e;
    return control_status_handover(s);
}

static json_t *names_of(const struct reload_names *names)
{
    json_t *array = json_array();
    for (size_t i = 0; i < MIN_OF(names->n, (size_t)RELOAD_NAMES_MAX); i++)
        (void)json_array_append_new(array, json_string(names->names[i]));
    return array;
}

static json_t *verb_reload(struct supervisor *s, const json_t *request, struct err *e)
{
    (void)request;
    struct reload_report *report = malloc(sizeof *report);
    if (report == NULL || supervisor_reload(s, report, e) < 0) {
        free(report);
        return NULL;
    }
    json_t *reply = json_pack("{s:b,s:o,s:o}", "ok", 1, "changed", names_of(&report->changed), "needs_restart",
                              names_of(&report->needs_restart));
    free(report);
    return reply;
}

/* -- the table -------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    verb_fn answer;
    bool changes;
} verbs[] = {
    {"ping", verb_ping, false},
    {"status", verb_status, false},
    {"worker.list", verb_list, false},
    {"worker.scale", verb_scale, true},
    {"worker.quiet", verb_quiet, true},
    {"worker.resume", verb_resume, true},
    {"worker.restart", verb_restart, true},
    {"worker.kill", verb_kill, true},
    {"drain", verb_drain, true},
    {"stop", verb_stop, true},
    {"reload", verb_reload, true},
    {"upgrade", verb_upgrade, true},
    {"handover", verb_handover, false},
};

/* Who connected before the successor took the socket's name is told to ask it. */
static bool handed_over(const struct supervisor *s, struct err *e)
{
    if (s->given_ms == 0)
        return false;
    (void)err_set(e, ERR_REFUSED, "this supervisor has handed over to pid %d and only drains; ask again",
                  (int)s->handover.peer.pid);
    return true;
}

static json_t *unknown(const char *verb)
{
    char message[512];
    int n = snprintf(message, sizeof message, "unknown verb \"%.40s\"; allowed:", verb);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        n += snprintf(message + n, sizeof message - (size_t)n, "%s %s", i > 0 ? "," : "", verbs[i].name);
    return control_error(ERR_BAD_ARGUMENT, message);
}

json_t *control_verbs_answer(void *arg, const json_t *request, const struct control_peer *peer)
{
    const char *verb = json_string_value(json_object_get(request, "verb"));
    if (verb == NULL)
        return control_error(ERR_BAD_ARGUMENT, "a request needs \"verb\", a text; \"status\" is a good first one");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, verb) != 0)
            continue;
        struct err e = {0};
        json_t *reply = verbs[i].changes && handed_over(arg, &e) ? NULL : verbs[i].answer(arg, request, &e);
        if (verbs[i].changes)
            log_info("asked over the control socket", KV_S("verb", verb), KV_I("actor_uid", peer->uid),
                     KV_I("actor_pid", peer->pid), KV_S("result", reply != NULL ? "ok" : e.message));
        if (reply == NULL)
            return control_error(e.code != 0 ? e.code : ERR_OUT_OF_MEMORY, e.code != 0 ? e.message : "out of memory");
        return reply;
    }
    return unknown(verb);
}
