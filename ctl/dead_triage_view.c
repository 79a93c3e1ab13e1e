/*
 * dead_triage_view - see dead_triage_view.h. Refuses to print a message as it is: jobs wrote it.
 */
#include "dead_triage_view.h"

#include <stdio.h>

/* "1.8.2 (40), 1.8.1", the latest to appear first; counts only where there are several. */
static char *names_text(const struct triage_names *names, char *out, size_t size)
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

static void print_block(const struct dead_triage *t, struct session *s, const struct triage_group *g, const char *step)
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
        (void)snprintf(line, sizeof line, "since %s%s%s", g->builds.items[0].text,
                       g->builds.n > 1 ? "; latest first: " : "",
                       g->builds.n > 1 ? names_text(&g->builds, names, sizeof names) : "");
        print_wrapped(s, "builds", line);
    }
    if (g->hosts.n > 0)
        print_wrapped(s, "hosts", names_text(&g->hosts, names, sizeof names));
    (void)snprintf(line, sizeof line, "%s: %.600s", l->id, shown != NULL ? shown : "");
    print_wrapped(s, "example", line);
    print_wrapped(s, "next step", step);
}

static void print_record(const struct dead_triage *t, struct session *s, const struct triage_group *g)
{
    json_t *record = dead_triage_record(t, g);
    out_json(&s->out, record);
    json_decref(record);
}

void dead_triage_view_print(struct dead_triage *t, struct session *s, bool archived)
{
    dead_triage_sort(t);
    out_tinted(&s->out, TINT_BOLD, "%zu problem%s, %zu dead letter%s%s", t->n, t->n == 1 ? "" : "s", t->letters,
               t->letters == 1 ? "" : "s", archived ? " in the archive" : "");
    for (size_t i = 0; i < t->n; i++) {
        const struct triage_group *g = t->groups[i];
        char step[DEAD_ADVICE_MAX];
        if (s->out.json)
            print_record(t, s, g);
        else
            print_block(t, s, g, dead_triage_step(g, step));
    }
    if (t->beyond > 0)
        out_remark(&s->out, "%zu letters of further problems are not shown: at most %d problems; narrow the filter",
                   t->beyond, DEAD_TRIAGE_GROUPS);
}
