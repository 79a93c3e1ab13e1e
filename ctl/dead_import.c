/*
 * dead_import - see dead_import.h. The Function judges each letter; this reads lines and batches them. Refuses to import
 * half a file it could have checked, and to guess a queue nobody configured.
 */
#include "dead_import.h"

#include "clock.h"
#include "dead_file.h"
#include "dead_record.h"
#include "keys.h"
#include "killpoint.h"
#include "queue_call.h"

#include <fcntl.h>

enum { BATCH_LETTERS = 100, BATCH_MAX_BYTES = 8 << 20, LETTER_FIELDS = 264, FIXED_ARGS = 8 };

struct batch {
    char queue[QUEUE_MAX];
    size_t n, bytes;
    json_t *records[BATCH_LETTERS]; /* owned */
};

struct args_list {
    size_t n, cap;
    const char **texts; /* owned array */
    size_t *lens;       /* owned array */
    char **owned;       /* owned: texts that are ours; NULL where borrowed */
};

static void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        json_decref(b->records[i]);
    b->n = b->bytes = 0;
}

static void args_free(struct args_list *a)
{
    for (size_t i = 0; a->owned != NULL && i < a->n; i++)
        free(a->owned[i]);
    free(a->texts);
    free(a->lens);
    free(a->owned);
}

static void put(struct args_list *a, const char *text, size_t len, char *owned)
{
    assert(a->n < a->cap);
    a->texts[a->n] = text;
    a->lens[a->n] = len;
    a->owned[a->n++] = owned;
}

static size_t fields_of(const json_t *record)
{
    return json_object_size(json_object_get(record, "fields")) + json_object_size(json_object_get(record, "fields_b64"));
}

static int put_letter(struct args_list *a, json_t *record)
{
    const char *id = json_string_value(json_object_get(record, "id")), *name;
    json_t *value;
    char *count = NULL;
    if (asprintf(&count, "%zu", 2 * fields_of(record)) < 0)
        return ERR_OUT_OF_MEMORY;
    put(a, id, strlen(id), NULL);
    put(a, count, strlen(count), count);
    json_object_foreach(json_object_get(record, "fields"), name, value)
    {
        put(a, name, strlen(name), NULL);
        put(a, json_string_value(value), json_string_length(value), NULL);
    }
    json_object_foreach(json_object_get(record, "fields_b64"), name, value)
    {
        char *bytes = NULL;
        size_t len = 0;
        int rc = dead_record_field(record, name, &bytes, &len);
        if (rc < 0)
            return rc;
        put(a, name, strlen(name), NULL);
        put(a, bytes, len, bytes);
    }
    return 0;
}

static int make_args(struct args_list *a, const struct batch *b, const struct session *s, const struct dead_import *in,
                     const char *run, char key[static KEY_MAX])
{
    const char *const fixed[FIXED_ARGS] = {"FCALL",  "stint_dead_import", "1", keys_prefix(key, b->queue), s->stores.actor,
                                           in->reason, run,               in->replace ? "replace" : "keep"};
    a->cap = FIXED_ARGS;
    for (size_t i = 0; i < b->n; i++)
        a->cap += 2 + 2 * fields_of(b->records[i]);
    a->texts = calloc(a->cap, sizeof *a->texts);
    a->lens = calloc(a->cap, sizeof *a->lens);
    a->owned = calloc(a->cap, sizeof *a->owned);
    if (a->texts == NULL || a->lens == NULL || a->owned == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < FIXED_ARGS; i++)
        put(a, fixed[i], strlen(fixed[i]), NULL);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = put_letter(a, b->records[i]);
    return rc;
}

static void count_reply(struct dead_import *in, const struct batch *b, const redisReply *reply)
{
    for (size_t i = 0; i < MIN_OF(b->n, reply->elements); i++) {
        const char *outcome = reply->element[i]->str;
        if (strcmp(outcome, "imported") == 0)
            in->imported++;
        else if (strcmp(outcome, "replaced") == 0)
            in->replaced++;
        else if (strcmp(outcome, "same") == 0)
            in->same++;
        else if (in->exists++ < DEAD_IMPORT_NAMED)
            (void)snprintf(in->existing[in->exists - 1], sizeof in->existing[0], "%s", json_text(b->records[i], "id"));
    }
}

static int flush(struct session *s, struct dead_import *in, struct batch *b, const char *run, struct err *e)
{
    char key[KEY_MAX];
    struct args_list a = {.n = 0};
    struct redis_sync *redis;
    redisReply *reply = NULL;
    if (b->n == 0)
        return 0;
    int rc = session_redis(s, &redis, e);
    if (rc == 0 && (rc = make_args(&a, b, s, in, run, key)) < 0)
        (void)err_set(e, rc, "a batch of letters cannot be made ready: %s", err_text(rc));
    KILL_POINT("import_read");
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)a.n, a.texts, a.lens);
    KILL_POINT("import_told");
    if (rc == 0 && reply->type == REDIS_REPLY_ARRAY)
        count_reply(in, b, reply);
    freeReplyObject(reply);
    args_free(&a);
    batch_clear(b);
    return rc;
}

/* -- lines -----------------------------------------------------------------------------------------------------------
 */

static bool configured(const struct queue_list *list, const char *queue)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->names[i], queue) == 0)
            return true;
    return false;
}

