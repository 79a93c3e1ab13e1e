/*
 * repro_conf - see repro_conf.h. It changes what must differ (queue, number of runs, folders, no HTTP) and nothing a job could feel:
 * memory, CPU, files, sandbox and time stay those of the pool, unless a tool needs them wider.
 */
#include "repro_conf.h"

#include "buf.h"
#include "queue_call.h"

#include <fcntl.h>
#include <stdio.h>

enum { CONF_TEXT_MAX = 1 << 20 };

extern char **environ;

bool repro_conf_stores(const char *kind)
{
    return strcmp(kind, "probe") != 0;
}

static bool pool_runs(const struct conf_pool *pool, const char *kind)
{
    char item[KIND_MAX];
    for (const char *cursor = pool->kinds; conf_list_next(&cursor, item, sizeof item);)
        if (strcmp(item, kind) == 0)
            return true;
    return false;
}

static const struct conf_pool *find_pool(const struct conf *conf, const char *kind, const char *queue)
{
    const struct conf_pool *any = NULL;
    for (size_t i = 0; i < conf->n_pools; i++) {
        const struct conf_pool *pool = &conf->pools[i];
        if (!pool_runs(pool, kind))
            continue;
        const char *fetched = pool->queue[0] ? pool->queue : conf_queue_of_kind(conf, kind);
        if (fetched && strcmp(fetched, queue) == 0)
            return pool;
        any = any ? any : pool;
    }
    return any;
}

/* Under a tool everything takes longer, and valgrind needs addresses without end. */
static void widen(struct conf *c, struct conf_kind *kind, enum repro_tool tool)
{
    enum { CELL_MAX_MS = 600000 };
    if (tool == REPRO_TOOL_NONE)
        return;
    kind->timeout = CONF_DAY_MS;
    kind->soft_timeout = kind->cpu = 0;
    c->pdf.timeout = c->pdf.cpu = CELL_MAX_MS;
    c->supervisor.boot_timeout = CELL_MAX_MS;
    if (tool == REPRO_TOOL_VALGRIND)
        c->pools[0].memory = c->pools[0].recycle_rss = 0;
}

int repro_conf_make(const struct conf *conf, const json_t *job, const char *queue, enum repro_tool tool,
                    struct conf **ret_conf, struct err *e)
{
    const char *kind_name = json_text(job, "kind");
    const struct conf_pool *pool = find_pool(conf, kind_name, json_text(job, "queue"));
    if (!pool)
        return err_set(e, ERR_NOT_FOUND,
                       "no pool of this configuration runs kind %s, so its limits are unknown; use the configuration of a "
                       "host that runs it (--config FILE)%s",
                       kind_name, strcmp(kind_name, "probe") == 0 ? ", or enable it: [kind.probe] enabled = yes" : "");
    struct conf *c = malloc(sizeof *c);
    if (!c)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a configuration");
    *c = *conf;
    memmove(&c->pools[0], &c->pools[pool - conf->pools], sizeof c->pools[0]);
    c->n_pools = 1;
    c->metrics.enabled = c->relay.enabled = 0;
    c->redis.url_file[0] = c->postgres.url_file[0] = c->supervisor.log_file[0] = c->supervisor.instance[0] = '\0';
    (void)snprintf(c->pools[0].queue, sizeof c->pools[0].queue, "%s", queue);
    (void)snprintf(c->pools[0].kinds, sizeof c->pools[0].kinds, "%s", kind_name);
    c->pools[0].workers = c->pools[0].workers_max = c->pools[0].batch_max = 1;
    for (size_t i = 0; i < c->n_kinds; i++) {
        struct conf_kind *kind = &c->kinds[i];
        kind->enabled = strcmp(kind->name, kind_name) == 0;
        kind->attempts = kind->crashes = kind->track = 1;
#define ONCE(field) (void)snprintf(kind->field, sizeof kind->field, "once")
        ONCE(on_hard_timeout);
        ONCE(on_soft_timeout);
        ONCE(on_cpu_limit);
        ONCE(on_mem_limit);
        ONCE(on_oom_kill);
        ONCE(on_signal);
        ONCE(on_sandbox_violation);
        ONCE(on_operator_kill);
        ONCE(on_boot_failure);
#undef ONCE
        if (kind->enabled)
            widen(c, kind, tool);
    }
    *ret_conf = c;
    return 0;
}

int repro_conf_place(struct conf *conf, const char *root, struct err *e)
{
    int n = snprintf(conf->supervisor.run_dir, sizeof conf->supervisor.run_dir, "%s/run", root);
    (void)snprintf(conf->supervisor.state_dir, sizeof conf->supervisor.state_dir, "%s", root);
    return n > 0 ? 0 : err_set(e, ERR_BAD_ARGUMENT, "the folder's name is too long");
}

static void drop_overrides(void)
{
    char name[256];
    for (char **at = environ; *at;) {
        size_t len = strcspn(*at, "=");
        bool ours = strncmp(*at, "STINT_", strlen("STINT_")) == 0 && len < sizeof name;
        if (!ours) {
            at++;
            continue;
        }
        memcpy(name, *at, len);
        name[len] = '\0';
        (void)unsetenv(name); /* moves the rest down: the same place is looked at again */
    }
}

int repro_conf_write(const struct conf *conf, const struct stack_dir *dir, char path[static STACK_PATH_MAX],
                     struct err *e)
{
    struct buf text;
    (void)stack_dir_path(dir, "stint.conf", path);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    buf_init(&text, CONF_TEXT_MAX);
    int rc = fd < 0 ? -errno : conf_print(conf, &text, true);
    if (rc == 0 && (write(fd, text.data, text.len) != (ssize_t)text.len || stack_dir_own(dir, path) < 0))
        rc = -EIO;
    buf_fini(&text);
    if (rc < 0)
        return err_set(e, rc, "cannot write %s: %s; is the disk full?", path, err_text(rc));
    drop_overrides();
    return 0;
}

char *repro_conf_options(const json_t *job, enum repro_tool tool)
{
    static const char *const kept[] = {"tenant", "traceparent", "actor", "timeout_ms"};
    size_t n = tool == REPRO_TOOL_NONE ? ARRAY_LEN(kept) : ARRAY_LEN(kept) - 1;
    json_t *options = json_object_get(job, "options"), *o = json_object();
    json_t *parsed = json_is_string(options) ? json_loads(json_string_value(options), 0, NULL) : json_incref(options);
    for (size_t i = 0; i < n; i++) {
        json_t *value = json_object_get(parsed, kept[i]);
        if (value)
            (void)json_object_set(o, kept[i], value);
    }
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(parsed);
    json_decref(o);
    return text;
}
