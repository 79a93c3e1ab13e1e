/*
 * restore_settle - see restore.h. Everything here may be done twice.
 */
#include "restore.h"

#include "keys.h"
#include "killpoint.h"
#include "stop_flag.h"

#include <stdio.h>

enum { FIELDS_MAX = 10, LINE_MAX_BYTES = 1 << 20 };

static const char *const streams[] = {"s:express", "s:high", "s:normal", "s:low", "s:large"};

/* -- events the application's streams lack
 * -------------------------------------------------------------------------------------- */

/* An entry id that the stream is past already is one it holds. */
static int tell(struct restore *r, const json_t *row, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    const json_t *fields = json_object_get(row, "fields");
    const char *argv[3 + FIELDS_MAX] = {"XADD", json_text(row, "key"), json_text(row, "id")};
    size_t n = 3, n_fields = json_array_size(fields);
    bool whole = n_fields > 0 && n_fields % 2 == 0 && n_fields <= FIELDS_MAX &&
                 strspn(argv[2], "0123456789-") == strlen(argv[2]);
    for (size_t i = 0; whole && i < n_fields; i++) {
        argv[n] = json_string_value(json_array_get(fields, i));
        whole = argv[n++] != NULL;
    }
    if (!whole)
        return err_set(e, ERR_BAD_PAYLOAD, "the backup's part %s has a line that is no event", BACKUP_TOLD);
    int rc = session_redis(r->to, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)n, argv, NULL);
    if (rc == 0) {
        freeReplyObject(reply);
        r->events_again++;
    }
    return rc == ERR_REDIS_REFUSED && strstr(e->message, "equal or smaller") != NULL ? 0 : rc;
}

static int tell_all(struct restore *r, const struct restore_queue *q, struct err *e)
{
    char prefix[KEY_MAX];
    int fd = backup_archive_part(r->archive, BACKUP_TOLD);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    AUTO_FREE char *line = malloc(LINE_MAX_BYTES);
    int rc = line == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory to read %s", BACKUP_TOLD) : 0;
    if (f == NULL) {
        base_close_fd(&fd);
        return rc;
    }
    (void)keys_of(prefix, q->name, "match:");
    while (rc == 0 && fgets(line, LINE_MAX_BYTES, f) != NULL) {
        json_t *row = json_loads(line, 0, NULL);
        if (row == NULL)
            rc = err_set(e, ERR_BAD_PAYLOAD, "the backup's part %s has a line that is no event", BACKUP_TOLD);
        else if (strncmp(json_text(row, "key"), prefix, strlen(prefix)) == 0)
            rc = tell(r, row, e);
        json_decref(row);
    }
    (void)fclose(f);
    return rc;
}

/* -- claims of the old world
 * ---------------------------------------------------------------------------------------------------- */

/* Ready again under a higher epoch, at no cost: nobody who held them works here. */
static int hand_back(struct restore *r, const char *queue, const char *consumer, struct err *e)
{
    int64_t remaining = 1;
    int rc = 0;
    while (rc == 0 && remaining > 0) {
        struct queue_call c;
        redisReply *reply = NULL;
        rc = stop_flag_check(e);
        if (rc < 0)
            break;
        queue_call_init(&c, "stint_crash", queue);
        queue_call_add(&c, consumer);
        queue_call_add(&c, "");
        queue_call_add(&c,
                       "{\"code\":\"WORKER_LOST\",\"cause\":\"worker_lost\",\"message\":\"restored from a backup\"}");
        queue_call_add(&c, "restored");
        queue_call_add(&c, "1000");
        queue_call_add(&c, "0");
        rc = queue_call_run(&r->to->stores, &c, &reply, e);
        if (rc < 0)
            break;
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
            rc = err_set(e, ERR_PROTOCOL, "stint_crash answered something else than what it moved");
        remaining = rc == 0 ? reply->element[1]->integer : 0;
        r->claims_moved += rc == 0 ? reply->element[0]->elements : 0;
        freeReplyObject(reply);
    }
    return rc;
}

/* "<instance>:<slot>:<generation>", as docs/protocol.md has it; whoever else read the group is left to time. */
static bool is_worker(const char *name)
{
    int end = 0;
    return sscanf(name, "%*[A-Za-z0-9._-]:%*[0-9]:%*[0-9]%n", &end) == 0 && end > 0 && name[end] == '\0';
}

static int free_stream(struct restore *r, const struct restore_queue *q, const char *stream, struct err *e)
{
    redisReply *all = NULL;
    int rc = restore_ask(r, q->name, stream, &all, "XINFO CONSUMERS %s workers", e);
    if (rc == ERR_REDIS_REFUSED)
        return 0; /* no such stream, or never read */
    for (size_t i = 0; rc == 0 && i < all->elements; i++) {
        const redisReply *one = all->element[i];
        if (one->elements >= 2 && one->element[1]->type == REDIS_REPLY_STRING && is_worker(one->element[1]->str))
            rc = hand_back(r, q->name, one->element[1]->str, e);
        KILL_POINT("restore_claims");
    }
    if (all != NULL)
        freeReplyObject(all);
    return rc;
}

static int forget_instances(struct restore *r, const struct restore_queue *q, struct err *e)
{
    redisReply *all = NULL;
    int rc = restore_ask(r, q->name, "i", &all, "ZRANGE %s 0 -1", e);
    for (size_t i = 0; rc == 0 && i < all->elements; i++) {
        struct queue_call c;
        int64_t left;
        queue_call_init(&c, "stint_bye", q->name);
        queue_call_add(&c, all->element[i]->str);
        rc = queue_call_integer(&r->to->stores, &c, &left, e);
    }
    if (all != NULL)
        freeReplyObject(all);
    return rc;
}

int restore_settle(struct restore *r, struct restore_queue *q, struct err *e)
{
    int rc = r->settle_postgres ? restore_postgres_settle(r, q, e) : 0;
    KILL_POINT("restore_outbox");
    if (rc == 0)
        rc = tell_all(r, q, e);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(streams); i++)
        rc = free_stream(r, q, streams[i], e);
    if (rc == 0)
        rc = forget_instances(r, q, e);
    KILL_POINT("restore_settled");
    return rc;
}
