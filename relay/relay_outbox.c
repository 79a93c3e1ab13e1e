/*
 * relay_outbox - see relay_outbox.h. Nothing commits in both stores at once, so Redis remembers each answer until PostgreSQL
 * has it, and a row that is sent again gets the answer of its first time. Refuses to send rows under a token that another relay
 * has replaced, and to mark a row whose answer it has not seen.
 */
#include "relay_outbox.h"

#include "clock.h"
#include "keys.h"
#include "killpoint.h"
#include "log.h"
#include "pg_dial.h"

#include <stdio.h>
#include <sys/random.h>

enum {
    ROWS_MAX = 100,
    BATCH_BYTES_MAX = 8 << 20, /* of payloads in one batch, unless one alone is larger */
    IN_FLIGHT_MAX = 50000,     /* rows sent and not marked: what Redis has to remember */
    SETTLE_MS = 3000,          /* Redis' fsync of every second is over by then, a late one too */
    SETTLE_ROWS = 1000,
    PRUNE_EVERY_MS = 60000,
    PRUNE_ROWS = 1000,
    NUMBER_MAX = 24,
};

static const char listen_sql[] = "LISTEN stint_outbox";
/* Of ids that were sent: those whose row is not marked. */
static const char unmarked_sql[] = "SELECT id FROM stint.stint_outbox WHERE queue = $1 AND relayed_at IS NULL"
                                   " AND id IN (SELECT jsonb_array_elements_text($2::jsonb))";
static const char rows_sql[] =
    "SELECT seq, id, (options || jsonb_build_object('id', id, 'kind', kind))::text, payload FROM ("
    "  SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq) - octet_length(payload) AS before FROM ("
    "    SELECT * FROM stint.stint_outbox WHERE queue = $1 AND relayed_at IS NULL AND sent IS DISTINCT FROM $4"
    "    ORDER BY seq LIMIT $3::int) AS waiting"
    ") AS counted WHERE before < $2::bigint ORDER BY seq";
static const char sent_sql[] =
    "UPDATE stint.stint_outbox AS o SET sent = $2, sent_at = clock_timestamp(), state = a.state, why = a.why"
    " FROM jsonb_to_recordset($1::jsonb) AS a(seq bigint, state text, why text) WHERE o.seq = a.seq AND o.relayed_at IS NULL";
static const char settle_sql[] =
    "UPDATE stint.stint_outbox SET relayed_at = clock_timestamp() WHERE seq IN (SELECT seq FROM stint.stint_outbox"
    " WHERE queue = $1 AND relayed_at IS NULL AND sent = $2 AND sent_at < clock_timestamp() - $3::bigint * interval '1 millisecond'"
    " ORDER BY seq LIMIT $4::int) RETURNING id";
static const char prune_sql[] =
    "DELETE FROM stint.stint_outbox WHERE seq IN (SELECT seq FROM stint.stint_outbox WHERE queue = $1 AND"
    " relayed_at < now() - $2::bigint * interval '1 millisecond' ORDER BY relayed_at LIMIT $3::int)";

void relay_outbox_forget(struct relay_outbox *o)
{
    o->token[0] = '\0';
    o->in_flight = 0;
    json_decref(o->marked);
    o->marked = NULL;
}

static struct relay_outbox *outbox_of(struct relay *r, const char *queue)
{
    for (size_t i = 0; i < r->n_queues; i++)
        if (strcmp(r->queues[i].name, queue) == 0)
            return &r->queues[i].outbox;
    assert(!"a step for a queue that is not this relay's");
    return NULL;
}

/* Runs a statement with text parameters; rows are the caller's when asked for. */
static int sql(struct relay *r, const char *text, int n, const char *const params[], PGresult **ret_rows, struct err *e)
{
    PGresult *rows = PQexecParams(r->pg, text, n, NULL, params, NULL, NULL, 0);
    int rc = pg_dial_fault(r->pg, rows, e);
    if (rc == 0 && ret_rows)
        *ret_rows = rows;
    else
        PQclear(rows);
    return rc;
}

/* -- beginning -------------------------------------------------------------------------------------------------------- */

