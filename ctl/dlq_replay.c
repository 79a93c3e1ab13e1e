/*
 * dlq_replay - see dlq_replay.h. The loop guard is the Function's; this only shows it. Refuses to edit more than one
 * letter: one patch over many payloads is how a second incident begins.
 */
#include "dlq_replay.h"

#include "payload_in.h"

#include <stdio.h>

struct counts {
    size_t ready, missing, guarded, other;
};

json_t *dlq_replay_merge(const json_t *target, const json_t *patch)
{
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_t *merged = json_is_object(target) ? json_deep_copy(target) : json_object();
    json_t *members = (json_t *)(uintptr_t)patch, *value;
    const char *key;
    json_object_foreach(members, key, value)
    {
        if (json_is_null(value))
            (void)json_object_del(merged, key);
        else
            (void)json_object_set_new(merged, key, dlq_replay_merge(json_object_get(merged, key), value));
    }
    return merged;
}

/* The payload a letter has now, as JSON. */
static int current_payload(struct session *s, const struct dead_letter *letter, json_t **ret_payload, struct err *e)
{
    struct queue_call c;
    json_t *job = NULL;
    queue_call_init(&c, "stint_job", letter->queue);
    queue_call_add(&c, letter->id);
    int rc = queue_call_json(s, &c, &job, e);
    if (rc < 0)
        return rc;
    const json_t *payload = json_object_get(job, "payload");
    json_t *parsed = json_is_string(payload)
                         ? json_loadb(json_string_value(payload), json_string_length(payload), JSON_DECODE_ANY, NULL)
                         : json_deep_copy(payload);
    json_decref(job);
    if (parsed == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "--edit: the payload of %s is not JSON; give a whole one with --payload",
                       letter->id);
    *ret_payload = parsed;
    return 0;
}

/* The new payload's text, or NULL when the letter keeps its own. */
static int new_payload(struct session *s, const struct dead_letters *letters, char **ret_text, struct err *e)
{
    const char *whole = args_text(&s->args, "payload", NULL), *edit = args_text(&s->args, "edit", NULL);
    size_t len;
    json_t *patch = NULL, *payload = NULL;
    *ret_text = NULL;
    if (whole == NULL && edit == NULL)
        return 0;
    if (whole != NULL && edit != NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "--payload and --edit exclude each other; give one");
    if (letters->n != 1)
        return err_set(e, ERR_BAD_ARGUMENT, "--payload and --edit change one dead letter; %zu are named", letters->n);
    if (whole != NULL)
        return payload_in_read("--payload", whole, ret_text, &len, NULL, e);
    AUTO_FREE char *text = NULL;
    int rc = payload_in_read("--edit", edit, &text, &len, &patch, e);
    if (rc == 0)
        rc = current_payload(s, &letters->items[0], &payload, e);
    if (rc == 0) {
        json_t *merged = dlq_replay_merge(payload, patch);
        *ret_text = json_dumps(merged, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(merged);
        rc = *ret_text != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the payload");
    }
    json_decref(patch);
    json_decref(payload);
    return rc;
}

/* The options object of stint_replay as text. */
static int make_options(struct session *s, const struct dead_letters *letters, char **ret_text, struct err *e)
{
    const struct args *a = &s->args;
    AUTO_FREE char *payload = NULL;
    int rc = new_payload(s, letters, &payload, e);
    if (rc < 0)
        return rc;
    json_t *options = json_object();
    if (args_has(a, "band"))
        (void)json_object_set_new(options, "band", json_string(args_text(a, "band", "")));
    if (args_has(a, "delay"))
        (void)json_object_set_new(options, "delay_ms", json_integer(args_int(a, "delay", 0)));
    if (args_has(a, "guard"))
        (void)json_object_set_new(options, "guard", json_integer(args_int(a, "guard", 0)));
    if (payload != NULL)
        (void)json_object_set_new(options, "payload", json_string(payload));
    *ret_text = json_dumps(options, JSON_COMPACT);
    json_decref(options);
    return *ret_text != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the options");
}

static void count_one(struct session *s, const struct dead_letter *letter, const char *outcome, struct counts *n)
{
    if (strcmp(outcome, "ready") == 0 || strcmp(outcome, "scheduled") == 0)
        n->ready++;
    else if (strcmp(outcome, "guard") == 0)
        n->guarded++;
    else if (strcmp(outcome, "notfound") == 0)
        n->missing++;
    else
        n->other++;
    if (!s->out.json)
        return;
    json_t *record = json_pack("{s:s, s:s, s:s}", "queue", letter->queue, "id", letter->id, "state", outcome);
    out_json(&s->out, record);
    json_decref(record);
}

/* Replays letters[from .. from + n), all of one queue. */
static int replay_batch(struct session *s, const struct dead_letter *letters, size_t n, const char *options,
                        struct counts *counts, struct err *e)
{
    struct queue_call c;
    redisReply *reply = NULL;
    queue_call_init(&c, "stint_replay", letters->queue);
    queue_call_add(&c, s->actor);
    queue_call_add(&c, options);
    for (size_t i = 0; i < n; i++)
        queue_call_add(&c, letters[i].id);
    int rc = queue_call_run(s, &c, &reply, e);
    if (rc < 0)
        return rc;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n)
        rc = err_set(e, ERR_PROTOCOL, "stint_replay answered what is not a list of %zu outcomes", n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const redisReply *one = reply->element[i];
        count_one(s, &letters[i], one->str != NULL ? one->str : "unreadable", counts);
    }
    freeReplyObject(reply);
    return rc;
}

static int replay_all(struct session *s, const struct dead_letters *letters, const char *options, struct counts *counts,
                      struct err *e)
{
    struct progress progress;
    int rc = 0;
    progress_init(&progress, &s->out, "replay");
    for (size_t i = 0; rc == 0 && i < letters->n;) {
        size_t n = 1;
        while (n < QUEUE_CALL_BATCH_MAX && i + n < letters->n &&
               strcmp(letters->items[i + n].queue, letters->items[i].queue) == 0)
            n++;
        rc = replay_batch(s, &letters->items[i], n, options, counts, e);
        i += n;
        progress_update(&progress, i, letters->n);
    }
    progress_end(&progress);
    return rc;
}

int dlq_replay_run(struct session *s, const struct dead_letters *letters, int *ret_code, struct err *e)
{
    AUTO_FREE char *options = NULL;
    struct counts n = {.ready = 0};
    int rc = make_options(s, letters, &options, e);
    if (rc == 0)
        rc = replay_all(s, letters, options, &n, e);
    if (rc < 0 && n.ready > 0)
        out_remark(&s->out, "%zu were replayed before the break; say the same again to go on", n.ready);
    if (rc < 0)
        return rc;
    if (n.guarded > 0)
        out_remark(&s->out, "%zu held back by the loop guard: replayed too often already (--guard N raises it)",
                   n.guarded);
    if (n.missing + n.other > 0)
        out_remark(&s->out, "%zu were no dead letters any more", n.missing + n.other);
    out_line(&s->out, "%zu replayed", n.ready);
    *ret_code = n.guarded > 0 ? EXIT_REFUSED : EXIT_DONE;
    return 0;
}
