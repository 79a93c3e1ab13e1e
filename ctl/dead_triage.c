/*
 * dead_triage - see dead_triage.h. Counts as letters come by; asks the server nothing and keeps no letter but one example a
 * problem. Refuses to grow with the number of letters.
 */
#include "dead_triage.h"

#include "dead_advice.h"

#include <stdio.h>

struct name {
    char text[96];
    size_t n;
    int64_t first_ms;
};

/* Distinct names in order of first appearance; `more` counts letters whose name found no room. */
struct names {
    struct name items[DEAD_TRIAGE_NAMES];
    size_t n, more;
};

struct group {
    size_t n;
    int64_t first_ms, last_ms;
    struct names kinds, causes, codes, queues, builds, hosts;
    struct dead_letter example; /* the latest; owns no last_error */
    char *message;              /* owned, of the example */
};

struct dead_triage {
    json_t *index; /* fingerprint -> position in groups */
    struct group **groups;
    size_t n, cap, letters, beyond;
};

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

static void count_name(struct names *names, const char *text, size_t len, int64_t ms)
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
    struct name *name = &names->items[names->n++];
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

static struct group *group_of(struct dead_triage *t, const char *fingerprint)
{
    const json_t *known = json_object_get(t->index, fingerprint);
    if (known != NULL)
        return t->groups[json_integer_value(known)];
    if (t->n == t->cap) {
        size_t cap = t->cap == 0 ? 64 : t->cap * 2;
        struct group **groups = t->n >= DEAD_TRIAGE_GROUPS ? NULL : reallocarray(t->groups, cap, sizeof(void *));
        if (groups == NULL)
            return NULL;
        t->groups = groups;
        t->cap = cap;
    }
    struct group *g = calloc(1, sizeof *g);
    if (g == NULL || json_object_set_new(t->index, fingerprint, json_integer((json_int_t)t->n)) < 0) {
        free(g);
        return NULL;
    }
    return t->groups[t->n++] = g;
}

void dead_triage_add(struct dead_triage *t, const struct dead_letter *l)
{
    const char *build = json_text(l->last_error, "build"), *instance = json_text(l->last_error, "instance");
    struct group *g = group_of(t, l->fingerprint);
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
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return strcmp(x->example.fingerprint, y->example.fingerprint);
}

/* "1.8.2 (40), 1.8.1", the latest to appear first; counts only where there are several. */
static char *names_text(const struct names *names, char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    for (size_t i = names->n; i-- > 0 && used < size;) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", names->items[i].text);
        if (names->n + names->more > 1 && used < size)
            used += (size_t)snprintf(out + used, size - used, " (%zu)", names->items[i].n);
    }
    if (names->more > 0 && used < size)
        (void)snprintf(out + used, size - used, ", others (%zu)", names->more);
    return out;
}

static json_t *names_json(const struct names *names)
{
    json_t *list = json_array();
    for (size_t i = names->n; i-- > 0;)
        (void)json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", names->items[i].text, "count",
                                                    (json_int_t)names->items[i].n, "first_ms",
                                                    (json_int_t)names->items[i].first_ms));
    return list;
}

static void print_record(const struct dead_triage *t, struct session *s, const struct group *g, const char *step)
{
    const struct dead_letter *l = &g->example;
    json_t *record = json_pack(
        "{s:s, s:I, s:f, s:I, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "fingerprint",
        l->fingerprint, "count", (json_int_t)g->n, "share", (double)g->n / (double)t->letters, "first_ms",
        (json_int_t)g->first_ms, "last_ms", (json_int_t)g->last_ms, "queue", l->queue, "kind", l->kind, "cause", l->cause,
        "code", l->code, "kinds", names_json(&g->kinds), "causes", names_json(&g->causes), "codes", names_json(&g->codes),
        "queues", names_json(&g->queues), "builds", names_json(&g->builds), "hosts", names_json(&g->hosts), "since_build",
        g->builds.n > 0 ? g->builds.items[0].text : "", "example", l->id, "message", g->message != NULL ? g->message : "",
        "next_step", step);
    out_json(&s->out, record);
    json_decref(record);
}

