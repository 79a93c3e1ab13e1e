/*
 * fetch_call - why: the wire, and nothing else. Refuses an answer that is not what docs/protocol.md says.
 */
#include "fetch_call.h"

#include "alloc.h"
#include "keys.h"

#include <stdio.h>
#include <strings.h>

enum { FIXED_ARGS = 16, ARGS_PER_JOB = 6 };

void fetch_args_init(struct fetch_args *a, const char *queue, const char *lane, size_t batch_cap)
{
    *a = (struct fetch_args){.lane = lane, .cap = FIXED_ARGS + ARGS_PER_JOB * batch_cap};
    a->argv = alloc_zero(a->cap, sizeof *a->argv);
    a->lens = alloc_zero(a->cap, sizeof *a->lens);
    fetch_args_queue(a, queue);
}

void fetch_args_queue(struct fetch_args *a, const char *queue)
{
    char key[KEY_MAX];
    snprintf(a->key, sizeof a->key, "%s", keys_prefix(key, queue));
    a->tag[0] = '\0';
}

void fetch_args_fini(struct fetch_args *a)
{
    free(a->argv);
    free(a->lens);
    packed_text_fini(&a->packed);
    *a = (struct fetch_args){0};
}

static void put(struct fetch_args *a, int at, const char *text, size_t len)
{
    a->argv[at] = text;
    a->lens[at] = len;
}

static void add(struct fetch_args *a, const char *text)
{
    assert((size_t)a->n < a->cap);
    put(a, a->n++, text, strlen(text));
}

static void add_number(struct fetch_args *a, uint64_t number)
{
    assert((size_t)a->n_numbers < ARRAY_LEN(a->numbers));
    char *text = a->numbers[a->n_numbers++];
    snprintf(text, sizeof a->numbers[0], "%llu", (unsigned long long)number);
    add(a, text);
}

static void begin(struct fetch_args *a, const char *function)
{
    a->n = 0;
    a->n_numbers = 0;
    add(a, "FCALL");
    add(a, function);
    add(a, "1");
    add(a, a->key);
}

static void add_lane(struct fetch_args *a)
{
    if (a->lane[0] != '\0')
        add(a, a->lane);
}

void fetch_args_fetch(struct fetch_args *a, const char *instance, const char *consumer, uint64_t turn, uint32_t max,
                      bool gate)
{
    begin(a, "stint_fetch");
    add(a, instance);
    add(a, consumer);
    add_number(a, turn);
    add_number(a, max);
    if (!gate) {
        add_lane(a);
        return;
    }
    add(a, a->lane);
    add(a, "native");
}

static void add_key(struct fetch_args *a, size_t which, const char *infix, const char *name)
{
    (void)snprintf(a->keys[which], sizeof a->keys[which], "%s:%s:%s", a->key, infix, name);
    add(a, a->keys[which]);
}

void fetch_args_read(struct fetch_args *a, const char *consumer, enum band band, uint32_t max)
{
    a->n = a->n_numbers = 0;
    add(a, "XREADGROUP");
    add(a, "GROUP");
    add(a, "workers");
    add(a, consumer);
    add(a, "COUNT");
    add_number(a, max);
    add(a, "STREAMS");
    if (band != BAND_EXPRESS)
        add_key(a, 0, "s", band_name(BAND_EXPRESS));
    add_key(a, 1, "s", band_name(band));
    add_key(a, 2, "g", consumer);
    for (int i = band != BAND_EXPRESS ? 3 : 2; i > 0; i--)
        add(a, ">");
}

bool fetch_short(const struct job_core *item)
{
    return item->op == FINISH_ACK || (item->op == FINISH_DONE && item->plain && item->retain_ms > 0);
}

static bool same_call(const struct job_core *a, const struct job_core *b)
{
    return a->op == b->op && a->job.band == b->job.band && (a->op == FINISH_ACK || a->kind == b->kind);
}

static void begin_short(struct fetch_args *a, const struct job_core *first)
{
    bool keep = first->op == FINISH_DONE;
    begin(a, keep ? "stint_keep" : "stint_ack");
    add(a, band_name(first->job.band));
    if (keep) {
        add(a, first->job.kind);
        add_number(a, (uint64_t)first->retain_ms);
    }
}

