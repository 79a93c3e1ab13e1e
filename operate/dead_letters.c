/*
 * dead_letters - see dead_letters.h. A list for those who need all letters at hand. Refuses to hold more than
 * DEAD_LETTERS_MAX.
 */
#include "dead_letters.h"

#include "dead_scan.h"

void dead_letters_fini(struct dead_letters *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++)
        json_decref(l->items[i].last_error);
    free(l->items);
    *l = (struct dead_letters){.n = 0};
}

static int keep(struct dead_letters *l, const struct dead_letter *letter, bool bare, struct err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct dead_letter *items = cap > 2 * DEAD_LETTERS_MAX ? NULL : reallocarray(l->items, cap, sizeof *items);
        if (items == NULL)
            return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu dead letters; narrow the filter", cap);
        l->items = items;
        l->cap = cap;
    }
    struct dead_letter *kept = &l->items[l->n++];
    *kept = *letter;
    kept->last_error = bare ? NULL : json_incref(letter->last_error);
    return 0;
}

int dead_letters_find(struct stores *s, const struct dead_filter *f, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_scan *scan = NULL;
    const struct dead_letter *letter;
    struct dead_letters letters = {.n = 0};
    int rc = dead_scan_open(s, f, &scan, e), more = rc;
    while (rc == 0 && (more = dead_scan_next(scan, &letter, e)) == 1)
        rc = keep(&letters, letter, f->bare, e);
    rc = rc < 0 ? rc : more;
    dead_scan_close(scan);
    if (rc == 0)
        *ret_letters = letters;
    else
        dead_letters_fini(&letters);
    return rc;
}

static bool same(const char *wanted, const char *is)
{
    return wanted == NULL || strcmp(wanted, is) == 0;
}

/* "web-1" is the host of the instance "web-1-1a2b3c4d". */
static bool on_host(const char *host, const char *instance)
{
    size_t n = strlen(host);
    return strncmp(instance, host, n) == 0 && (instance[n] == '\0' || instance[n] == '-');
}

bool dead_filter_passes(const struct dead_filter *f, const struct dead_letter *l, bool whole)
{
    if (!same(f->kind, l->kind) || !same(f->fingerprint, l->fingerprint) ||
        (!same(f->cause, l->cause) && (whole || l->cause[0])))
        return false;
    if (!whole)
        return true;
    if (!same(f->code, l->code) || !same(f->build, json_text(l->last_error, "build")) ||
        (f->host != NULL && !on_host(f->host, json_text(l->last_error, "instance"))))
        return false;
    return f->match == NULL || strcasestr(l->id, f->match) != NULL ||
           strcasestr(json_text(l->last_error, "message"), f->match) != NULL;
}

void dead_filter_fini(struct dead_filter *f)
{
    if (f == NULL)
        return;
    free(f->ids);
    free(f->id_texts);
    f->ids = NULL;
    f->id_texts = NULL;
    f->n_ids = 0;
}
