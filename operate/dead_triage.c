/*
 * dead_triage - see dead_triage.h. Counts as letters come by; asks the server nothing and keeps no letter but one
 * example a problem. Refuses to grow with the number of letters.
 */
#include "dead_triage.h"

#include "dead_advice.h"

#include <stdio.h>

struct dead_triage *dead_triage_new(void)
{
    struct dead_triage *t = calloc(1, sizeof *t);
    if (t != NULL && (t->index = json_object()) == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void dead_triage_free(struct dead_triage *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free(t->groups[i]->message);
        free(t->groups[i]);
    }
    free(t->groups);
    json_decref(t->index);
    free(t);
}

static void count_name(struct triage_names *names, const char *text, size_t len, int64_t ms)
{
    if (len == 0)
        return;
    for (size_t i = 0; i < names->n; i++)
        if (strncmp(names->items[i].text, text, len) == 0 && names->items[i].text[len] == '\0') {
            names->items[i].n++;
            return;
        }
    if (names->n == DEAD_TRIAGE_NAMES || len >= sizeof names->items[0].text) {
        names->more++;
        return;
    }
    struct triage_name *name = &names->items[names->n++];
    (void)snprintf(name->text, sizeof name->text, "%.*s", (int)len, text);
    name->n = 1;
    name->first_ms = ms;
}

/* An instance is its host's name and a random part of eight hex digits. */
static size_t host_length(const char *instance)
{
    size_t n = strlen(instance);
    return n > 9 && instance[n - 9] == '-' && strspn(instance + n - 8, "0123456789abcdef") == 8 ? n - 9 : n;
}

static struct triage_group *group_of(struct dead_triage *t, const char *fingerprint)
{
    const json_t *known = json_object_get(t->index, fingerprint);
    if (known != NULL)
        return t->groups[json_integer_value(known)];
    if (t->n == t->cap) {
        size_t cap = t->cap == 0 ? 64 : t->cap * 2;
        struct triage_group **groups = t->n >= DEAD_TRIAGE_GROUPS ? NULL : reallocarray(t->groups, cap, sizeof(void *));
        if (groups == NULL)
            return NULL;
        t->groups = groups;
        t->cap = cap;
    }
    struct triage_group *g = calloc(1, sizeof *g);
    if (g == NULL || json_object_set_new(t->index, fingerprint, json_integer((json_int_t)t->n)) < 0) {
        free(g);
        return NULL;
    }
    return t->groups[t->n++] = g;
}

void dead_triage_add(struct dead_triage *t, const struct dead_letter *l)
{
    const char *build = json_text(l->last_error, "build"), *instance = json_text(l->last_error, "instance");
    struct triage_group *g = group_of(t, l->fingerprint);
    t->letters++;
    if (g == NULL) {
        t->beyond++;
        return;
    }
    if (g->n++ == 0)
        g->first_ms = l->died_ms;
    count_name(&g->kinds, l->kind, strlen(l->kind), l->died_ms);
    count_name(&g->causes, l->cause, strlen(l->cause), l->died_ms);
    count_name(&g->codes, l->code, strlen(l->code), l->died_ms);
    count_name(&g->queues, l->queue, strlen(l->queue), l->died_ms);
    count_name(&g->builds, build, strlen(build), l->died_ms);
    count_name(&g->hosts, instance, host_length(instance), l->died_ms);
    if (l->died_ms < g->last_ms)
        return;
    g->last_ms = l->died_ms;
    g->example = *l;
    g->example.last_error = NULL;
    free(g->message);
    g->message = strdup(json_text(l->last_error, "message"));
}

static int by_size(const void *a, const void *b)
{
    const struct triage_group *x = *(struct triage_group *const *)a, *y = *(struct triage_group *const *)b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return strcmp(x->example.fingerprint, y->example.fingerprint);
}

static json_t *names_json(const struct triage_names *names)
{
    json_t *list = json_array();
    for (size_t i = names->n; i-- > 0;)
        (void)json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", names->items[i].text, "count",
                                                    (json_int_t)names->items[i].n, "first_ms",
                                                    (json_int_t)names->items[i].first_ms));
    return list;
}

json_t *dead_triage_record(const struct dead_triage *t, const struct triage_group *g)
{
    const struct dead_letter *l = &g->example;
    char step[DEAD_ADVICE_MAX];
    return json_pack("{s:s, s:I, s:f, s:I, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s}",
                     "fingerprint", l->fingerprint, "count", (json_int_t)g->n, "share",
                     (double)g->n / (double)t->letters, "first_ms", (json_int_t)g->first_ms, "last_ms",
                     (json_int_t)g->last_ms, "queue", l->queue, "kind", l->kind, "cause", l->cause, "code", l->code,
                     "kinds", names_json(&g->kinds), "causes", names_json(&g->causes), "codes", names_json(&g->codes),
                     "queues", names_json(&g->queues), "builds", names_json(&g->builds), "hosts", names_json(&g->hosts),
                     "since_build", g->builds.n > 0 ? g->builds.items[0].text : "", "example", l->id, "message",
                     g->message != NULL ? g->message : "", "next_step", dead_triage_step(g, step));
}

char *dead_triage_step(const struct triage_group *g, char out[static DEAD_ADVICE_MAX])
{
    char which[128];
    (void)snprintf(which, sizeof which, "--fingerprint %s", g->example.fingerprint);
    return dead_advice(out, g->example.code, g->example.cause, g->example.kind, g->n == 1 ? g->example.id : which);
}

void dead_triage_sort(struct dead_triage *t)
{
    if (t->n > 1)
        qsort(t->groups, t->n, sizeof *t->groups, by_size);
}
