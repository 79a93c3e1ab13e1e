/*
 * conf_env - overrides from the environment: STINT_<SECTION>_<KEY>, in capitals, '-' and '.' of names as '_'.
 *
 * A variable whose name starts like one of a known section must end in one of its keys: a misspelt override that is
 * silently ignored is worse than a start refused. Other STINT_ variables are none of its business. An empty variable is
 * not set.
 */
#include "conf_fields.h"

#include <ctype.h>
#include <stdio.h>

enum { CONF_ENV_NAME_MAX = 128 };

/* True when `text` starts with `name` in capitals; *ret_rest is what follows. */
static bool conf_env_starts(const char *text, const char *name, const char **ret_rest)
{
    for (; *name != '\0'; name++, text++) {
        char want = isalnum((unsigned char)*name) ? (char)toupper((unsigned char)*name) : '_';
        if (*text != want)
            return false;
    }
    *ret_rest = text;
    return true;
}

static bool conf_env_equals(const char *text, const char *name)
{
    const char *rest;
    return conf_env_starts(text, name, &rest) && *rest == '\0';
}

/* "STINT_REDIS_URL=redis://…": the name into ret_name, its part after STINT_ and the value; false for other variables.
 */
static bool conf_env_split(const char *entry, char ret_name[static CONF_ENV_NAME_MAX], const char **ret_rest,
                           const char **ret_value)
{
    const char *equals = strchr(entry, '=');
    if (strncmp(entry, "STINT_", 6) != 0 || equals == NULL || equals[1] == '\0' ||
        (size_t)(equals - entry) >= CONF_ENV_NAME_MAX)
        return false;
    memcpy(ret_name, entry, (size_t)(equals - entry));
    ret_name[equals - entry] = '\0';
    *ret_rest = ret_name + 6;
    *ret_value = equals + 1;
    return true;
}

static const char *conf_env_lower(const char *text, char separator, char *out, size_t size)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < size; i++)
        out[i] = text[i] == '_' ? separator : (char)tolower((unsigned char)text[i]);
    out[i] = '\0';
    return out;
}

static int conf_env_one_fixed(struct conf *c, const struct conf_section *section, const char *name, const char *key,
                              const char *value, struct err *e)
{
    char origin[CONF_ENV_NAME_MAX + 16], lower[CONF_ENV_NAME_MAX];
    (void)snprintf(origin, sizeof origin, "environment %s", name);
    return conf_assign_named(c, section->name, conf_env_lower(key, '_', lower, sizeof lower), value, origin, e);
}

/* The key a repeated section's variable ends in ("PDF_PARSE_SOFT_TIMEOUT" → soft_timeout), the longest that fits. */
static const struct conf_field *conf_env_key(const struct conf_section *section, const char *rest, size_t *ret_name_len)
{
    const struct conf_field *found = NULL;
    size_t len = strlen(rest);
    for (size_t i = 0; i < section->n_fields; i++) {
        size_t key_len = strlen(section->fields[i].key);
        if (len < key_len + 2 || rest[len - key_len - 1] != '_' ||
            !conf_env_equals(rest + len - key_len, section->fields[i].key))
            continue;
        if (found == NULL || key_len > strlen(found->key)) {
            found = &section->fields[i];
            *ret_name_len = len - key_len - 1;
        }
    }
    return found;
}

/* The configured row that the capitals stand for, else the capitals themselves in lower case. */
static const char *conf_env_row_name(const struct conf *c, const struct conf_section *section, const char *capitals, char *out, size_t size)
{
    bool pool = section == conf_section_pool(), queue = section == conf_section_queue();
    size_t n = pool ? c->n_pools : queue ? c->n_queues : c->n_kinds;
    for (size_t i = 0; i < n; i++) {
        const char *name = pool ? c->pools[i].name : queue ? c->queues[i].name : c->kinds[i].name;
        if (conf_env_equals(capitals, name))
            return name;
    }
    return conf_env_lower(capitals, '-', out, size);
}