/* The record of a line, checked; its queue is the one it goes to. */
static int parse_line(const char *line, size_t len, const struct dead_import *in, const struct queue_list *list,
                      json_t **ret_record, struct err *e)
{
    json_error_t where;
    json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    if (record == NULL)
        return err_set(e, ERR_BAD_PAYLOAD, "not JSON: %s (column %d)", where.text, where.column);
    int rc = dead_record_check(record, e);
    if (rc == 0 && fields_of(record) > LETTER_FIELDS / 2)
        rc = err_set(e, ERR_BAD_PAYLOAD, "%zu fields; a letter has at most %d", fields_of(record), LETTER_FIELDS / 2);
    if (rc == 0 && in->queue == NULL && !configured(list, json_text(record, "queue")))
        rc = err_set(e, ERR_NOT_FOUND, "queue \"%.64s\" is not configured here; name the one to import into with --queue",
                     json_text(record, "queue"));
    if (rc < 0)
        json_decref(record);
    else
        *ret_record = record;
    return rc;
}

struct reader {
    FILE *from;
    char *line;
    size_t cap, number;
    off_t read, total;
};

/* The next whole line: its length, 0 at the end, negative with e. A last line without an end is left out when it is torn. */
static ssize_t next_line(struct reader *r, struct dead_import *in, struct err *e)
{
    ssize_t n = getline(&r->line, &r->cap, r->from);
    if (n <= 0)
        return ferror(r->from) ? err_set_errno(e, errno, "%s cannot be read", in->path) : 0;
    r->number++;
    r->read += n;
    if (n > DEAD_LINE_MAX_BYTES)
        return err_set(e, ERR_BAD_PAYLOAD, "%s, line %zu: longer than %d bytes", in->path, r->number, DEAD_LINE_MAX_BYTES);
    if (r->line[n - 1] == '\n')
        return n;
    json_t *whole = json_loadb(r->line, (size_t)n, 0, NULL);
    in->torn = whole == NULL;
    json_decref(whole);
    return in->torn ? 0 : n;
}

static int check_lines(struct session *s, struct reader *r, struct dead_import *in, const struct queue_list *list,
                       struct err *e)
{
    struct err why = {.code = 0};
    struct progress bar;
    int rc = 0;
    ssize_t n;
    progress_init(&bar, &s->out, "check");
    while (rc == 0 && (n = next_line(r, in, e)) != 0) {
        json_t *record = NULL;
        rc = n < 0 ? (int)n : parse_line(r->line, (size_t)n, in, list, &record, &why);
        json_decref(record);
        if (rc < 0 && n > 0)
            rc = err_set(e, rc, "%s, line %zu: %.700s; nothing was imported", in->path, r->number, why.message);
        progress_update(&bar, (size_t)(r->read >> 10), (size_t)(r->total >> 10));
    }
    progress_end(&bar);
    rewind(r->from);
    r->number = 0;
    r->read = 0;
    return rc;
}

static int import_lines(struct session *s, struct reader *r, struct dead_import *in, const struct queue_list *list,
                        struct err *e)
{
    struct err why = {.code = 0};
    struct progress bar;
    char run[64];
    int rc = 0;
    ssize_t n;
    AUTO_FREE struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a batch of letters");
    (void)snprintf(run, sizeof run, "import-%llx-%x", (unsigned long long)clock_wall_ms(), (unsigned)getpid());
    progress_init(&bar, &s->out, "import");
    while (rc == 0 && (n = next_line(r, in, e)) != 0) {
        json_t *record = NULL;
        rc = n < 0 ? (int)n : parse_line(r->line, (size_t)n, in, list, &record, &why);
        if (rc < 0 && n > 0)
            rc = err_set(e, rc, "%s, line %zu: %.700s; what stands before it was imported", in->path, r->number,
                         why.message);
        if (rc < 0)
            break;
        const char *queue = in->queue != NULL ? in->queue : json_text(record, "queue");
        if (b->n == BATCH_LETTERS || b->bytes + (size_t)n > BATCH_MAX_BYTES || strcmp(b->queue, queue) != 0)
            rc = flush(s, in, b, run, e); /* leaves the batch empty, whatever came of it */
        if (rc < 0) {
            json_decref(record);
            break;
        }
        (void)snprintf(b->queue, sizeof b->queue, "%s", queue);
        b->bytes += (size_t)n;
        b->records[b->n++] = record;
        progress_update(&bar, (size_t)(r->read >> 10), (size_t)(MAX_OF(r->total, r->read) >> 10));
    }
    struct err last = {.code = 0};
    int flushed = n <= 0 || rc < 0 ? flush(s, in, b, run, rc < 0 ? &last : e) : 0;
    batch_clear(b);
    progress_end(&bar);
    return rc < 0 ? rc : flushed;
}

int dead_import_run(struct session *s, struct dead_import *in, struct err *e)
{
    struct queue_list list;
    struct reader r = {.from = stdin};
    bool file = strcmp(in->path, "-") != 0;
    int rc = queue_list_parts(&s->stores, in->queue, &list, e);
    if (rc < 0)
        return rc;
    if (file && (r.from = fopen(in->path, "re")) == NULL)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : -errno, "%s cannot be read: %s", in->path, strerror(errno));
    if (file && fseeko(r.from, 0, SEEK_END) == 0) {
        r.total = ftello(r.from);
        rewind(r.from);
        rc = check_lines(s, &r, in, &list, e);
    }
    if (rc == 0)
        rc = import_lines(s, &r, in, &list, e);
    free(r.line);
    if (file)
        (void)fclose(r.from);
    return rc;
}
