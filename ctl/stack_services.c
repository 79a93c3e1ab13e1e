/*
 * stack_services - the settings that make a private Redis and PostgreSQL safe to put jobs into. Each setting that is
 * not a default is there for a reason given beside it. It refuses TCP: the services are for this machine's stack alone.
 */
#include "stack_services.h"

#include "control_client.h"
#include "queue_call.h"
#include "redis_sync.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

enum { PROBE_MS = 1000 };

static const char postgres_root[] = "/usr/lib/postgresql";

char *stack_redis_url(const struct stack_dir *d, char out[static CONF_STR_MAX])
{
    (void)snprintf(out, CONF_STR_MAX, "unix://%s/run/redis.sock", d->root);
    return out;
}

static char *database_url(const struct stack_dir *d, const char *database, char out[static CONF_STR_MAX])
{
    (void)snprintf(out, CONF_STR_MAX, "postgresql:///%s?host=%s/run&port=5432&user=stint", database, d->root);
    return out;
}

char *stack_postgres_url(const struct stack_dir *d, char out[static CONF_STR_MAX])
{
    return database_url(d, "stint", out);
}

/* --- Redis --- */

static int find_redis(char out[static STACK_PATH_MAX], struct err *e)
{
    static const char *const places[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                         "/usr/bin/valkey-server"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) == 0) {
            (void)snprintf(out, STACK_PATH_MAX, "%s", places[i]);
            return 0;
        }
    }
    return err_set(
        e, -ENOENT,
        "redis-server is not installed (looked for /usr/bin and /usr/local/bin): \"apt-get install redis-server\", or "
        "use a Redis of yours with STINT_REDIS_URL");
}

int stack_redis_init(struct stack_child *c, const struct stack_dir *d, struct err *e)
{
    char program[STACK_PATH_MAX];
    int rc = find_redis(program, e);
    if (rc < 0)
        return rc;
    stack_child_init(c, d, "Redis", program, "redis.log", SIGTERM);
    static const char *const pairs[][2] = {
        {"--port", "0"},
        {"--unixsocketperm", "700"},
        {"--appendonly", "yes"},       /* a job accepted is a job kept… */
        {"--appendfsync", "everysec"}, /* …but for the last second of a power loss */
        {"--save", ""},
        {"--maxmemory-policy", "noeviction"}, /* a full Redis refuses jobs; it never forgets one */
        {"--stream-node-max-entries", "16"},  /* finished entries free their memory sooner */
        {"--stream-node-max-bytes", "512"},
        {"--daemonize", "no"},
        {"--supervised", "no"},
    };
    stack_child_arg(c, "--unixsocket");
    stack_child_arg(c, "%s/run/redis.sock", d->root);
    stack_child_arg(c, "--dir");
    stack_child_arg(c, "%s/redis", d->root);
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        stack_child_arg(c, "%s", pairs[i][0]);
        stack_child_arg(c, "%s", pairs[i][1]);
    }
    return 0;
}

enum stack_probe stack_redis_probe(const struct conf *conf, struct err *e)
{
    struct redis_sync redis;
    struct conf_redis quick = conf->redis;
    redisReply *reply = NULL;
    quick.connect_timeout = quick.command_timeout = PROBE_MS;
    int rc = redis_sync_open(&redis, &quick, e);
    if (rc == 0)
        rc = redis_sync_cmd(&redis, &reply, e,
                            "INCRBY stint:up 0"); /* LOADING, READONLY and a full disk all show here */
    if (rc == 0)
        freeReplyObject(reply);
    redis_sync_close(&redis);
    if (rc == 0)
        return STACK_PROBE_READY;
    return e && strstr(e->message, "LOADING") ? STACK_PROBE_WORKING : STACK_PROBE_SILENT;
}

/* --- PostgreSQL --- */