/* stint_keep_packed; the queue's tag was told, so the library has it. */
static bool begin_packed(struct fetch_args *a, struct job_batch *batch, uint8_t part)
{
    const struct job_core *first = a->tag[0] != '\0' ? job_packed_first(batch) : NULL;
    if (!first)
        return false;
    begin(a, "stint_keep_packed");
    add(a, band_name(first->job.band));
    add(a, first->job.kind);
    add_number(a, (uint64_t)first->retain_ms);
    packed_text_begin(&a->packed, first);
    add(a, a->packed.second);
    int span_at = a->n;
    add(a, ""); /* the span and the text, which are known when the last job is in */
    add(a, "");
    for (size_t i = 0, left = FETCH_ENDS_MAX; i < batch->n && left > 0; i++) {
        struct job_core *item = &batch->items[i];
        if (item->state != JOB_ENDED || !job_packed_beside(first, item))
            continue;
        packed_text_add(&a->packed, item);
        add(a, item->job.entry);
        item->part = part;
        job_batch_move(batch, item, JOB_EV_ASK);
        left--;
    }
    const char *span = packed_text_span(&a->packed);
    put(a, span_at, span, strlen(span));
    put(a, span_at + 1, a->packed.text.data, a->packed.text.len);
    return true;
}

bool fetch_args_short(struct fetch_args *a, struct job_batch *batch, uint8_t part)
{
    if (begin_packed(a, batch, part))
        return true;
    const struct job_core *first = NULL;
    for (size_t i = 0, left = FETCH_ENDS_MAX; i < batch->n && left > 0; i++) {
        struct job_core *item = &batch->items[i];
        if (item->state != JOB_ENDED || !fetch_short(item) || (first && !same_call(first, item)))
            continue;
        if (!first)
            begin_short(a, first = item);
        add(a, item->job.entry);
        if (item->op == FINISH_DONE) {
            job_used_words(&item->used, item->b);
            add(a, item->job.id);
            add(a, item->a ? item->a : "");
            add(a, item->b);
        }
        item->part = part;
        job_batch_move(batch, item, JOB_EV_ASK);
        left--;
    }
    return first != NULL;
}

void fetch_args_adopt(struct fetch_args *a, const char *consumer, const struct fetch_odd odd[], size_t n)
{
    begin(a, "stint_adopt");
    add(a, consumer);
    for (size_t i = 0; i < n; i++) {
        add(a, band_name(odd[i].band));
        add(a, odd[i].entry);
    }
}

/* stint_finish has room for two texts beside a done. */
static const char *finish_b(struct job_core *item)
{
    char usage[JOB_USAGE_MAX];
    if (item->op != FINISH_DONE)
        return item->b;
    job_used_json(&item->used, usage);
    (void)snprintf(item->b, sizeof item->b, "%lld %s", (long long)item->retain_ms, usage);
    return item->b;
}

void fetch_args_finish(struct fetch_args *a, const char *instance, const char *consumer, uint64_t turn, uint32_t max,
                       struct job_batch *batch, uint8_t part)
{
    begin(a, "stint_finish");
    add(a, instance);
    add(a, consumer);
    add_number(a, turn);
    add_number(a, max);
    size_t left = MIN_OF(batch->count[JOB_ENDED], (size_t)FETCH_ENDS_MAX);
    add_number(a, left);
    for (size_t i = 0; i < batch->n && left > 0; i++) {
        struct job_core *item = &batch->items[i];
        if (item->state != JOB_ENDED)
            continue;
        left--;
        add(a, finish_op_name(item->op));
        add(a, band_name(item->job.band));
        add(a, item->job.entry);
        add(a, item->job.id);
        add(a, item->a ? item->a : "");
        add(a, finish_b(item));
        item->part = part;
        job_batch_move(batch, item, JOB_EV_ASK);
    }
    add_lane(a);
}

void fetch_args_handback(struct fetch_args *a, const char *consumer, struct job_batch *batch, size_t most)
{
    const struct job_core *first = NULL;
    size_t taken = 0;
    begin(a, "stint_handback");
    add(a, consumer);
    for (size_t i = 0; i < batch->n && taken < most; i++) {
        struct job_core *item = &batch->items[i];
        if (item->state != JOB_RETURNED)
            continue;
        if (!first) {
            first = item;
            add(a, item->return_reason);
            add_number(a, (uint64_t)item->return_delay_ms);
        }
        if (item->return_delay_ms != first->return_delay_ms || strcmp(item->return_reason, first->return_reason) != 0)
            continue;
        add(a, band_name(item->job.band));
        add(a, item->job.entry);
        job_batch_move(batch, item, JOB_EV_ASK);
        taken++;
    }
}

