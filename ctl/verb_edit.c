/*
 * verb_edit - `stint dlq edit`: a dead letter's payload, changed where it lies. Refuses what is not JSON, and to write over a
 * change somebody else made meanwhile: the letter's token is compared where it is written.
 */
#include "editor.h"
#include "killpoint.h"
#include "payload_diff.h"
#include "payload_edit.h"
#include "payload_in.h"
#include "replay_plan.h"
#include "dead_select.h"
#include "verb.h"

#include <stdio.h>

enum { DIFF_LINES = 100 };

const struct arg_spec verb_dlq_edit_options[] = {
    {"patch", ARG_TEXT, "JSON|@FILE|-", "JSON merge patch (RFC 7396) of the payload", NULL, 0, 0},
    {"payload", ARG_TEXT, "JSON|@FILE|-", "another payload; without either, $VISUAL or $EDITOR is opened", NULL, 0, 0},
    {"queue", ARG_TEXT, "QUEUE", "look in this queue only; default: every configured queue", NULL, 1, 64},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {"dry-run", ARG_FLAG, NULL, "show what would change, change nothing", NULL, 0, 0},
    {"yes", ARG_FLAG, NULL, "do not ask", NULL, 0, 0},
    {.name = NULL},
};

/* The letter being edited. Owned texts. */
struct edit {
    struct dead_letters letters; /* one */
    char *before, *token, *after;
    size_t before_len, after_len;
};

static int read_patch(struct session *s, struct edit *d, struct err *e)
{
    AUTO_FREE char *text = NULL;
    size_t len;
    json_t *patch = NULL;
    int rc = payload_in_read("--patch", args_text(&s->args, "patch", ""), &text, &len, &patch, e);
    if (rc == 0)
        rc = payload_edit_apply(d->letters.items[0].id, d->before, d->before_len, patch, &d->after, e);
    d->after_len = rc == 0 ? strlen(d->after) : 0;
    json_decref(patch);
    return rc;
}

/* What the payload shall be. */
static int read_after(struct session *s, struct edit *d, struct err *e)
{
    const struct args *a = &s->args;
    if (args_has(a, "patch"))
        return read_patch(s, d, e);
    if (args_has(a, "payload"))
        return payload_in_read("--payload", args_text(a, "payload", ""), &d->after, &d->after_len, NULL, e);
    return editor_edit(s, d->letters.items[0].id, d->before, d->before_len, &d->after, &d->after_len, e);
}

/* True when they differ. Shows how: member by member, or by size when the former was not JSON. */
static bool show_change(struct session *s, const struct edit *d)
{
    json_t *before = json_loadb(d->before, d->before_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *after = json_loadb(d->after, d->after_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool differs = d->before_len != d->after_len || memcmp(d->before, d->after, d->after_len) != 0;
    if (differs && before == NULL)
        out_line(&s->out, "the former payload, %zu bytes, was not JSON; the new one has %zu", d->before_len, d->after_len);
    else if (differs && payload_diff_print(s, before, after, DIFF_LINES) == 0)
        differs = false; /* only spaces or the order of members */
    json_decref(before);
    json_decref(after);
    return differs;
}

static int write_edit(struct session *s, const struct edit *d, char **ret_token, struct err *e)
{
    struct queue_call c;
    redisReply *reply = NULL;
    queue_call_init(&c, "stint_edit", d->letters.items[0].queue);
    queue_call_add(&c, d->letters.items[0].id);
    queue_call_add(&c, d->token);
    queue_call_add_bytes(&c, d->after, d->after_len);
    queue_call_add(&c, s->stores.actor);
    queue_call_add(&c, args_text(&s->args, "reason", ""));
    KILL_POINT("edit_before");
    int rc = queue_call_run(&s->stores, &c, &reply, e);
    KILL_POINT("edit_after");
    if (rc == 0)
        *ret_token = strdup(reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return rc;
}

static int allowed(struct session *s, struct err *e)
{
    if (args_has(&s->args, "yes") || isatty(STDIN_FILENO) != 1 || session_confirm(s, "Write this?"))
        return 0;
    return err_set(e, ERR_REFUSED, "the dead letter is as it was");
}

static void report(struct session *s, const struct edit *d, const char *state, const char *token)
{
    const struct dead_letter *letter = &d->letters.items[0];
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:s, s:s}", "queue", letter->queue, "id", letter->id, "state", state, "token", token);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_line(&s->out, "%s %s%s%s", letter->id, state, strcmp(state, "edited") == 0 ? "; stint dlq replay " : "",
             strcmp(state, "edited") == 0 ? letter->id : "");
}

static int edit(struct session *s, struct edit *d, struct err *e)
{
    AUTO_FREE char *token = NULL;
    if (args_has(&s->args, "patch") && args_has(&s->args, "payload"))
        return err_set(e, ERR_BAD_ARGUMENT, "--patch and --payload exclude each other; give one");
    int rc = dead_letters_by_id(s, &s->args, &d->letters, e);
    if (rc == 0)
        rc = replay_plan_payload(s, &d->letters.items[0], &d->before, &d->before_len, &d->token, e);
    if (rc == 0)
        rc = read_after(s, d, e);
    if (rc < 0)
        return rc;
    if (!show_change(s, d)) {
        report(s, d, "unchanged", d->token);
        return 0;
    }
    if (args_has(&s->args, "dry-run")) {
        report(s, d, "would be edited; nothing was changed", d->token);
        return 0;
    }
    rc = allowed(s, e);
    if (rc == 0)
        rc = write_edit(s, d, &token, e);
    if (rc == 0)
        report(s, d, "edited", token != NULL ? token : "");
    return rc;
}

int verb_dlq_edit(struct session *s)
{
    struct err e = {.code = 0};
    struct edit d = {.before = NULL};
    int rc = edit(s, &d, &e);
    dead_letters_fini(&d.letters);
    free(d.before);
    free(d.token);
    free(d.after);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