/* Folder of the programs: of the version the data was made by, else of the newest installed. */
static int find_postgres(const struct stack_dir *d, char out[static STACK_PATH_MAX], struct err *e)
{
    char path[STACK_PATH_MAX], text[16] = "";
    AUTO_CLOSE int fd = open(stack_dir_path(d, "postgres/PG_VERSION", path), O_RDONLY | O_CLOEXEC);
    int wanted = fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? atoi(text) : 0, newest = 0;
    DIR *versions = opendir(postgres_root);
    for (struct dirent *entry; versions && (entry = readdir(versions));) {
        int version = atoi(entry->d_name);
        (void)snprintf(path, sizeof path, "%s/%d/bin/postgres", postgres_root, version);
        if (version > newest && (wanted == 0 || version == wanted) && access(path, X_OK) == 0)
            newest = version;
    }
    if (versions)
        (void)closedir(versions);
    if (newest == 0 && wanted != 0)
        return err_set(e, -ENOENT,
                       "the data in %s/postgres is of PostgreSQL %d, which is not installed: \"apt-get install "
                       "postgresql-%d\"",
                       d->root, wanted, wanted);
    if (newest == 0)
        return err_set(
            e, -ENOENT,
            "PostgreSQL is not installed (looked for %s/*/bin/postgres): \"apt-get install postgresql\", or use a "
            "PostgreSQL of yours with STINT_POSTGRES_URL",
            postgres_root);
    (void)snprintf(out, STACK_PATH_MAX, "%s/%d/bin", postgres_root, newest);
    return 0;
}

int stack_postgres_init(struct stack_child *c, const struct stack_dir *d, struct err *e)
{
    char bin[STACK_PATH_MAX], program[STACK_PATH_MAX + 16];
    int rc = find_postgres(d, bin, e);
    if (rc < 0)
        return rc;
    (void)snprintf(program, sizeof program, "%s/postgres", bin);
    stack_child_init(c, d, "PostgreSQL", program, "postgres.log", SIGINT);
    stack_child_arg(c, "-D");
    stack_child_arg(c, "%s/postgres", d->root);
    static const char *const settings[] = {
        "port=5432",         /* the socket's name; an inherited PGPORT must not change it */
        "listen_addresses=", /* Unix socket only */
        "unix_socket_permissions=0700",
        "max_connections=200", /* every worker may hold two */
        "cluster_name=stint",
        "log_line_prefix=%m [%p] ",
    };
    stack_child_arg(c, "-c");
    stack_child_arg(c, "unix_socket_directories=%s/run", d->root);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        stack_child_arg(c, "-c");
        stack_child_arg(c, "%s", settings[i]);
    }
    return 0;
}

bool stack_initdb_needed(const struct stack_dir *d)
{
    char path[STACK_PATH_MAX];
    return access(stack_dir_path(d, "postgres/PG_VERSION", path), F_OK) < 0;
}

int stack_initdb_init(struct stack_child *c, const struct stack_dir *d, struct err *e)
{
    char bin[STACK_PATH_MAX], program[STACK_PATH_MAX + 16];
    int rc = find_postgres(d, bin, e);
    if (rc < 0)
        return rc;
    (void)snprintf(program, sizeof program, "%s/initdb", bin);
    stack_child_init(c, d, "initdb", program, "postgres.log", SIGTERM);
    static const char *const options[] = {"--username=stint",
                                          "--auth-local=trust", /* the socket's folder is closed to others */
                                          "--auth-host=reject", "--encoding=UTF8", "--locale=C"};
    stack_child_arg(c, "-D");
    stack_child_arg(c, "%s/postgres.new", d->root);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        stack_child_arg(c, "%s", options[i]);
    return 0;
}

int stack_postgres_adopt(const struct stack_dir *d, struct err *e)
{
    char from[STACK_PATH_MAX], to[STACK_PATH_MAX];
    if (rename(stack_dir_path(d, "postgres.new", from), stack_dir_path(d, "postgres", to)) < 0)
        return err_set_errno(e, errno, "cannot rename %s to %s", from, to);
    return 0;
}

enum stack_probe stack_postgres_probe(const char *url, struct err *e)
{
    switch (PQping(url)) {
    case PQPING_OK:
        return STACK_PROBE_READY;
    case PQPING_REJECT:
        (void)err_set(e, ERR_STORE_UNAVAILABLE, "PostgreSQL starts up or recovers, and accepts no connection yet");
        return STACK_PROBE_WORKING;
    case PQPING_NO_RESPONSE:
        (void)err_set(e, ERR_STORE_UNAVAILABLE,
                      "PostgreSQL cannot be reached; is it running, and is postgres.url right?");
        return STACK_PROBE_SILENT;
    case PQPING_NO_ATTEMPT:
        break;
    }
    (void)err_set(e, ERR_BAD_CONFIG, "postgres.url is no valid connection URI");
    return STACK_PROBE_SILENT;
}

