/*
 * stores - see stores.h. Opens nothing before it is needed, and refuses to show a password in any message.
 */
#include "stores.h"

#include "pg_dial.h"

#include <stdio.h>

void stores_fini(struct stores *s)
{
    if (s == NULL)
        return;
    if (s->redis_open)
        redis_sync_close(&s->redis);
    s->redis_open = false;
    PQfinish(s->pg);
    s->pg = NULL;
}

int stores_conf(struct stores *s, const struct conf **ret_conf, struct err *e)
{
    if (s->conf == NULL) {
        int rc = s->load(s->arg, &s->conf, e);
        if (rc < 0)
            return rc;
    }
    *ret_conf = s->conf;
    return 0;
}

/* "Connection refused" of a default nobody chose misleads: says that no configuration was read, and how to name one. */
static int add_no_config(const struct stores *s, const char *key, const char *env, int rc, struct err *e)
{
    char dir[CONF_STR_MAX], before[ERR_MESSAGE_MAX];
    if (s->conf->path[0] != '\0' || getenv(env) != NULL)
        return rc;
    conf_default_dir(dir);
    (void)snprintf(before, sizeof before, "%s", e->message);
    return err_set(
        e, rc,
        "%.600s (no configuration file was found at /etc/stint/stint.conf or %.200s/stint.conf, so %s is the "
        "default; name the stack's folder with --dir or STINT_DIR, or start one with \"stint up\")",
        before, dir, key);
}

int stores_redis(struct stores *s, struct redis_sync **ret_redis, struct err *e)
{
    const struct conf *conf;
    int rc = stores_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    if (!s->redis_open || s->redis.ctx == NULL) {
        s->redis_open = false;
        rc = redis_sync_open(&s->redis, &conf->redis, e);
        if (rc < 0)
            return e != NULL ? add_no_config(s, "redis.url", "STINT_REDIS_URL", rc, e) : rc;
        s->redis_open = true;
        rc = redis_sync_functions(&s->redis, e);
        if (rc < 0)
            return rc;
    }
    *ret_redis = &s->redis;
    return 0;
}

int stores_pg(struct stores *s, PGconn **ret_pg, struct err *e)
{
    const struct conf *conf;
    int rc = stores_conf(s, &conf, e);
    if (s->pg != NULL && PQstatus(s->pg) != CONNECTION_OK) {
        PQfinish(s->pg);
        s->pg = NULL;
    }
    if (rc == 0 && s->pg == NULL)
        rc = pg_dial(&conf->postgres, s->application != NULL ? s->application : "stint", &s->pg, e);
    if (rc == 0)
        *ret_pg = s->pg;
    return rc;
}

int stores_redis_now(struct stores *s, int64_t *ret_ms, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = stores_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &reply, e, "TIME");
    if (rc < 0)
        return rc;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        *ret_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 + strtoll(reply->element[1]->str, NULL, 10) / 1000;
    else
        rc = err_set(e, ERR_PROTOCOL, "Redis answered TIME with something else than its time");
    freeReplyObject(reply);
    return rc;
}

int stores_sql(struct stores *s, const char *sql, int n_params, const char *const params[], PGresult **ret_rows,
               struct err *e)
{
    PGconn *pg;
    int rc = stores_pg(s, &pg, e);
    if (rc < 0)
        return rc;
    PGresult *rows = PQexecParams(pg, sql, n_params, NULL, params, NULL, NULL, 0);
    rc = pg_dial_fault(pg, rows, e);
    if (rc < 0) {
        PQclear(rows);
        return rc;
    }
    *ret_rows = rows;
    return 0;
}