/* "name   text", wrapped at words to the terminal's width (100 where there is none), what follows under the text. */
static void print_wrapped(struct session *s, const char *name, const char *text)
{
    enum { INDENT = 15, WIDTH = 100 };
    size_t width = (size_t)(s->out.columns > INDENT + 20 ? MIN_OF(s->out.columns, WIDTH) : WIDTH) - INDENT;
    for (const char *label = name; *text != '\0'; label = "") {
        size_t n = strlen(text), cut = n;
        char line[DEAD_ADVICE_MAX * 2];
        if (n > width) {
            for (cut = width; cut > width / 2 && text[cut] != ' '; cut--)
                ;
            if (text[cut] != ' ')
                for (cut = width; cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80; cut--)
                    ;
        }
        cut = MIN_OF(cut, sizeof line - 1);
        (void)snprintf(line, sizeof line, "%.*s", (int)cut, text);
        out_line(&s->out, "  %-12s %s", label, line);
        text += cut;
        text += strspn(text, " ");
    }
}

static void print_block(const struct dead_triage *t, struct session *s, const struct group *g, const char *step)
{
    char from[32], to[32], names[1024], line[2048];
    const char *message = g->message != NULL ? g->message : "";
    const struct dead_letter *l = &g->example;
    AUTO_FREE char *shown = out_harmless(message, strlen(message));
    out_line(&s->out, "%s", "");
    out_tinted(&s->out, TINT_RED, "%zu × %s (%s) of kind %s, %.3g %%", g->n, l->code, l->cause, l->kind,
               100.0 * (double)g->n / (double)t->letters);
    out_line(&s->out, "  %-12s %s%s%s", "fingerprint", l->fingerprint, g->queues.n > 1 ? "" : "   queue ",
             g->queues.n > 1 ? "" : l->queue);
    if (g->queues.n > 1)
        print_wrapped(s, "queues", names_text(&g->queues, names, sizeof names));
    if (g->kinds.n > 1)
        print_wrapped(s, "kinds", names_text(&g->kinds, names, sizeof names));
    if (g->causes.n > 1)
        print_wrapped(s, "causes", names_text(&g->causes, names, sizeof names));
    out_line(&s->out, "  %-12s %s to %s", "seen", out_time(from, g->first_ms), out_time(to, g->last_ms));
    if (g->builds.n > 0) {
        (void)snprintf(line, sizeof line, "since %s%s%s", g->builds.items[0].text, g->builds.n > 1 ? "; latest first: " : "",
                       g->builds.n > 1 ? names_text(&g->builds, names, sizeof names) : "");
        print_wrapped(s, "builds", line);
    }
    if (g->hosts.n > 0)
        print_wrapped(s, "hosts", names_text(&g->hosts, names, sizeof names));
    (void)snprintf(line, sizeof line, "%s: %.600s", l->id, shown != NULL ? shown : "");
    print_wrapped(s, "example", line);
    print_wrapped(s, "next step", step);
}

void dead_triage_print(struct dead_triage *t, struct session *s, bool archived)
{
    if (t->n > 1)
        qsort(t->groups, t->n, sizeof *t->groups, by_size);
    out_tinted(&s->out, TINT_BOLD, "%zu problem%s, %zu dead letter%s%s", t->n, t->n == 1 ? "" : "s", t->letters,
               t->letters == 1 ? "" : "s", archived ? " in the archive" : "");
    for (size_t i = 0; i < t->n; i++) {
        const struct group *g = t->groups[i];
        char step[DEAD_ADVICE_MAX], which[128];
        (void)snprintf(which, sizeof which, "--fingerprint %s", g->example.fingerprint);
        (void)dead_advice(step, g->example.code, g->example.cause, g->example.kind, g->n == 1 ? g->example.id : which);
        if (s->out.json)
            print_record(t, s, g, step);
        else
            print_block(t, s, g, step);
    }
    if (t->beyond > 0)
        out_remark(&s->out, "%zu letters of further problems are not shown: at most %d problems; narrow the filter", t->beyond,
                   DEAD_TRIAGE_GROUPS);
}