static int conf_env_one_repeated(struct conf *c, const struct conf_section *section, const char *name, const char *rest,
                                 const char *value, struct err *e)
{
    char origin[CONF_ENV_NAME_MAX + 16], capitals[CONF_ENV_NAME_MAX], lower[CONF_ENV_NAME_MAX],
        full[CONF_ENV_NAME_MAX * 2];
    size_t name_len = 0;
    const struct conf_field *field = conf_env_key(section, rest, &name_len);
    if (field == NULL)
        return err_set(e, ERR_BAD_CONFIG,
                       "environment %s: ends in no key of [%s.NAME]; `stint config reference` lists them", name,
                       section->name);
    memcpy(capitals, rest, name_len);
    capitals[name_len] = '\0';
    const char *row = conf_env_row_name(c, section, capitals, lower, sizeof lower);
    bool known = row != lower;
    if (!known && section == conf_section_pool() && strcmp(field->key, "kinds") != 0)
        return err_set(e, ERR_BAD_CONFIG,
                       "environment %s: there is no pool \"%s\"; a new pool needs STINT_POOL_%s_KINDS", name, row,
                       capitals);
    (void)snprintf(full, sizeof full, "%s.%s", section->name, row);
    (void)snprintf(origin, sizeof origin, "environment %s", name);
    return conf_assign_named(c, full, field->key, value, origin, e);
}

/* Files of secrets come last, so that a value given directly first drops the file named in the configuration. */
static int conf_env_section(struct conf *c, const struct conf_section *section, const char *name, const char *key, const char *value,
                            bool files, struct err *e)
{
    char lower[CONF_ENV_NAME_MAX];
    (void)conf_env_lower(key, '_', lower, sizeof lower);
    if (conf_secret_file(section->name, lower) != files)
        return 0;
    int rc = conf_env_one_fixed(c, section, name, key, value, e);
    if (rc == 0 && !files)
        conf_secret_forget(c, section->name, lower);
    return rc;
}

int conf_env_fixed(struct conf *c, char *const *env, struct err *e)
{
    char name[CONF_ENV_NAME_MAX];
    const char *rest, *value, *key;
    size_t n;
    const struct conf_section *sections = conf_sections(&n);
    for (int pass = 0; pass < 2; pass++)
        for (char *const *entry = env; *entry != NULL; entry++) {
            int rc = 0;
            if (!conf_env_split(*entry, name, &rest, &value))
                continue;
            for (size_t i = 0; i < n && rc == 0; i++)
                if (conf_env_starts(rest, sections[i].name, &key) && *key == '_')
                    rc = conf_env_section(c, &sections[i], name, key + 1, value, pass == 1, e);
            if (rc == 0 && pass == 0 && conf_env_starts(rest, "kind_", &key))
                rc = conf_env_one_repeated(c, conf_section_kind(), name, key, value, e);
            if (rc == 0 && pass == 0 && conf_env_starts(rest, "queue_", &key))
                rc = conf_env_one_repeated(c, conf_section_queue(), name, key, value, e);
            if (rc < 0)
                return rc;
        }
    return 0;
}

int conf_env_pools(struct conf *c, char *const *env, struct err *e)
{
    char name[CONF_ENV_NAME_MAX];
    const char *rest, *value, *key;
    /* Variables come in any order: those that make a pool go first. */
    for (int pass = 0; pass < 2; pass++)
        for (char *const *entry = env; *entry != NULL; entry++) {
            size_t name_len = 0;
            if (!conf_env_split(*entry, name, &rest, &value) || !conf_env_starts(rest, "pool_", &key))
                continue;
            const struct conf_field *field = conf_env_key(conf_section_pool(), key, &name_len);
            bool makes = field != NULL && strcmp(field->key, "kinds") == 0;
            int rc = makes == (pass == 0) ? conf_env_one_repeated(c, conf_section_pool(), name, key, value, e) : 0;
            if (rc < 0)
                return rc;
        }
    return 0;
}