static int new_token(char token[static RELAY_TOKEN_SIZE], struct err *e)
{
    unsigned char bytes[(RELAY_TOKEN_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_set_errno(e, errno, "the kernel gives no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* Of the ids Redis still remembers (*ids, changed), keeps those that PostgreSQL has marked, or does not have any more. They may
 * be IN_FLIGHT_MAX: each is looked up, none is searched for. */
static int keep_marked(struct relay *r, const char *queue, json_t *ids, struct err *e)
{
    AUTO_FREE char *text = json_dumps(ids, JSON_COMPACT);
    const char *const params[] = {queue, text};
    PGresult *rows = NULL;
    int rc = sql(r, unmarked_sql, ARRAY_LEN(params), params, &rows, e);
    json_t *unmarked = json_object(), *all = json_copy(ids);
    for (int i = 0; rc == 0 && i < PQntuples(rows); i++)
        (void)json_object_set_new(unmarked, PQgetvalue(rows, i, 0), json_true());
    (void)json_array_clear(ids);
    for (size_t i = 0; rc == 0 && i < json_array_size(all); i++)
        if (json_object_get(unmarked, json_string_value(json_array_get(all, i))) == NULL)
            (void)json_array_append(ids, json_array_get(all, i));
    json_decref(unmarked);
    json_decref(all);
    PQclear(rows);
    return rc;
}

/* Takes the outbox over: relays before this one are refused from here on, and what they left between the stores is known. */
static int begin(struct relay *r, const char *queue, struct relay_outbox *o, struct err *e)
{
    char key[KEY_MAX], token[RELAY_TOKEN_SIZE];
    redisReply *left = NULL;
    int rc = sql(r, listen_sql, 0, NULL, NULL, e);
    if (rc == 0)
        rc = new_token(token, e);
    if (rc == 0)
        rc = redis_sync_cmd(&r->redis, &left, e, "FCALL stint_outbox_begin 1 %s %s", keys_prefix(key, queue), token);
    if (rc < 0)
        return rc;
    json_t *ids = json_array();
    for (size_t i = 0; i < left->elements; i++)
        (void)json_array_append_new(ids, json_stringn(left->element[i]->str, left->element[i]->len));
    freeReplyObject(left);
    rc = keep_marked(r, queue, ids, e);
    if (rc < 0) {
        json_decref(ids);
        return rc;
    }
    json_decref(o->marked);
    o->marked = ids;
    memcpy(o->token, token, sizeof token);
    return 0;
}

/* -- one batch -------------------------------------------------------------------------------------------------------- */

/* stint_outbox: token, the marked ids (at most ROWS_MAX of them), then options and payload of each row. */
static int send_rows(struct relay *r, const char *queue, struct relay_outbox *o, const PGresult *rows,
                     redisReply **ret_reply, struct err *e)
{
    enum { ARGS_MAX = 5 + 3 * ROWS_MAX + 1 };
    char key[KEY_MAX], count[NUMBER_MAX];
    const char *argv[ARGS_MAX] = {"FCALL", "stint_outbox", "1", keys_prefix(key, queue), o->token, count};
    size_t lens[ARGS_MAX], n = 6, n_marked = MIN_OF(json_array_size(o->marked), (size_t)ROWS_MAX);
    (void)snprintf(count, sizeof count, "%zu", n_marked);
    for (size_t i = 0; i < n; i++)
        lens[i] = strlen(argv[i]);
    for (size_t i = 0; i < n_marked; i++) {
        argv[n] = json_string_value(json_array_get(o->marked, i));
        lens[n++] = json_string_length(json_array_get(o->marked, i));
    }
    for (int i = 0; i < PQntuples(rows); i++)
        for (int column = 2; column <= 3; column++) {
            argv[n] = PQgetvalue(rows, i, column);
            lens[n++] = (size_t)PQgetlength(rows, i, column);
        }
    int rc = redis_sync_argv(&r->redis, ret_reply, e, (int)n, argv, lens);
    for (size_t i = 0; rc == 0 && i < n_marked; i++)
        (void)json_array_remove(o->marked, 0);
    return rc;
}

/* What each row became; a refusal is for its producer to mend, and for the log. */
static json_t *answers_of(const char *queue, const PGresult *rows, const redisReply *reply)
{
    json_t *answers = json_array();
    for (size_t i = 0; i < reply->elements; i++) {
        json_t *one = json_loadb(reply->element[i]->str, reply->element[i]->len, 0, NULL);
        const char *state = json_string_value(json_object_get(one, "state"));
        const char *why = json_string_value(json_object_get(one, "why"));
        if (state && strcmp(state, "refused") == 0)
            log_warn("a row of stint_outbox is no job: the producer must mend it", KV_S("queue", queue),
                     KV_S("job", PQgetvalue(rows, (int)i, 1)), KV_S("why", why ? why : ""));
        (void)json_array_append_new(
            answers, json_pack("{s:I, s:s, s:s*}", "seq", (json_int_t)strtoll(PQgetvalue(rows, (int)i, 0), NULL, 10), "state",
                               state ? state : "refused", "why", why));
        json_decref(one);
    }
    return answers;
}

/* Notes in PostgreSQL what Redis answered. */
static int note_sent(struct relay *r, const struct relay_outbox *o, const char *queue, const PGresult *rows,
                     const redisReply *reply, struct err *e)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (size_t)PQntuples(rows))
        return err_set(e, ERR_PROTOCOL, "stint_outbox answered %zu of %d rows", reply->elements, PQntuples(rows));
    json_t *answers = answers_of(queue, rows, reply);
    AUTO_FREE char *text = json_dumps(answers, JSON_COMPACT);
    json_decref(answers);
    const char *const params[] = {text, o->token};
    return text ? sql(r, sent_sql, ARRAY_LEN(params), params, NULL, e)
                : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the answers of a batch");
}

/* Marks what was sent long enough ago on this very connection, and keeps the ids for Redis to forget. */
static int settle(struct relay *r, const char *queue, struct relay_outbox *o, struct err *e)
{
    char wait[NUMBER_MAX], most[NUMBER_MAX];
    (void)snprintf(wait, sizeof wait, "%d", SETTLE_MS);
    (void)snprintf(most, sizeof most, "%d", SETTLE_ROWS);
    const char *const params[] = {queue, o->token, wait, most};
    PGresult *rows = NULL;
    if (o->in_flight == 0)
        return 0;
    redisReply *pong = NULL;
    int rc = redis_sync_cmd(&r->redis, &pong, e, "PING"); /* is it still the server that was told? */
    if (rc < 0)
        return rc;
    freeReplyObject(pong);
    rc = sql(r, settle_sql, ARRAY_LEN(params), params, &rows, e);
    if (rc < 0)
        return rc;
    KILL_POINT("outbox_settled");
    for (int i = 0; i < PQntuples(rows); i++)
        (void)json_array_append_new(o->marked, json_string(PQgetvalue(rows, i, 0)));
    o->in_flight -= MIN_OF(o->in_flight, (size_t)PQntuples(rows));
    PQclear(rows);
    return 0;
}

/* Rows that wait, none when too many are in flight. */
static int read_rows(struct relay *r, const char *queue, const struct relay_outbox *o, PGresult **ret_rows, struct err *e)
{
    char bytes[NUMBER_MAX], most[NUMBER_MAX];
    (void)snprintf(bytes, sizeof bytes, "%d", BATCH_BYTES_MAX);
    (void)snprintf(most, sizeof most, "%d", o->in_flight < IN_FLIGHT_MAX ? ROWS_MAX : 0);
    const char *const params[] = {queue, bytes, most, o->token};
    return sql(r, rows_sql, ARRAY_LEN(params), params, ret_rows, e);
}

static int relay_rows(struct relay *r, const char *queue, struct relay_outbox *o, struct err *e)
{
    PGresult *rows = NULL;
    redisReply *reply = NULL;
    int rc = read_rows(r, queue, o, &rows, e);
    int n = rc == 0 ? PQntuples(rows) : 0;
    if (n > 0)
        KILL_POINT("outbox_read");
    if (rc == 0 && (n > 0 || json_array_size(o->marked) > 0))
        rc = send_rows(r, queue, o, rows, &reply, e);
    if (rc == 0 && n > 0) {
        KILL_POINT("outbox_sent");
        rc = note_sent(r, o, queue, rows, reply, e);
        o->in_flight += (size_t)n;
        KILL_POINT("outbox_noted");
    }
    if (reply)
        freeReplyObject(reply);
    PQclear(rows);
    return rc < 0 ? rc : n > 0 || json_array_size(o->marked) > 0;
}

static int prune(struct relay *r, const char *queue, struct relay_outbox *o, struct err *e)
{
    char keep[NUMBER_MAX], most[NUMBER_MAX];
    uint64_t now = clock_mono_ms();
    if (o->pruned_ms != 0 && now - o->pruned_ms < PRUNE_EVERY_MS)
        return 0;
    o->pruned_ms = now;
    (void)snprintf(keep, sizeof keep, "%lld", (long long)r->conf->relay.outbox_keep);
    (void)snprintf(most, sizeof most, "%d", PRUNE_ROWS);
    const char *const params[] = {queue, keep, most};
    return sql(r, prune_sql, ARRAY_LEN(params), params, NULL, e);
}

int relay_outbox_step(struct relay *r, const char *queue, struct err *e)
{
    struct relay_outbox *o = outbox_of(r, queue);
    int rc = o->token[0] == '\0' ? begin(r, queue, o, e) : 0;
    if (rc == 0)
        rc = settle(r, queue, o, e);
    if (rc == 0)
        rc = relay_rows(r, queue, o, e);
    if (rc < 0)
        relay_outbox_forget(o); /* another relay, or a Redis that may have lost its memory: begin anew */
    if (rc != 0)
        return rc;
    return prune(r, queue, o, e);
}
