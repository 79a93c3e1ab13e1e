/*
 * conf_fields - expands conf_table.h into rows. Holds no values and does no I/O.
 */
#include "conf_fields.h"

#include <stdio.h>

#define CONF_DEF_STR(def)      .def_text = def
#define CONF_DEF_LIST(def)     .def_text = def
#define CONF_DEF_INT(def)      .def_number = def
#define CONF_DEF_DURATION(def) .def_number = def
#define CONF_DEF_SIZE(def)     .def_number = def
#define CONF_DEF_BOOL(def)     .def_number = def

#define CONF_ROW(struct_, type_, key_, def_, min_, max_, reload_, doc_)                                                \
    {.key = #key_,                                                                                                     \
     .type = CONF_TYPE_##type_,                                                                                        \
     .offset = offsetof(struct struct_, key_),                                                                         \
     CONF_DEF_##type_(def_),                                                                                           \
     .min = min_,                                                                                                      \
     .max = max_,                                                                                                      \
     .reload = reload_,                                                                                                \
     .doc = doc_},

#define X(...) CONF_ROW(conf_redis, __VA_ARGS__)
static const struct conf_field fields_redis[] = {CONF_REDIS(X)};
#undef X
#define X(...) CONF_ROW(conf_postgres, __VA_ARGS__)
static const struct conf_field fields_postgres[] = {CONF_POSTGRES(X)};
#undef X
#define X(...) CONF_ROW(conf_supervisor, __VA_ARGS__)
static const struct conf_field fields_supervisor[] = {CONF_SUPERVISOR(X)};
#undef X
#define X(...) CONF_ROW(conf_relay, __VA_ARGS__)
static const struct conf_field fields_relay[] = {CONF_RELAY(X)};
#undef X
#define X(...) CONF_ROW(conf_dead, __VA_ARGS__)
static const struct conf_field fields_dead[] = {CONF_DEAD(X)};
#undef X
#define X(...) CONF_ROW(conf_metrics, __VA_ARGS__)
static const struct conf_field fields_metrics[] = {CONF_METRICS(X)};
#undef X
#define X(...) CONF_ROW(conf_console, __VA_ARGS__)
static const struct conf_field fields_console[] = {CONF_CONSOLE(X)};
#undef X
#define X(...) CONF_ROW(conf_match, __VA_ARGS__)
static const struct conf_field fields_match[] = {CONF_MATCH(X)};
#undef X
#define X(...) CONF_ROW(conf_pdf, __VA_ARGS__)
static const struct conf_field fields_pdf[] = {CONF_PDF(X)};
#undef X
#define X(...) CONF_ROW(conf_queue, __VA_ARGS__)
static const struct conf_field fields_queue[] = {CONF_QUEUE(X)};
#undef X
#define X(...) CONF_ROW(conf_pool, __VA_ARGS__)
static const struct conf_field fields_pool[] = {CONF_POOL(X)};
#undef X
#define X(...) CONF_ROW(conf_kind, __VA_ARGS__)
static const struct conf_field fields_kind[] = {CONF_KIND(X)};
#undef X

static const struct conf_section sections[] = {
#define S(section, table)                                                                                              \
    {.name = #section,                                                                                                 \
     .offset = offsetof(struct conf, section),                                                                         \
     .fields = fields_##section,                                                                                       \
     .n_fields = ARRAY_LEN(fields_##section)},
    CONF_SECTIONS(S)
#undef S
};

static const struct conf_section section_queue = {
    .name = "queue", .fields = fields_queue, .n_fields = ARRAY_LEN(fields_queue)};
static const struct conf_section section_pool = {
    .name = "pool", .fields = fields_pool, .n_fields = ARRAY_LEN(fields_pool)};
static const struct conf_section section_kind = {
    .name = "kind", .fields = fields_kind, .n_fields = ARRAY_LEN(fields_kind)};

const struct conf_section *conf_sections(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(sections);
    return sections;
}

const struct conf_section *conf_section_queue(void)
{
    return &section_queue;
}

const struct conf_section *conf_section_pool(void)
{
    return &section_pool;
}

const struct conf_section *conf_section_kind(void)
{
    return &section_kind;
}

const struct conf_section *conf_section_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    if (strncmp(name, "queue.", 6) == 0)
        return &section_queue;
    if (strncmp(name, "pool.", 5) == 0)
        return &section_pool;
    return strncmp(name, "kind.", 5) == 0 ? &section_kind : NULL;
}

const struct conf_field *conf_field_by_key(const struct conf_section *section, const char *key)
{
    for (size_t i = 0; i < section->n_fields; i++)
        if (strcmp(section->fields[i].key, key) == 0)
            return &section->fields[i];
    return NULL;
}

int64_t *conf_field_number(const struct conf_field *field, void *row)
{
    assert(field->type != CONF_TYPE_STR && field->type != CONF_TYPE_LIST);
    return (int64_t *)(void *)((char *)row + field->offset);
}

char *conf_field_text(const struct conf_field *field, void *row)
{
    assert(field->type == CONF_TYPE_STR || field->type == CONF_TYPE_LIST);
    return (char *)row + field->offset;
}

int64_t conf_field_get_number(const struct conf_field *field, const void *row)
{
    int64_t value;
    assert(field->type != CONF_TYPE_STR && field->type != CONF_TYPE_LIST);
    memcpy(&value, (const char *)row + field->offset, sizeof value);
    return value;
}

const char *conf_field_get_text(const struct conf_field *field, const void *row)
{
    assert(field->type == CONF_TYPE_STR || field->type == CONF_TYPE_LIST);
    return (const char *)row + field->offset;
}

void conf_fields_default(const struct conf_section *section, void *row)
{
    for (size_t i = 0; i < section->n_fields; i++) {
        const struct conf_field *field = &section->fields[i];
        if (field->type == CONF_TYPE_STR || field->type == CONF_TYPE_LIST)
            (void)snprintf(conf_field_text(field, row), CONF_STR_MAX, "%s", field->def_text);
        else
            *conf_field_number(field, row) = field->def_number;
    }
}
