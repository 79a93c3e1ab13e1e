/*
 * payload_diff - see payload_diff.h. Refuses to show a secret's two values: that it differs is all that is said.
 */
#include "payload_diff.h"

#include "payload_edit.h"

enum { PATH_MAX_BYTES = 512, DEPTH_MAX = 64, TEXT_SHOWN_MAX = 120 };

struct diff {
    struct session *s;
    size_t most, found;
};

static void line(struct diff *d, char sign, const char *path, const json_t *value)
{
    if (d->found++ >= d->most || d->s->out.json)
        return;
    AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    AUTO_FREE char *shown = text != NULL ? out_harmless(text, strlen(text)) : NULL;
    AUTO_FREE char *where = out_harmless(path, strlen(path));
    out_tinted(&d->s->out, sign == '+' ? TINT_GREEN : TINT_RED, "  %c %s %s", sign,
               where != NULL && *where != '\0' ? where : "/", shown != NULL ? shown : "");
}

static void differ(struct diff *d, const char *path, const json_t *before, const json_t *after, int depth);

static void member(struct diff *d, const char *path, const char *key, const json_t *before, const json_t *after,
                   int depth)
{
    char deeper[PATH_MAX_BYTES];
    (void)snprintf(deeper, sizeof deeper, "%.380s/%.120s", path, key);
    differ(d, deeper, before, after, depth + 1);
}

static void differ(struct diff *d, const char *path, const json_t *before, const json_t *after, int depth)
{
    if (before != NULL && after != NULL && json_equal(before, after))
        return;
    if (!json_is_object(before) || !json_is_object(after) || depth > DEPTH_MAX) {
        if (before != NULL)
            line(d, '-', path, before);
        if (after != NULL)
            line(d, '+', path, after);
        return;
    }
    json_t *members = (json_t *)(uintptr_t)before, *value;
    const char *key;
    json_object_foreach(members, key, value) member(d, path, key, value, json_object_get(after, key), depth);
    members = (json_t *)(uintptr_t)after;
    json_object_foreach(members, key, value)
    {
        if (json_object_get(before, key) == NULL)
            member(d, path, key, NULL, value, depth);
    }
}

size_t payload_diff_print(struct session *s, const json_t *before, const json_t *after, size_t most)
{
    struct diff d = {.s = s, .most = most};
    json_t *old = payload_edit_presentable(before, TEXT_SHOWN_MAX),
           *new = payload_edit_presentable(after, TEXT_SHOWN_MAX);
    differ(&d, "", old, new, 0);
    json_decref(old);
    json_decref(new);
    if (d.found > most)
        out_line(&s->out, "  and %zu more lines", d.found - most);
    if (d.found == 0 && !json_equal(before, after))
        out_line(&s->out, "  (what differs is hidden: a secret, or far into a long text)");
    return json_equal(before, after) ? 0 : MAX_OF(d.found, (size_t)1);
}
