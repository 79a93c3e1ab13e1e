/*
 * conf_fields - conf_table.h as data: each key with its place in the structs, so that reading, printing, checking and
 * the reference walk tables instead of knowing keys. Internal to conf_*.c.
 *
 * Runs in: as conf. Pure; static storage.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"

enum conf_type { CONF_TYPE_STR, CONF_TYPE_INT, CONF_TYPE_DURATION, CONF_TYPE_SIZE, CONF_TYPE_BOOL, CONF_TYPE_LIST };

struct conf_field {
    const char *key;
    enum conf_type type;
    size_t offset;        /* of the member in its section's struct */
    const char *def_text; /* STR, LIST */
    int64_t def_number;   /* the others; -1 in a kind: the kind's own */
    int64_t min, max;     /* of the value, or of the text's length in bytes */
    bool reload;
    const char *doc;
};

struct conf_section {
    const char *name; /* "redis"; "queue", "pool" and "kind" repeat as "pool.NAME" */
    size_t offset;    /* of the section's struct in struct conf; unused for the repeated ones */
    const struct conf_field *fields;
    size_t n_fields;
};

/* The fixed sections in the order of CONF_SECTIONS. */
const struct conf_section *conf_sections(size_t *ret_n);
/* The repeated sections. */
const struct conf_section *conf_section_queue(void);
const struct conf_section *conf_section_pool(void);
const struct conf_section *conf_section_kind(void);
/* NULL when unknown. */
const struct conf_section *conf_section_by_name(const char *name);
const struct conf_field *conf_field_by_key(const struct conf_section *section, const char *key);

/* The value's place inside a section's struct. */
int64_t *conf_field_number(const struct conf_field *field, void *row);
char *conf_field_text(const struct conf_field *field, void *row);
int64_t conf_field_get_number(const struct conf_field *field, const void *row);
const char *conf_field_get_text(const struct conf_field *field, const void *row);

/* Writes every default of a section into its struct. */
void conf_fields_default(const struct conf_section *section, void *row);

/* A row by name, made with defaults when `make` and there is room. NULL: unknown, full, or a name that is not allowed;
 * e says which. */
struct conf_queue *conf_queue_row(struct conf *c, const char *name, bool make, struct err *e);
struct conf_pool *conf_pool_row(struct conf *c, const char *name, bool make, struct err *e);
struct conf_kind *conf_kind_row(struct conf *c, const char *name, bool make, struct err *e);

/* Reads `value` into the field of row. origin ("/etc/stint.conf:12", "environment STINT_…") and section open the
 * message. */
int conf_assign(const char *section_name, const struct conf_field *field, void *row, const char *value,
                const char *origin, struct err *e);
/* The same, found by names; section_name is "redis" or "pool.NAME". */
int conf_assign_named(struct conf *c, const char *section_name, const char *key, const char *value, const char *origin,
                      struct err *e);
/* Refuses a section that does not exist, naming the nearest. */
int conf_section_known(const char *section_name, const char *origin, struct err *e);
/* True when this build has that section with that key. */
bool conf_key_known(const char *section_name, const char *key);

/* Reads each value whose KEY_file is named. A bare name is looked for in $CREDENTIALS_DIRECTORY, then beside
 * the configuration. */
int conf_secrets(struct conf *c, struct err *e);
/* Fills `listed` anew from the pools' queues and queues_file. */
int conf_listed_read(struct conf *c, struct err *e);
/* Checks what a pool that lists queues cannot have. Internal to conf_check. */
int conf_listed_check(const struct conf *c, struct err *e);
struct buf;
/* `listed` as sections [listed.POOL] for a program that inherits the configuration: the file is read once, by the
 * supervisor. */
void conf_listed_print(const struct conf *c, struct buf *out);
/* A value of such a section. */
int conf_listed_inherit(struct conf *c, const char *pool, const char *value, struct err *e);
/* The whole file from its start, NUL-terminated, caller frees; NULL with e when it cannot be read, is too large or no
 * text. */
char *conf_slurp(int fd, const char *name, struct err *e);
/* Drops the KEY_file of a value that was given directly; nothing for a key that has none. */
void conf_secret_forget(struct conf *c, const char *section_name, const char *key);
/* True for "url_file" of redis and its like. */
bool conf_secret_file(const char *section_name, const char *key);
/* Fills what depends on other keys: kinds' own defaults, a pool's kinds and queue. May be repeated. */
void conf_finish(struct conf *c);

/* Overrides from STINT_<SECTION>_<KEY>; pools are made by conf_env_pools, called after the kinds are known. */
int conf_env_fixed(struct conf *c, char *const *env, struct err *e);
int conf_env_pools(struct conf *c, char *const *env, struct err *e);

/* The name nearest to `text` among n names, when it is near enough to be a slip; else NULL. */
const char *conf_nearest(const char *text, const char *const names[], size_t n);

/* A number of the field's unit as people write it ("5s", "64K"); out is at least 32 bytes. */
char *conf_format_number(enum conf_type type, int64_t value, char out[static 32]);

/* [redis] cluster, nodes, and what they exclude. */
int conf_check_cluster(const struct conf *c, struct err *e);
