/*
 * host_control - see host_control.h. Refuses to guess which of several supervisors is meant where only one can be.
 */
#include "host_control.h"

#include "audit_note.h"
#include "control_client.h"
#include "queue_call.h"

#include <dirent.h>
#include <stdio.h>

enum { CONTROL_TIMEOUT_MS = 10000 };

/* -- finding them ----------------------------------------------------------------------------------------------------
 */

static bool has_socket(const char *run_dir, const char *name)
{
    char path[CONF_STR_MAX * 2];
    (void)snprintf(path, sizeof path, "%s/%s%scontrol.sock", run_dir, name, *name != '\0' ? "/" : "");
    return access(path, F_OK) == 0;
}

static void add_place(struct host_replies *r, const char *run_dir, const char *name)
{
    struct host_reply *item = &r->items[r->n++];
    *item = (struct host_reply){.reply = NULL};
    (void)snprintf(item->run_dir, sizeof item->run_dir, "%.400s%s%.63s", run_dir, *name != '\0' ? "/" : "", name);
    (void)snprintf(item->name, sizeof item->name, "%.63s", name);
}

static void find_places(struct host_replies *r, const char *run_dir, bool alone)
{
    struct dirent **entries = NULL;
    if (alone || has_socket(run_dir, ""))
        add_place(r, run_dir, "");
    int n = alone ? 0 : scandir(run_dir, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        if (name[0] != '.' && strlen(name) < sizeof r->items[0].name && r->n < HOST_SUPERVISORS_MAX &&
            has_socket(run_dir, name))
            add_place(r, run_dir, name);
        free(entries[i]);
    }
    free(entries);
    if (r->n == 0)
        add_place(r, run_dir, "");
}

static int open_places(struct session *s, struct host_replies *ret, struct err *e)
{
    const struct conf *conf;
    *ret = (struct host_replies){.items = NULL};
    int rc = session_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    ret->items = calloc(HOST_SUPERVISORS_MAX, sizeof *ret->items);
    if (ret->items == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to ask the supervisors");
    find_places(ret, conf->supervisor.run_dir, args_has(&s->args, "run-dir"));
    return 0;
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

int host_control_at(struct session *s, const char *run_dir, const char *verb, json_t *fields, json_t **ret_reply,
                    struct err *e)
{
    int rc = control_client_ask(run_dir, verb, fields, CONTROL_TIMEOUT_MS, ret_reply, e);
    if (rc == 0)
        audit_note_control(s, verb, fields, *ret_reply);
    return rc;
}

static void ask(struct session *s, struct host_reply *item, const char *verb, json_t *fields)
{
    if (host_control_at(s, item->run_dir, verb, fields, &item->reply, &item->e) < 0)
        item->reply = NULL;
}

int host_control_all(struct session *s, const char *verb, json_t *fields, struct host_replies *ret, struct err *e)
{
    int rc = open_places(s, ret, e);
    for (size_t i = 0; rc == 0 && i < ret->n; i++)
        ask(s, &ret->items[i], verb, fields);
    return rc;
}

void host_replies_fini(struct host_replies *r)
{
    for (size_t i = 0; i < r->n; i++)
        json_decref(r->items[i].reply);
    free(r->items);
    *r = (struct host_replies){.items = NULL};
}

int host_replies_fault(const struct host_replies *r, struct err *e)
{
    const struct host_reply *not_found = NULL;
    size_t answered = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct host_reply *item = &r->items[i];
        answered += item->reply != NULL;
        if (item->reply == NULL && item->e.code != ERR_NOT_FOUND) {
            *e = item->e;
            return e->code;
        }
        if (item->reply == NULL)
            not_found = item;
    }
    if (answered > 0 || not_found == NULL)
        return 0;
    *e = not_found->e;
    return e->code;
}

/* -- the one that is meant -------------------------------------------------------------------------------------------
 */

static bool runs_pool(const struct host_reply *item, const char *pool)
{
    const json_t *pools = json_object_get(item->reply, "pools");
    for (size_t i = 0; i < json_array_size(pools); i++)
        if (strcmp(json_text(json_array_get(pools, i), "name"), pool) == 0)
            return true;
    return false;
}

static int several(const struct host_replies *r, const char *pool, struct err *e)
{
    enum { LIST_MAX = 600 };
    char list[LIST_MAX] = "";
    size_t len = 0;
    for (size_t i = 0; i < r->n && len < sizeof list; i++)
        if (pool == NULL || runs_pool(&r->items[i], pool))
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "", r->items[i].run_dir);
    return err_set(e, ERR_BAD_ARGUMENT, "several supervisors of this host could be meant; name one with --run-dir: %s",
                   list);
}

static int nobody_runs(const struct host_replies *r, const char *pool, struct err *e)
{
    enum { LIST_MAX = 600 };
    char list[LIST_MAX] = "";
    size_t len = 0;
    for (size_t i = 0; i < r->n; i++) {
        const json_t *pools = json_object_get(r->items[i].reply, "pools");
        for (size_t k = 0; k < json_array_size(pools) && len < sizeof list; k++)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "",
                                    json_text(json_array_get(pools, k), "name"));
    }
    return err_set(e, ERR_NOT_FOUND, "no supervisor of this host runs a pool \"%.60s\"; pools: %s", pool, list);
}

/* The place that runs the pool; every place was asked for its status. */
static int choose(const struct host_replies *r, const char *pool, const struct host_reply **ret, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (!runs_pool(&r->items[i], pool))
            continue;
        *ret = &r->items[i];
        n++;
    }
    return n == 1 ? 0 : n > 1 ? several(r, pool, e) : nobody_runs(r, pool, e);
}

int host_control_one(struct session *s, const char *verb, json_t *fields, json_t **ret_reply, struct err *e)
{
    struct host_replies places;
    const char *pool = json_string_value(json_object_get(fields, "pool"));
    int rc = open_places(s, &places, e);
    const struct host_reply *meant = rc == 0 ? &places.items[0] : NULL;
    if (rc == 0 && places.n > 1 && pool == NULL)
        rc = several(&places, NULL, e);
    for (size_t i = 0; rc == 0 && places.n > 1 && i < places.n; i++)
        ask(s, &places.items[i], "status", NULL);
    if (rc == 0 && places.n > 1)
        rc = choose(&places, pool, &meant, e);
    if (rc == 0)
        rc = host_control_at(s, meant->run_dir, verb, fields, ret_reply, e);
    host_replies_fini(&places);
    return rc;
}

/* -- what they say together ------------------------------------------------------------------------------------------
 */

void host_replies_gather(const struct host_replies *r, const char *key, json_t *to)
{
    for (size_t i = 0; i < r->n; i++) {
        const json_t *items = json_object_get(r->items[i].reply, key);
        for (size_t k = 0; k < json_array_size(items); k++) {
            json_t *copy = json_copy(json_array_get(items, k));
            (void)json_object_set_new(copy, "supervisor", json_string(r->items[i].name));
            (void)json_object_set_new(copy, "run_dir", json_string(r->items[i].run_dir));
            (void)json_array_append_new(to, copy);
        }
    }
}

int host_control_workers(struct session *s, json_t **ret_workers, struct err *e)
{
    struct host_replies replies;
    int rc = host_control_all(s, "worker.list", NULL, &replies, e);
    if (rc == 0)
        rc = host_replies_fault(&replies, e);
    if (rc == 0) {
        *ret_workers = json_array();
        host_replies_gather(&replies, "workers", *ret_workers);
    }
    host_replies_fini(&replies);
    return rc;
}
