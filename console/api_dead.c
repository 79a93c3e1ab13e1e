/*
 * api_dead - dead letters: found, grouped into problems, archived and purged. What is removed was counted before the
 * operator's eyes: a request says how many it means, and more than that are never touched.
 */
#include "api.h"

#include "clock.h"
#include "dead_out.h"
#include "dead_scan.h"
#include "dead_triage.h"
#include "queue_call.h"

#include <stdio.h>

enum { LETTERS_LIMIT = 50, PAGES_LOOKED = 100, TRIAGE_GROUPS_SHOWN = 100, OUT_MAX = 2000 };

static json_t *letter_json(const struct dead_letter *l)
{
    const char *message = json_text(l->last_error, "message");
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:s, s:s}", "queue", l->queue, "id",
                     l->id, "kind", api_text(l->kind, strlen(l->kind)), "cause", api_text(l->cause, strlen(l->cause)),
                     "code", api_text(l->code, strlen(l->code)), "fingerprint", l->fingerprint, "died_ms",
                     (json_int_t)l->died_ms, "errors", (json_int_t)l->errors, "replays", (json_int_t)l->replays,
                     "edits", (json_int_t)l->edits, "message", api_text(message, strlen(message)), "build",
                     json_text(l->last_error, "build"), "instance", json_text(l->last_error, "instance"));
}

/* A place in the list, newest first: time of death, queue, id. */
struct cursor {
    bool given;
    int64_t ms;
    char queue[QUEUE_MAX], id[JOB_ID_MAX];
};

static int read_cursor(const char *after, struct cursor *ret, struct err *e)
{
    long long ms = 0;
    *ret = (struct cursor){.given = after != NULL};
    if (after == NULL)
        return 0;
    int n = sscanf(after, "%lld/%64[A-Za-z0-9._-]/%128[A-Za-z0-9._:-]", &ms, ret->queue, ret->id);
    ret->ms = ms;
    return (n == 1 || n == 3) && ms > 0
               ? 0
               : err_set(e, ERR_BAD_ARGUMENT, "after: that is no cursor of such a page; give what \"next\" said");
}

static size_t place_of(const struct queue_list *list, const char *queue)
{
    size_t i = 0;
    while (i < list->n && strcmp(list->names[i], queue) != 0)
        i++;
    return i;
}

/* Whether the letter stood before the cursor: of one time of death, queues in their order, ids the other way round. */
static bool seen_before(const struct cursor *c, const struct queue_list *list, bool archived,
                        const struct dead_letter *l)
{
    if (!c->given || c->id[0] == '\0' || l->died_ms != c->ms)
        return false;
    size_t mine = place_of(list, l->queue), last = place_of(list, c->queue);
    int order = archived ? strcmp(c->queue, l->queue) : (mine > last) - (mine < last);
    return order < 0 || (order == 0 && strcmp(l->id, c->id) >= 0);
}

int api_dead_list(struct request *r, struct reply *p, struct err *e)
{
    struct api_filter f;
    struct cursor after;
    struct queue_list list = {.n = 0};
    struct dead_scan *scan = NULL;
    const struct dead_letter *letter = NULL;
    int64_t limit, cut_ms = 0;
    char next[256] = "";
    json_t *letters = json_array();
    int rc = api_filter_read(r, NULL, &f, e), more = rc;
    if (rc == 0)
        rc = read_cursor(request_query(r, "after"), &after, e);
    if (rc == 0)
        rc = request_number(r, "limit", 1, REQUEST_LIMIT_MAX, LETTERS_LIMIT, &limit, e);
    if (rc == 0)
        rc = queue_list_parts(r->stores, NULL, &list, e);
    if (rc == 0) {
        f.filter.newest_first = true;
        f.filter.pages_max = PAGES_LOOKED;
        f.filter.until_ms =
            after.given && (f.filter.until_ms == 0 || after.ms < f.filter.until_ms) ? after.ms : f.filter.until_ms;
        rc = dead_scan_open(r->stores, &f.filter, &scan, e);
    }
    while (rc == 0 && next[0] == '\0' && (more = dead_scan_next(scan, &letter, e)) == 1) {
        if (seen_before(&after, &list, f.filter.archived, letter))
            continue;
        (void)json_array_append_new(letters, letter_json(letter));
        if (json_array_size(letters) == (size_t)limit)
            (void)snprintf(next, sizeof next, "%lld/%s/%s", (long long)letter->died_ms, letter->queue, letter->id);
    }
    rc = rc == 0 && more < 0 ? more : rc;
    bool cut = rc == 0 && next[0] == '\0' && dead_scan_cut(scan, &cut_ms);
    if (cut)
        (void)snprintf(next, sizeof next, "%lld", (long long)cut_ms);
    if (rc == 0)
        reply_json(p, 200,
                   json_pack("{s:O, s:s?, s:b, s:I}", "letters", letters, "next", next[0] != '\0' ? next : NULL, "cut",
                             cut, "total", (json_int_t)dead_scan_total(scan)));
    dead_scan_close(scan);
    dead_filter_fini(&f.filter);
    json_decref(letters);
    return rc;
}