void fetch_args_reclaim(struct fetch_args *a, const char *consumer)
{
    begin(a, "stint_crash");
    add(a, consumer);
    add(a, "");   /* blame nobody */
    add(a, "{}"); /* no error */
    add(a, "");
    add(a, "1");
    add(a, "0");
}

void fetch_args_progress(struct fetch_args *a, const char *id, const char *epoch, const char *percent,
                         const char *message)
{
    begin(a, "stint_progress");
    add(a, id);
    add(a, epoch);
    add(a, percent);
    add(a, message);
}

static int unexpected(struct err *e, const char *what)
{
    return err_set(e, ERR_PROTOCOL,
                   "Redis answered a fetch with %s; is the stint Functions library of another build loaded?", what);
}

int fetched_read(const redisReply *reply, struct fetched *ret, struct err *e)
{
    static const char *const names[FETCHED_STATUS_COUNT] = {
        [FETCHED_OK] = "ok",           [FETCHED_EMPTY] = "empty",   [FETCHED_PAUSED] = "paused",
        [FETCHED_LIMITED] = "limited", [FETCHED_FENCED] = "fenced",
    };
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < 2)
        return unexpected(e, "no [status, jobs, next_due]");
    const redisReply *status = reply->element[0], *jobs = reply->element[1];
    if (status->type != REDIS_REPLY_STRING && status->type != REDIS_REPLY_STATUS)
        return unexpected(e, "a status that is no text");
    if (jobs->type != REDIS_REPLY_ARRAY)
        return unexpected(e, "jobs that are no array");
    const redisReply *gate = reply->elements > 3 ? reply->element[3] : NULL;
    const char *tag = gate && gate->type == REDIS_REPLY_STRING ? gate->str : "";
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(status->str, names[i]) == 0) {
            *ret = (struct fetched){.status = (enum fetch_status)i, .jobs = jobs, .gate = gate != NULL, .tag = tag};
            return 0;
        }
    return unexpected(e, "an unknown status");
}

/* [accepted, …] with the fenced entries at `at`, when there are any. */
static int accepted_read(const redisReply *reply, size_t at, const redisReply **ret_fenced, struct err *e)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < at ||
        reply->element[0]->type != REDIS_REPLY_INTEGER)
        return unexpected(e, "no count of what it accepted");
    const redisReply *fenced = reply->elements > at ? reply->element[at] : NULL;
    if (fenced && fenced->type != REDIS_REPLY_ARRAY)
        return unexpected(e, "fenced entries that are no array");
    *ret_fenced = fenced;
    return 0;
}

int finished_read(const redisReply *reply, const redisReply **ret_fenced, struct fetched *ret, struct err *e)
{
    int rc = accepted_read(reply, 2, ret_fenced, e);
    return rc < 0 ? rc : fetched_read(reply->element[1], ret, e);
}

int short_read(const redisReply *reply, const redisReply **ret_fenced, struct err *e)
{
    return accepted_read(reply, 1, ret_fenced, e);
}

bool fenced_has(const redisReply *fenced, const struct job_core *item)
{
    char name[ENTRY_ID_MAX + 16];
    snprintf(name, sizeof name, "%s:%s", band_name(item->job.band), item->job.entry);
    for (size_t i = 0; fenced && i < fenced->elements; i++)
        if (fenced->element[i]->type == REDIS_REPLY_STRING && strcmp(fenced->element[i]->str, name) == 0)
            return true;
    return false;
}

enum fetch_refusal fetch_refusal_of(const char *error_text)
{
    static const struct {
        const char *begins;
        enum fetch_refusal refusal;
    } rows[] = {
        {"STINT_", REFUSAL_BUG},
        {"ERR Function not found", REFUSAL_RECONNECT}, /* connecting loads the library */
        {"READONLY", REFUSAL_RECONNECT},               /* a failover made this server a replica */
        {"NOAUTH", REFUSAL_RECONNECT},
        {"MASTERDOWN", REFUSAL_RECONNECT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strncasecmp(error_text, rows[i].begins, strlen(rows[i].begins)) == 0)
            return rows[i].refusal;
    return REFUSAL_LATER;
}
