/*
 * dlq_groups - see dlq_groups.h. Groups by sorting what was already read; it asks the server nothing.
 */
#include "dlq_groups.h"

#include "job_wait.h"

#include <stdio.h>

struct group {
    size_t first, n; /* letters[first .. first + n) */
    int64_t from_ms, to_ms;
};

static int by_fingerprint(const void *a, const void *b)
{
    const struct dead_letter *x = a, *y = b;
    int order = strcmp(x->fingerprint, y->fingerprint);
    if (order != 0)
        return order;
    return x->died_ms < y->died_ms ? -1 : x->died_ms > y->died_ms;
}

static int by_size(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->n > y->n ? -1 : x->n < y->n;
}

static size_t make_groups(const struct dead_letters *letters, struct group *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < letters->n; i++) {
        const struct dead_letter *letter = &letters->items[i];
        bool same = i > 0 && strcmp(letter->fingerprint, letters->items[i - 1].fingerprint) == 0;
        if (!same)
            groups[n++] = (struct group){.first = i, .from_ms = letter->died_ms};
        groups[n - 1].n++;
        groups[n - 1].to_ms = letter->died_ms;
    }
    return n;
}

/* The distinct values of a text of the letters' last errors, "a, b, …". */
static void distinct(const struct dead_letters *letters, const struct group *g, const char *key, char *out, size_t size)
{
    *out = '\0';
    for (size_t i = g->first; i < g->first + g->n; i++) {
        const char *text = json_text(letters->items[i].last_error, key);
        size_t used = strlen(out);
        if (*text == '\0' || strstr(out, text) != NULL)
            continue;
        if (used + strlen(text) + 8 > size)
            return;
        (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", text);
    }
}

static void print_group(struct session *s, const struct dead_letters *letters, const struct group *g)
{
    const struct dead_letter *last = &letters->items[g->first + g->n - 1];
    char step[NEXT_STEP_MAX], from[32], to[32], builds[256], hosts[256];
    const char *message = json_text(last->last_error, "message");
    (void)job_wait_next_step(step, last->id, last->kind, last->last_error);
    distinct(letters, g, "build", builds, sizeof builds);
    distinct(letters, g, "instance", hosts, sizeof hosts);
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "fingerprint",
                                   last->fingerprint, "count", (json_int_t)g->n, "queue", last->queue, "kind",
                                   last->kind, "cause", last->cause, "code", last->code, "first_ms",
                                   (json_int_t)g->from_ms, "last_ms", (json_int_t)g->to_ms, "builds", builds,
                                   "instances", hosts, "example", last->id, "message", message, "next_step", step);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    AUTO_FREE char *shown = out_harmless(message, strlen(message));
    out_tinted(&s->out, TINT_RED, "%zu × %s (%s) of kind %s", g->n, last->code, last->cause, last->kind);
    out_line(&s->out, "  fingerprint  %s", last->fingerprint);
    out_line(&s->out, "  seen         %s to %s", out_time(from, g->from_ms), out_time(to, g->to_ms));
    if (*builds != '\0')
        out_line(&s->out, "  builds       %s", builds);
    if (*hosts != '\0')
        out_line(&s->out, "  instances    %s", hosts);
    out_line(&s->out, "  example      %s: %s", last->id, shown != NULL ? shown : "");
    out_line(&s->out, "  next step    %s", step);
}

int dlq_groups_print(struct session *s, struct dead_letters *letters, struct err *e)
{
    if (letters->n == 0) {
        out_line(&s->out, "no dead letters%s", dead_filter_given(&s->args) ? " match" : "");
        return 0;
    }
    AUTO_FREE struct group *groups = calloc(letters->n, sizeof *groups);
    if (groups == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the groups of %zu dead letters", letters->n);
    qsort(letters->items, letters->n, sizeof *letters->items, by_fingerprint);
    size_t n = make_groups(letters, groups);
    qsort(groups, n, sizeof *groups, by_size);
    out_tinted(&s->out, TINT_BOLD, "%zu problem%s, %zu dead letter%s", n, n == 1 ? "" : "s", letters->n,
               letters->n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++)
        print_group(s, letters, &groups[i]);
    return 0;
}