int stack_postgres_database(const struct stack_dir *d, struct err *e)
{
    char url[CONF_STR_MAX];
    int rc = 0;
    PGconn *pg = PQconnectdb(database_url(d, "postgres", url));
    PGresult *found = PQexec(pg, "SELECT 1 FROM pg_database WHERE datname = 'stint'");
    if (PQresultStatus(found) != PGRES_TUPLES_OK)
        rc = err_set(e, ERR_STORE_UNAVAILABLE, "PostgreSQL: %.300s", PQerrorMessage(pg));
    if (rc == 0 && PQntuples(found) == 0) {
        PGresult *made = PQexec(pg, "CREATE DATABASE stint");
        if (PQresultStatus(made) != PGRES_COMMAND_OK)
            rc = err_set(e, ERR_STORE_REFUSED, "PostgreSQL: %.300s", PQerrorMessage(pg));
        PQclear(made);
    }
    PQclear(found);
    PQfinish(pg);
    return rc;
}

/* --- the supervisor --- */

int stack_supervisor_init(struct stack_child *c, const struct stack_dir *d, const char *conf_path, struct err *e)
{
    char program[STACK_PATH_MAX], beside[STACK_PATH_MAX];
    int rc = stack_dir_program(d, "stint-worker", beside, e);
    if (rc == 0)
        rc = stack_dir_program(d, "stint-parser", beside, e);
    if (rc == 0)
        rc = stack_dir_program(d, "stint-relay", beside, e);
    if (rc == 0)
        rc = stack_dir_program(d, "stint-supervisor", program, e);
    if (rc < 0)
        return rc;
    /* With the stack, Redis and PostgreSQL end too: there is nothing left to drain into. */
    stack_child_init(c, d, "supervisor", program, "supervisor.log", SIGKILL);
    stack_child_arg(c, "--config");
    stack_child_arg(c, "%s", conf_path);
    stack_child_arg(c, "--hold-fd"); /* the stack's lock: a successor of this one has it too */
    stack_child_arg(c, "%d", STACK_LOCK_FD);
    return 0;
}

pid_t stack_supervisor_pid(const struct conf *conf)
{
    json_t *reply = NULL;
    if (control_client_ask(conf->supervisor.run_dir, "ping", NULL, PROBE_MS, &reply, NULL) < 0)
        return 0;
    pid_t pid = (pid_t)json_number(reply, "pid", 0);
    json_decref(reply);
    return pid;
}

/* What one pool says: READY with workers, WORKING while it boots, SILENT when it was stopped for good (e says why). */
static enum stack_probe pool_probe(const json_t *pool, struct err *e)
{
    if (json_integer_value(json_object_get(pool, "desired")) == 0 ||
        json_integer_value(json_object_get(pool, "ready")) > 0)
        return STACK_PROBE_READY;
    (void)err_set(e, ERR_BOOT_FAILURE, "no worker of pool %s is ready: %.400s", json_text(pool, "name"),
                  json_text(pool, "error"));
    return strcmp(json_text(pool, "state"), "stopped") == 0 ? STACK_PROBE_SILENT : STACK_PROBE_WORKING;
}

enum stack_probe stack_supervisor_probe(const struct conf *conf, struct err *e)
{
    json_t *status = NULL;
    size_t ready = 0, booting = 0;
    if (control_client_ask(conf->supervisor.run_dir, "status", NULL, PROBE_MS, &status, e) < 0)
        return STACK_PROBE_SILENT;
    const json_t *redis = json_object_get(status, "redis"), *pools = json_object_get(status, "pools");
    bool has_redis = json_is_true(json_object_get(redis, "ready"));
    for (size_t i = 0; i < json_array_size(pools); i++) {
        enum stack_probe seen = pool_probe(json_array_get(pools, i), e);
        ready += seen == STACK_PROBE_READY;
        booting += seen == STACK_PROBE_WORKING;
    }
    if (!has_redis)
        (void)err_set(e, ERR_REDIS_UNAVAILABLE, "the supervisor has no Redis: %.400s", json_text(redis, "error"));
    json_decref(status);
    return has_redis && ready > 0 && booting == 0 ? STACK_PROBE_READY : STACK_PROBE_SILENT;
}
