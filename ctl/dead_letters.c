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

int dead_letters_find(struct session *s, const struct dead_filter *f, struct dead_letters *ret_letters, struct err *e)
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

/* Where the job is, if it is no dead letter of the queues asked. */
static int not_dead(struct session *s, const char *queue, const char *id, struct err *e)
{
    char found[QUEUE_MAX];
    json_t *job = NULL;
    int rc = queue_list_find_job(s, queue, id, found, &job, e);
    if (rc == 0)
        rc = err_set(e, ERR_NOT_FOUND, "job \"%.128s\" is no dead letter; it is %s", id, json_text(job, "state"));
    json_decref(job);
    return rc;
}

static bool holds(const struct dead_letters *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].id, id) == 0)
            return true;
    return false;
}

int dead_letters_by_id(struct session *s, const struct args *a, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_letters letters = {.n = 0};
    const struct dead_filter f = {.queue = args_text(a, "queue", NULL),
                                  .ids = a->positionals,
                                  .n_ids = a->n_positionals,
                                  .limit = DEAD_LETTERS_MAX};
    int rc = dead_letters_find(s, &f, &letters, e);
    for (size_t i = 0; rc == 0 && letters.n < a->n_positionals && i < a->n_positionals; i++)
        if (!holds(&letters, a->positionals[i]))
            rc = not_dead(s, f.queue, a->positionals[i], e);
    if (rc == 0)
        *ret_letters = letters;
    else
        dead_letters_fini(&letters);
    return rc;
}

int dead_letters_select(struct session *s, size_t limit, bool bare, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_filter f = {.limit = 0};
    const struct args *a = &s->args;
    if (a->n_positionals > 0)
        return dead_letters_by_id(s, a, ret_letters, e);
    int rc = dead_filter_must_name(a, e);
    if (rc == 0)
        rc = dead_filter_from_args(s, &f, e);
    f.limit = limit;
    f.bare = bare;
    if (rc == 0)
        rc = dead_letters_find(s, &f, ret_letters, e);
    dead_filter_fini(&f);
    return rc;
}
