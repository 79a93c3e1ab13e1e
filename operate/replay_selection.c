/*
 * replay_selection - see replay_selection.h. Refuses to keep ids without end: a selection of more than
 * REPLAY_SELECTION_IDS named letters that was cut off is cancelled, not guessed.
 */
#include "replay_selection.h"

#include <stdio.h>

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        (void)json_object_set_new(object, key, json_string(text));
}

json_t *replay_selection_filter(const struct dead_filter *f)
{
    json_t *filter = json_object();
    set_text(filter, "queue", f->queue);
    set_text(filter, "kind", f->kind);
    set_text(filter, "cause", f->cause);
    set_text(filter, "code", f->code);
    set_text(filter, "fingerprint", f->fingerprint);
    set_text(filter, "match", f->match);
    set_text(filter, "build", f->build);
    set_text(filter, "host", f->host);
    for (size_t i = 0; i < f->n_ids; i++) {
        if (i == 0)
            (void)json_object_set_new(filter, "only", json_array());
        (void)json_array_append_new(json_object_get(filter, "only"), json_string(f->ids[i]));
    }
    if (f->since_ms > 0)
        (void)json_object_set_new(filter, "since_ms", json_integer(f->since_ms));
    if (f->until_ms > 0)
        (void)json_object_set_new(filter, "until_ms", json_integer(f->until_ms));
    return filter;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The ids a filter keeps, as letters; whether they are dead is the run's to see. */
static int letters_of_ids(const char *queue, const json_t *filter, struct dead_letters *ret_letters, struct err *e)
{
    const json_t *ids = json_object_get(filter, "ids");
    size_t n = json_array_size(ids);
    if ((json_int_t)n != json_number(filter, "named", 0))
        return err_set(
            e, ERR_REFUSED,
            "the run was cut off while its %lld named letters were being selected: nothing was replayed; cancel it and "
            "give the command again",
            (long long)json_number(filter, "named", 0));
    ret_letters->items = calloc(n + 1, sizeof *ret_letters->items);
    if (ret_letters->items == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", n);
    for (size_t i = 0; i < n; i++) {
        struct dead_letter *letter = &ret_letters->items[ret_letters->n++];
        (void)snprintf(letter->queue, sizeof letter->queue, "%s", queue);
        (void)snprintf(letter->id, sizeof letter->id, "%s", json_string_value(json_array_get(ids, i)));
    }
    return 0;
}

int replay_selection_find(struct stores *s, const char *queue, const json_t *filter, int64_t before_ms, size_t most,
                          struct dead_letters *ret_letters, struct err *e)
{
    if (json_object_get(filter, "named") != NULL)
        return letters_of_ids(queue, filter, ret_letters, e);
    int64_t until = json_number(filter, "until_ms", 0);
    const json_t *only = json_object_get(filter, "only");
    AUTO_FREE const char **ids = calloc(json_array_size(only) + 1, sizeof *ids);
    if (ids == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", json_array_size(only));
    for (size_t i = 0; i < json_array_size(only); i++)
        ids[i] = json_string_value(json_array_get(only, i));
    const struct dead_filter f = {
        .queue = queue,
        .kind = text_of(filter, "kind"),
        .cause = text_of(filter, "cause"),
        .code = text_of(filter, "code"),
        .fingerprint = text_of(filter, "fingerprint"),
        .match = text_of(filter, "match"),
        .build = text_of(filter, "build"),
        .host = text_of(filter, "host"),
        .ids = ids,
        .n_ids = json_array_size(only),
        .since_ms = json_number(filter, "since_ms", 0),
        .until_ms = until > 0 && until < before_ms ? until : before_ms,
        .limit = most,
        .bare = true,
    };
    return dead_letters_find(s, &f, ret_letters, e);
}

int replay_selection_again(struct stores *s, const struct replay_run *run, struct err *e)
{
    json_t *status = NULL, *filter = NULL;
    struct dead_letters letters = {.n = 0};
    int rc = replay_run_status(s, run, &status, e);
    if (rc == 0 && strcmp(json_text(status, "state"), "selecting") == 0) {
        int64_t most = json_number(status, "max", DEAD_LETTERS_MAX);
        filter = json_loads(json_text(status, "filter"), 0, NULL);
        rc = replay_selection_find(s, run->queue, filter, json_number(status, "created_ms", 0), (size_t)most, &letters,
                                   e);
        if (rc == 0)
            rc = replay_run_select(s, run, &letters, e);
        json_decref(status);
        status = NULL;
        if (rc == 0)
            rc = replay_run_begin(s, run, &status, e);
    }
    json_decref(filter);
    json_decref(status);
    dead_letters_fini(&letters);
    return rc;
}
