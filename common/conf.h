/*
 * conf - the effective configuration: file, then STINT_<SECTION>_<KEY> environment, then flags.
 *
 * Runs in: every process but the parser. Reads files only in conf_load; everything else is pure.
 * An unknown key, a bad unit or an out-of-range value is an error that names file, line, what was read and what is allowed.
 */
#pragma once

#include "base.h"
#include "conf_table.h"
#include "err.h"

enum { CONF_STR_MAX = 512, CONF_POOL_MAX = 32, CONF_KIND_MAX = 32, CONF_QUEUE_MAX = 32, CONF_LISTED_MAX = 1000 };

#define CONF_CTYPE_STR(key)      char key[CONF_STR_MAX]
#define CONF_CTYPE_LIST(key)     char key[CONF_STR_MAX]
#define CONF_CTYPE_INT(key)      int64_t key
#define CONF_CTYPE_DURATION(key) int64_t key /* ms */
#define CONF_CTYPE_SIZE(key)     int64_t key /* bytes */
#define CONF_CTYPE_BOOL(key)     int64_t key /* 0 or 1 */
#define X(type, key, def, min, max, reload, doc) CONF_CTYPE_##type(key);

#define S(section, table)                                                                                              \
    struct conf_##section {                                                                                            \
        table(X)                                                                                                       \
    };
CONF_SECTIONS(S)
#undef S

struct conf_queue {
    char name[QUEUE_MAX];
    CONF_QUEUE(X)
};

struct conf_pool {
    char name[QUEUE_MAX];
    CONF_POOL(X)
};

struct conf_kind { /* after conf_load every -1 is replaced by the kind's own default (kind_defaults.h) */
    char name[KIND_MAX];
    CONF_KIND(X)
};
#undef X

/* A queue of a pool that serves several (queues, queues_file). */
struct conf_listed {
    char name[QUEUE_MAX];
    uint16_t pool; /* index of its row */
};

struct conf {
    char path[CONF_STR_MAX]; /* file it was read from; "" when none */
#define S(section, table) struct conf_##section section;
    CONF_SECTIONS(S)
#undef S
    struct conf_queue queues[CONF_QUEUE_MAX]; /* those with settings of their own */
    size_t n_queues;
    struct conf_pool pools[CONF_POOL_MAX];
    size_t n_pools;
    struct conf_kind kinds[CONF_KIND_MAX]; /* known kinds always have a row; unknown ones may, for policy */
    size_t n_kinds;
    struct conf_listed listed[CONF_LISTED_MAX]; /* each once, a pool's in its order */
    size_t n_listed;
};

/* Where a command finds its file: `path` when given, else $STINT_CONFIG, else /etc/stint/stint.conf, else
 * <default state dir>/stint.conf (conf_default_dir), else "" (defaults and environment alone). Writes ret_path. */
int conf_find(const char *path, char ret_path[static CONF_STR_MAX], struct err *e);
/* $STINT_DIR, else /var/lib/stint for root, else $XDG_STATE_HOME/stint or ~/.local/state/stint. */
void conf_default_dir(char ret_dir[static CONF_STR_MAX]);

/* Reads file (may be "") and environment, resolves *_file secrets and defaults, checks. When no pool is configured, one
 * pool per enabled kind is made. STINT_REDIS_URL and STINT_POSTGRES_URL are the usual environment names of
 * redis.url and postgres.url. c is heap-sized (about 300 KB): callers allocate it. */
int conf_load(struct conf *c, const char *path, struct err *e);
/* The same from a descriptor holding conf_print's output, without environment (a worker's WORKER_FD_CONFIG). Keys and
 * sections that this build does not know are read past: the supervisor may be of another version. */
int conf_load_fd(struct conf *c, int fd, struct err *e);
/* One override, "pool.pdf.workers" = "3"; for flags. */
int conf_set(struct conf *c, const char *dotted, const char *value, struct err *e);
/* Checks across keys: heartbeat ≤ lease/3, pools name known kinds, soft ≤ hard timeout… Called by conf_load. */
int conf_check(const struct conf *c, struct err *e);

/* Rows of kinds and pools; NULL when unknown. conf_kind_of never returns NULL for a kind of kind_defaults.h. */
const struct conf_kind *conf_kind_of(const struct conf *c, const char *kind);
const struct conf_pool *conf_pool_of(const struct conf *c, const char *pool);
/* Default queue of a kind, from the pool that runs it, else kind_defaults.h; NULL when neither knows it. */
const char *conf_queue_of_kind(const struct conf *c, const char *kind);
/* The first kind whose policy names the lane although no pool serves it for that kind (what runs out of memory goes there by
 * default, and does without): "[kind.NAME] on_… = lane: …" for people. False: all is well. */
bool conf_lane_missing(const struct conf *c, char *ret, size_t size);
/* True when a pool with workers serves the lane for jobs of the kind. */
bool conf_lane_served(const struct conf *c, const char *kind);
/* Most workers a pool can be scaled to: workers_max, or what its 0 stands for. */
int64_t conf_pool_workers_max(const struct conf_pool *pool);
/* The same for a pool with target_wait, on a host where so many CPUs may be used: without workers_max they are the most. */
int64_t conf_pool_scaled_max(const struct conf_pool *pool, int64_t cpus);
/* True when the pool's workers are started and ended by demand. */
bool conf_pool_scaled(const struct conf_pool *pool);
/* Walks a LIST: copies the next item, spaces stripped, and moves *cursor (start it at the list). False at the end; an item
 * that does not fit is cut. */
bool conf_list_next(const char **cursor, char *ret_item, size_t size);
/* Shards of a queue as configured; 1: it has none. */
int64_t conf_queue_shards(const struct conf *c, const char *queue);
/* The configured queue with shards of which `name` is one; NULL: none. */
const char *conf_queue_of_shard(const struct conf *c, const char *name);
/* True when the pool serves several queues in turn (struct conf_listed). */
bool conf_pool_lists(const struct conf_pool *pool);
/* Adds a queue behind those the pool lists. ERR_BAD_CONFIG with e: a name that is none, one that is listed already, too
 * many. */
int conf_listed_add(struct conf *c, const struct conf_pool *pool, const char *name, struct err *e);
/* The pool that lists the queue; NULL: none does. */
const struct conf_pool *conf_pool_listing(const struct conf *c, const char *queue);
/* The distinct queues of all pools; returns how many, at most max. */
size_t conf_queues(const struct conf *c, const char *ret_queues[], size_t max);

struct buf;
/* INI text of everything; secrets (passwords in URLs) shown only when `secrets`. conf_load_fd reads it back. */
int conf_print(const struct conf *c, struct buf *out, bool secrets);
/* The reference as Markdown, from the tables. */
int conf_reference(struct buf *out);
/* stint.conf(5) as man(7) source, from the tables. 0 or -ENOSPC. */
int conf_manual(struct buf *out, const char *version);

/* Parsers, also for flags: "5s" → 5000; "64K" → 65536. Errors name the text and the units allowed. */
int conf_parse_duration(const char *text, int64_t *ret_ms, struct err *e);
int conf_parse_size(const char *text, int64_t *ret_bytes, struct err *e);
int conf_parse_int(const char *text, int64_t *ret_value, struct err *e);
int conf_parse_bool(const char *text, bool *ret_value, struct err *e);