int api_dead_triage(struct request *r, struct reply *p, struct err *e)
{
    struct api_filter f;
    struct dead_scan *scan = NULL;
    const struct dead_letter *letter = NULL;
    int64_t cut_ms = 0;
    struct dead_triage *t = dead_triage_new();
    json_t *groups = json_array();
    int rc = api_filter_read(r, NULL, &f, e), more = rc;
    if (rc == 0 && t == NULL)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory to group dead letters");
    f.filter.pages_max = PAGES_LOOKED;
    if (rc == 0)
        rc = dead_scan_open(r->stores, &f.filter, &scan, e);
    while (rc == 0 && (more = dead_scan_next(scan, &letter, e)) == 1)
        dead_triage_add(t, letter);
    rc = rc == 0 && more < 0 ? more : rc;
    if (rc == 0) {
        dead_triage_sort(t);
        for (size_t i = 0; i < MIN_OF(t->n, (size_t)TRIAGE_GROUPS_SHOWN); i++)
            (void)json_array_append_new(groups, dead_triage_record(t, t->groups[i]));
        reply_json(p, 200,
                   json_pack("{s:O, s:I, s:I, s:b}", "groups", groups, "letters", (json_int_t)t->letters, "problems",
                             (json_int_t)t->n, "cut", dead_scan_cut(scan, &cut_ms)));
    }
    dead_scan_close(scan);
    dead_triage_free(t);
    dead_filter_fini(&f.filter);
    json_decref(groups);
    return rc;
}

/* The operator typed what is about to happen, and how many letters were counted: never more than that. */
static int check_confirmation(const struct request *r, const char *word, int64_t *ret_expect, struct err *e)
{
    const char *confirm;
    char wanted[48];
    int rc = request_integer(r->json, "expect", 1, OUT_MAX, -1, ret_expect, e);
    if (rc == 0 && *ret_expect < 0)
        rc = err_set(e, ERR_BAD_ARGUMENT,
                     "expect: how many letters are meant, 1 to %d; more are done in several requests", (int)OUT_MAX);
    if (rc == 0)
        rc = request_text(r->json, "confirm", 40, "", &confirm, e);
    if (rc < 0)
        return rc;
    (void)snprintf(wanted, sizeof wanted, "%s %lld", word, (long long)*ret_expect);
    return strcmp(confirm, wanted) == 0
               ? 0
               : err_set(e, ERR_BAD_ARGUMENT, "confirm: type \"%s\" to say that it is meant", wanted);
}

static int move_out(struct request *r, const char *word, enum dead_out_way way, bool note, struct reply *p,
                    struct err *e)
{
    struct api_filter f;
    struct dead_out o = {.way = way, .note = note};
    int64_t expect = 0;
    int rc = api_filter_read(r, r->json, &f, e);
    if (rc == 0 && json_object_get(r->json, "filter") == NULL && f.filter.n_ids == 0)
        rc = err_set(e, ERR_BAD_ARGUMENT, "name letters by \"ids\" or by \"filter\"; \"filter\": {} means every one");
    if (rc == 0 && f.filter.archived)
        rc = err_set(e, ERR_BAD_ARGUMENT, "letters in the archive are removed with \"stint dlq purge --archived\"");
    if (rc == 0)
        rc = check_confirmation(r, word, &expect, e);
    if (rc == 0)
        rc = request_text(r->json, "reason", 256,
                          way == DEAD_OUT_ARCHIVE && !note ? "archived in the console" : "purged in the console",
                          &o.reason, e);
    if (rc == 0) {
        o.filter = f.filter;
        o.filter.limit = (size_t)expect;
        o.words = f.words;
        rc = dead_out_run(r->stores, &o, e);
    }
    if (rc == 0)
        reply_json(p, 200,
                   json_pack("{s:s, s:I, s:I}", "done", word, "removed", (json_int_t)o.removed, "changed",
                             (json_int_t)o.changed));
    dead_filter_fini(&f.filter);
    return rc;
}

int api_dead_archive(struct request *r, struct reply *p, struct err *e)
{
    return move_out(r, "archive", DEAD_OUT_ARCHIVE, false, p, e);
}

int api_dead_purge(struct request *r, struct reply *p, struct err *e)
{
    return move_out(r, "purge", DEAD_OUT_ARCHIVE, true, p, e);
}
