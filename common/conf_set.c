/*
 * conf_set - puts one value in its place: finds section and key, makes rows of pools and kinds, checks type and range,
 * and words what is wrong. Refuses unknown names with the nearest known one.
 */
#include "conf_fields.h"

#include "buf.h"
#include "keys.h"

#include <ctype.h>
#include <stdio.h>

enum { CONF_NAME_MAX = 40, CONF_NEAR_MAX = 64 };

/* Optimal string alignment distance (Damerau 1964, without repeated edits): a swapped pair of letters counts as one
 * slip. */
static size_t conf_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t rows[3][CONF_NEAR_MAX + 1];
    if (n > CONF_NEAR_MAX || m > CONF_NEAR_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            size_t best = MIN_OF(MIN_OF(now[j - 1], last[j]) + 1, last[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2]))
                best = MIN_OF(best, before[j - 2] + 1);
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *conf_nearest(const char *text, const char *const names[], size_t n)
{
    const char *nearest = NULL;
    size_t least = MAX_OF(strlen(text) / 3, (size_t)1) + 1;
    for (size_t i = 0; i < n; i++) {
        size_t distance = conf_distance(text, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

/* "; did you mean X? allowed: A, B, C" for a name that is none of names. */
static int conf_unknown(const char *what, const char *text, const char *const names[], size_t n, const char *origin,
                        struct err *e)
{
    struct buf list;
    buf_init(&list, ERR_MESSAGE_MAX);
    for (size_t i = 0; i < n; i++)
        (void)buf_addf(&list, "%s%s", i != 0 ? ", " : "", names[i]);
    const char *near = conf_nearest(text, names, n);
    int rc = err_set(e, ERR_BAD_CONFIG, "%s: unknown %s \"%s\"%s%s%s; allowed: %s", origin, what, text,
                     near != NULL ? "; did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "",
                     list.data != NULL ? list.data : "");
    buf_fini(&list);
    return rc;
}

int conf_section_known(const char *section_name, const char *origin, struct err *e)
{
    if (conf_section_by_name(section_name) != NULL)
        return 0;
    size_t n;
    const struct conf_section *all = conf_sections(&n);
    const char *names[32];
    size_t count = 0;
    for (size_t i = 0; i < n && count < ARRAY_LEN(names) - 3; i++)
        names[count++] = all[i].name;
    names[count++] = "queue.NAME";
    names[count++] = "pool.NAME";
    names[count++] = "kind.NAME";
    return conf_unknown("section", section_name, names, count, origin, e);
}

bool conf_key_known(const char *section_name, const char *key)
{
    const struct conf_section *section = conf_section_by_name(section_name);
    return section != NULL && conf_field_by_key(section, key) != NULL;
}

static bool conf_name_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len >= 1 && len < CONF_NAME_MAX && name[len] == '\0';
}

struct conf_queue *conf_queue_row(struct conf *c, const char *name, bool make, struct err *e)
{
    for (size_t i = 0; i < c->n_queues; i++)
        if (strcmp(c->queues[i].name, name) == 0)
            return &c->queues[i];
    if (!make)
        return NULL;
    if (!keys_queue_valid(name)) {
        (void)err_set(e, ERR_BAD_CONFIG, "\"%s\" is no name for a queue: 1 to %d of A-Z a-z 0-9 . _ -", name, QUEUE_MAX - 1);
        return NULL;
    }
    if (c->n_queues == CONF_QUEUE_MAX) {
        (void)err_set(e, ERR_BAD_CONFIG, "too many [queue.NAME] sections: at most %d are allowed", CONF_QUEUE_MAX);
        return NULL;
    }
    struct conf_queue *queue = &c->queues[c->n_queues++];
    conf_fields_default(conf_section_queue(), queue);
    (void)snprintf(queue->name, sizeof queue->name, "%s", name);
    return queue;
}

struct conf_pool *conf_pool_row(struct conf *c, const char *name, bool make, struct err *e)
{
    for (size_t i = 0; i < c->n_pools; i++)
        if (strcmp(c->pools[i].name, name) == 0)
            return &c->pools[i];
    if (!make)
        return NULL;
    if (!conf_name_valid(name)) {
        (void)err_set(e, ERR_BAD_CONFIG, "\"%s\" is no name for a pool: 1 to %d of a-z, 0-9 and '-'", name,
                      CONF_NAME_MAX - 1);
        return NULL;
    }
    if (c->n_pools == CONF_POOL_MAX) {
        (void)err_set(e, ERR_BAD_CONFIG, "too many pools: at most %d are allowed", CONF_POOL_MAX);
        return NULL;
    }
    struct conf_pool *pool = &c->pools[c->n_pools++];
    conf_fields_default(conf_section_pool(), pool);
    (void)snprintf(pool->name, sizeof pool->name, "%s", name);
    return pool;
}

struct conf_kind *conf_kind_row(struct conf *c, const char *name, bool make, struct err *e)
{
    for (size_t i = 0; i < c->n_kinds; i++)
        if (strcmp(c->kinds[i].name, name) == 0)
            return &c->kinds[i];
    if (!make)
        return NULL;
    if (!conf_name_valid(name) || strlen(name) >= KIND_MAX) {
        (void)err_set(e, ERR_BAD_CONFIG, "\"%s\" is no name for a kind: 1 to %d of a-z, 0-9 and '-'", name,
                      KIND_MAX - 1);
        return NULL;
    }
    if (c->n_kinds == CONF_KIND_MAX) {
        (void)err_set(e, ERR_BAD_CONFIG, "too many kinds: at most %d are allowed", CONF_KIND_MAX);
        return NULL;
    }
    struct conf_kind *kind = &c->kinds[c->n_kinds++];
    conf_fields_default(conf_section_kind(), kind);
    (void)snprintf(kind->name, sizeof kind->name, "%s", name);
    return kind;
}

static int conf_assign_text(const struct conf_field *field, void *row, const char *value, struct err *e)
{
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    if ((int64_t)len < field->min || (int64_t)len > field->max)
        return err_set(e, ERR_BAD_CONFIG, "%zu characters; allowed: %lld to %lld", len, (long long)field->min,
                       (long long)field->max);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f || (value[i] == ';' && (i == 0 || value[i - 1] == ' ')))
            return err_set(e, ERR_BAD_CONFIG, "line breaks, control characters and \" ;\" (a comment) are not allowed");
    char *text = conf_field_text(field, row);
    memset(text, 0, CONF_STR_MAX); /* equal configurations are equal bytes: a reload compares rows */
    memcpy(text, value, len);
    return 0;
}

static int conf_assign_number(const struct conf_field *field, void *row, const char *value, struct err *e)
{
    int64_t number = 0;
    bool yes = false;
    int rc = 0;
    switch (field->type) {
    case CONF_TYPE_INT:
        rc = conf_parse_int(value, &number, e);
        break;
    case CONF_TYPE_DURATION:
        rc = conf_parse_duration(value, &number, e);
        break;
    case CONF_TYPE_SIZE:
        rc = conf_parse_size(value, &number, e);
        break;
    case CONF_TYPE_BOOL:
        rc = conf_parse_bool(value, &yes, e);
        number = yes;
        break;
    case CONF_TYPE_STR:
    case CONF_TYPE_LIST:
        assert(false);
    }
    if (rc < 0)
        return rc;
    if (number < field->min || number > field->max) {
        char least[32], most[32];
        return err_set(e, ERR_BAD_CONFIG, "\"%s\" is out of range; allowed: %s to %s", value,
                       conf_format_number(field->type, field->min, least),
                       conf_format_number(field->type, field->max, most));
    }
    *conf_field_number(field, row) = number;
    return 0;
}

int conf_assign(const char *section_name, const struct conf_field *field, void *row, const char *value,
                const char *origin, struct err *e)
{
    struct err why = {0};
    int rc = field->type == CONF_TYPE_STR || field->type == CONF_TYPE_LIST
                 ? conf_assign_text(field, row, value, &why)
                 : conf_assign_number(field, row, value, &why);
    if (rc < 0)
        return err_set(e, rc, "%s: [%s] %s: %s", origin, section_name, field->key, why.message);
    return 0;
}

static int conf_unknown_key(const struct conf_section *section, const char *section_name, const char *key,
                            const char *origin, struct err *e)
{
    const char *names[64];
    char what[QUEUE_MAX + 32];
    size_t n = MIN_OF(section->n_fields, ARRAY_LEN(names));
    for (size_t i = 0; i < n; i++)
        names[i] = section->fields[i].key;
    (void)snprintf(what, sizeof what, "key of [%.64s]", section_name);
    return conf_unknown(what, key, names, n, origin, e);
}

int conf_assign_named(struct conf *c, const char *section_name, const char *key, const char *value, const char *origin,
                      struct err *e)
{
    int rc = conf_section_known(section_name, origin, e);
    if (rc < 0)
        return rc;
    const struct conf_section *section = conf_section_by_name(section_name);
    const struct conf_field *field = conf_field_by_key(section, key);
    if (field == NULL)
        return conf_unknown_key(section, section_name, key, origin, e);
    struct err why = {0};
    void *row = (char *)c + section->offset;
    if (section == conf_section_pool())
        row = conf_pool_row(c, section_name + strlen("pool."), true, &why);
    else if (section == conf_section_queue())
        row = conf_queue_row(c, section_name + strlen("queue."), true, &why);
    else if (section == conf_section_kind())
        row = conf_kind_row(c, section_name + strlen("kind."), true, &why);
    if (row == NULL)
        return err_set(e, ERR_BAD_CONFIG, "%s: %s", origin, why.message);
    return conf_assign(section_name, field, row, value, origin, e);
}

int conf_set(struct conf *c, const char *dotted, const char *value, struct err *e)
{
    char section[CONF_STR_MAX];
    const char *dot = strrchr(dotted, '.');
    if (dot == NULL || dot == dotted || (size_t)(dot - dotted) >= sizeof section)
        return err_set(e, ERR_BAD_CONFIG, "\"%s\" names no key: write section.key, like redis.url or pool.pdf.workers",
                       dotted);
    memcpy(section, dotted, (size_t)(dot - dotted));
    section[dot - dotted] = '\0';
    char origin[CONF_STR_MAX];
    (void)snprintf(origin, sizeof origin, "option %.400s", dotted);
    int rc = conf_assign_named(c, section, dot + 1, value, origin, e);
    if (rc < 0)
        return rc;
    conf_secret_forget(c, section, dot + 1); /* the last word wins over a file named elsewhere */
    if (conf_secret_file(section, dot + 1))
        rc = conf_secrets(c, e);
    if (rc == 0 && strncmp(section, "pool.", 5) == 0 && strncmp(dot + 1, "queues", 6) == 0)
        rc = conf_listed_read(c, e);
    conf_finish(c);
    return rc;
}
