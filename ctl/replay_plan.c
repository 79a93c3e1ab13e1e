/*
 * replay_plan - see replay_plan.h. Refuses to promise: a letter counted here may be gone, guarded or edited when its turn
 * comes, and the run says so then.
 */
#include "replay_plan.h"

#include "payload_diff.h"
#include "payload_edit.h"

#include <stdio.h>

enum { GROUPS_SHOWN = 30, DIFFS_SHOWN = 5, DIFF_LINES = 20 };

struct plan_group {
    size_t first, n, guarded; /* letters[first .. first + n) */
};

static int by_problem(const void *a, const void *b)
{
    const struct dead_letter *x = a, *y = b;
    int order = strcmp(x->queue, y->queue);
    order = order != 0 ? order : strcmp(x->fingerprint, y->fingerprint);
    if (order != 0)
        return order;
    return x->died_ms < y->died_ms ? -1 : x->died_ms > y->died_ms;
}

static int by_count(const void *a, const void *b)
{
    const struct plan_group *x = a, *y = b;
    return x->n > y->n ? -1 : x->n < y->n;
}

static size_t group(const struct dead_letters *letters, int64_t guard, struct plan_group *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < letters->n; i++) {
        const struct dead_letter *letter = &letters->items[i];
        if (i == 0 || strcmp(letter->fingerprint, letter[-1].fingerprint) != 0 || strcmp(letter->queue, letter[-1].queue) != 0)
            groups[n++] = (struct plan_group){.first = i};
        groups[n - 1].n++;
        groups[n - 1].guarded += letter->replays >= guard ? 1 : 0;
    }
    return n;
}

int replay_plan_payload(struct session *s, const struct dead_letter *letter, char **ret_bytes, size_t *ret_len,
                        char **ret_token, struct err *e)
{
    struct redis_sync *redis;
    redisReply *h = NULL;
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &h, e, "HMGET stint:{%s}:j:%s payload died edits state", letter->queue, letter->id);
    if (rc < 0)
        return rc;
    const redisReply *payload = h->element[0], *died = h->element[1], *edits = h->element[2], *state = h->element[3];
    bool dead = payload->type == REDIS_REPLY_STRING && state->str != NULL && strcmp(state->str, "dead") == 0;
    char *bytes = dead ? malloc((size_t)payload->len + 1) : NULL, *token = NULL;
    if (bytes != NULL && asprintf(&token, "%s:%s", died->str != NULL ? died->str : "", edits->str != NULL ? edits->str : "0") < 0)
        token = NULL;
    if (token == NULL) {
        free(bytes);
        freeReplyObject(h);
        return err_set(e, dead ? ERR_OUT_OF_MEMORY : ERR_NOT_FOUND, "%.128s %s", letter->id,
                       dead ? "does not fit in memory" : "is no dead letter any more");
    }
    memcpy(bytes, payload->str, (size_t)payload->len);
    bytes[payload->len] = '\0';
    *ret_bytes = bytes;
    *ret_len = (size_t)payload->len;
    *ret_token = token;
    freeReplyObject(h);
    return 0;
}

/* An example's payload before and after the patch. A payload that is not JSON is said, not an error: the run leaves it. */
static int show_edit(struct session *s, const struct dead_letter *letter, const json_t *patch, struct err *e)
{
    AUTO_FREE char *bytes = NULL, *token = NULL, *text = NULL;
    size_t len;
    int rc = replay_plan_payload(s, letter, &bytes, &len, &token, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    struct err why = {.code = 0};
    if (rc < 0)
        return rc;
    if (payload_edit_apply(letter->id, bytes, len, patch, &text, &why) < 0) {
        out_tinted(&s->out, TINT_YELLOW, "edit of %s: its payload is not JSON; it would stay dead", letter->id);
        return 0;
    }
    json_t *before = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *after = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    out_tinted(&s->out, TINT_BOLD, "edit of %s%s", letter->id, json_equal(before, after) ? ": changes nothing" : "");
    (void)payload_diff_print(s, before, after, DIFF_LINES);
    json_decref(before);
    json_decref(after);
    return 0;
}

static void group_row(struct session *s, struct table *t, const struct dead_letters *letters, const struct plan_group *g)
{
    const struct dead_letter *last = &letters->items[g->first + g->n - 1];
    const char *message = json_text(last->last_error, "message");
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "event", "plan", "queue",
                                   last->queue, "fingerprint", last->fingerprint, "count", (json_int_t)g->n, "guarded",
                                   (json_int_t)g->guarded, "kind", last->kind, "cause", last->cause, "code", last->code,
                                   "example", last->id, "message", message);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%zu", g->n);
    table_set(t, 1, "%zu", g->guarded);
    table_set(t, 2, "%s", last->fingerprint);
    table_set(t, 3, "%s", last->queue);
    table_set(t, 4, "%s", last->kind);
    table_set(t, 5, "%s", last->cause);
    table_set(t, 6, "%s", last->code);
    table_set(t, 7, "%s", last->id);
    table_set(t, 8, "%s", message);
    table_tint(t, 1, g->guarded > 0 ? TINT_YELLOW : TINT_NONE);
}

int replay_plan_print(struct session *s, struct dead_letters *letters, int64_t guard, const json_t *patch,
                      size_t *ret_guarded, struct err *e)
{
    static const char *const titles[] = {">COUNT", "?>GUARDED", "FINGERPRINT", "-QUEUE", "-KIND", "-CAUSE", "CODE",
                                         "-EXAMPLE", "~MESSAGE", NULL};
    AUTO_FREE struct plan_group *groups = calloc(letters->n + 1, sizeof *groups);
    struct table t;
    size_t guarded = 0;
    int rc = 0;
    if (groups == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the plan of %zu dead letters", letters->n);
    if (letters->n > 0)
        qsort(letters->items, letters->n, sizeof *letters->items, by_problem);
    size_t n = group(letters, guard, groups);
    qsort(groups, n, sizeof *groups, by_count);
    table_init(&t, titles);
    for (size_t i = 0; i < n; i++) {
        guarded += groups[i].guarded;
        if (i < GROUPS_SHOWN || s->out.json)
            group_row(s, &t, letters, &groups[i]);
    }
    table_print(&t, &s->out);
    table_fini(&t);
    if (n > GROUPS_SHOWN)
        out_line(&s->out, "and %zu smaller problems", n - GROUPS_SHOWN);
    for (size_t i = 0; rc == 0 && patch != NULL && i < MIN_OF(n, (size_t)DIFFS_SHOWN); i++)
        rc = show_edit(s, &letters->items[groups[i].first + groups[i].n - 1], patch, e);
    *ret_guarded = guarded;
    return rc;
}
