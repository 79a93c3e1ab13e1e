/*
 * enqueue_bulk - see enqueue_bulk.h. A batch never spans two queues and never overtakes an earlier line, so that "go on
 * with line N" is exact after any break.
 */
#include "enqueue_bulk.h"

#include "enqueue_options.h"
#include "queue_call.h"
#include "shard.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { LINE_BYTES_MAX = 16 * 1024 * 1024, BATCH_BYTES_MAX = 32 * 1024 * 1024, REFUSED_SHOWN_MAX = 20 };

struct bulk {
    struct session *s;
    FILE *in;
    enqueue_bulk_fn transform;  /* NULL: none */
    struct job_wait_many *wait; /* NULL: nobody waits */
    bool wait_full;             /* it takes no more */
    size_t line, total;        /* line last read; lines of the file, 0 when unknown */
    char queue[QUEUE_MAX];     /* of the batch */
    int64_t shards;            /* of that queue, as Redis knows it when the batch begins */
    uint32_t turn;             /* raised by one a batch: the shard of jobs without id and unique key */
    uint32_t parts[QUEUE_CALL_BATCH_MAX]; /* of the queue each job goes into */
    size_t n, bytes;           /* jobs of the batch, and their size */
    size_t lines[QUEUE_CALL_BATCH_MAX];
    char *options[QUEUE_CALL_BATCH_MAX];  /* owned */
    char *payloads[QUEUE_CALL_BATCH_MAX]; /* owned */
    size_t ready, scheduled, duplicate, refused;
    struct progress progress;
};

static void drop_batch(struct bulk *b)
{
    for (size_t i = 0; i < b->n; i++) {
        free(b->options[i]);
        free(b->payloads[i]);
    }
    b->n = b->bytes = 0;
}

static void refuse(struct bulk *b, size_t line, const char *why)
{
    b->refused++;
    if (b->s->out.json) {
        json_t *record = json_pack("{s:I, s:s, s:s}", "line", (json_int_t)line, "state", "refused", "why", why);
        out_json(&b->s->out, record);
        json_decref(record);
        return;
    }
    progress_end(&b->progress);
    AUTO_FREE char *shown = out_harmless(why, strlen(why));
    if (b->refused <= REFUSED_SHOWN_MAX)
        (void)fprintf(b->s->out.remarks, "line %zu refused: %s\n", line, shown != NULL ? shown : "");
    else if (b->refused == REFUSED_SHOWN_MAX + 1)
        (void)fprintf(b->s->out.remarks, "more refused lines follow; --json names them all\n");
}

static void take_answer(struct bulk *b, const char *queue, size_t line, const redisReply *reply)
{
    bool text = reply->type == REDIS_REPLY_STRING;
    json_t *answer = text ? json_loadb(reply->str, (size_t)reply->len, 0, NULL) : NULL;
    const char *state = json_text(answer, "state");
    size_t *count = strcmp(state, "ready") == 0       ? &b->ready
                    : strcmp(state, "scheduled") == 0 ? &b->scheduled
                    : strcmp(state, "duplicate") == 0 ? &b->duplicate
                                                      : NULL;
    if (count == NULL) {
        refuse(b, line, answer == NULL ? "the server's answer is not readable" : json_text(answer, "why"));
    } else {
        (*count)++;
        struct err full = {.code = 0};
        if (b->wait != NULL && !b->wait_full &&
            job_wait_many_add(b->wait, queue, json_text(answer, "id"), &full) < 0) {
            b->wait_full = true;
            out_remark(&b->s->out, "%s; the rest is sent and not waited for", full.message);
        }
        if (b->s->out.json) {
            (void)json_object_set_new(answer, "line", json_integer((json_int_t)line));
            (void)json_object_set_new(answer, "queue", json_string(queue));
            out_json(&b->s->out, answer);
        }
    }
    json_decref(answer);
}

/* The jobs of the batch that go into one part, in the order of their lines. */
static int flush_part(struct bulk *b, uint32_t part, struct err *e)
{
    struct queue_call c;
    redisReply *reply = NULL;
    char name[QUEUE_MAX];
    size_t lines[QUEUE_CALL_BATCH_MAX], n = 0;
    if (!shard_name(name, b->queue, part))
        return err_set(e, ERR_BAD_ARGUMENT, "queue %s: the names of its shards are too long", b->queue);
    queue_call_init(&c, "stint_enqueue_bulk", name);
    for (size_t i = 0; i < b->n; i++) {
        if (b->parts[i] != part)
            continue;
        queue_call_add(&c, b->options[i]);
        queue_call_add(&c, b->payloads[i]);
        lines[n++] = b->lines[i];
    }
    int rc = n > 0 ? queue_call_run(&b->s->stores, &c, &reply, e) : 0;
    if (rc < 0 || n == 0)
        return rc;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n)
        rc = err_set(e, ERR_PROTOCOL, "stint_enqueue_bulk answered what is not a list of %zu answers", n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        take_answer(b, name, lines[i], reply->element[i]);
    freeReplyObject(reply);
    return rc;
}

static int flush_batch(struct bulk *b, struct err *e)
{
    int rc = 0;
    if (b->n == 0)
        return 0;
    for (uint32_t part = 0; rc == 0 && part < shard_parts(b->shards); part++)
        rc = flush_part(b, part, e);
    if (rc < 0)
        return rc;
    drop_batch(b);
    b->turn++;
    progress_update(&b->progress, b->line, b->total);
    return rc;
}

/* Adds a parsed line. A line that cannot be sent is refused, which is no error of the whole. */
static int add_line(struct bulk *b, const json_t *line, struct err *e)
{
    struct err why = {.code = 0};
    char queue[QUEUE_MAX];
    json_t *options = NULL;
    const char *fallback = args_text(&b->s->args, "queue", NULL);
    int rc = enqueue_options_from_line(b->s, line, &options, &why);
    if (rc == 0) {
        const char *given = json_string_value(json_object_get(line, "queue"));
        rc = enqueue_options_queue(b->s, json_text(line, "kind"), given != NULL ? given : fallback, queue, &why);
    }
    if (rc < 0) {
        json_decref(options);
        refuse(b, b->line, why.message);
        return 0;
    }
    AUTO_FREE char *text = json_dumps(options, JSON_COMPACT);
    AUTO_FREE char *payload = json_dumps(json_object_get(line, "payload"), JSON_COMPACT | JSON_ENCODE_ANY);
    AUTO_FREE char *key = enqueue_options_key(options);
    json_decref(options);
    if (text == NULL || payload == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for line %zu", b->line);
    size_t bytes = strlen(text) + strlen(payload);
    bool full = b->n == QUEUE_CALL_BATCH_MAX || b->bytes + bytes > BATCH_BYTES_MAX || strcmp(b->queue, queue) != 0;
    rc = full ? flush_batch(b, e) : 0;
    if (rc < 0)
        return rc;
    if (b->n == 0)
        rc = queue_shards(&b->s->stores, queue, NULL, &b->shards, e);
    if (rc < 0)
        return rc;
    memcpy(b->queue, queue, sizeof b->queue);
    bool spread = key == NULL && b->shards > 1;
    b->parts[b->n] = spread ? b->turn % (uint32_t)b->shards + 1 : shard_of_key(key, key != NULL ? strlen(key) : 0, b->shards);
    b->lines[b->n] = b->line;
    b->options[b->n] = TAKE(text);
    b->payloads[b->n++] = TAKE(payload);
    b->bytes += bytes;
    return 0;
}

static int add_transformed(struct bulk *b, const json_t *line, struct err *e)
{
    struct err why = {.code = 0};
    json_t *made = NULL;
    if (b->transform == NULL)
        return add_line(b, line, e);
    if (b->transform(b->s, line, &made, &why) < 0) {
        refuse(b, b->line, why.message);
        return 0;
    }
    int rc = add_line(b, made, e);
    json_decref(made);
    return rc;
}

static int read_lines(struct bulk *b, struct err *e)
{
    AUTO_FREE char *text = NULL;
    size_t cap = 0;
    size_t first = (size_t)args_int(&b->s->args, "from-line", 1);
    for (ssize_t len; (len = getline(&text, &cap, b->in)) >= 0;) {
        b->line++;
        bool blank = strspn(text, " \t\r\n") == (size_t)len;
        if (b->line < first || blank)
            continue;
        if (len > LINE_BYTES_MAX) {
            refuse(b, b->line, "the line is longer than 16 MiB");
            continue;
        }
        json_error_t why;
        json_t *line = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, &why);
        int rc = 0;
        if (line == NULL) {
            char message[256];
            (void)snprintf(message, sizeof message, "not JSON: %s at column %d", why.text, why.column);
            refuse(b, b->line, message);
        } else {
            rc = add_transformed(b, line, e);
        }
        json_decref(line);
        if (rc < 0)
            return rc;
    }
    return ferror(b->in) != 0 ? err_set(e, -EIO, "reading stopped behind line %zu: %s", b->line, strerror(errno))
                              : flush_batch(b, e);
}

/* Lines of a regular file, for the progress bar; 0 when it is a pipe. */
static size_t count_lines(FILE *in)
{
    struct stat st;
    char chunk[65536];
    size_t lines = 0, n;
    if (fstat(fileno(in), &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        for (const char *p = chunk; (p = memchr(p, '\n', n - (size_t)(p - chunk))) != NULL; p++)
            lines++;
    rewind(in);
    return lines;
}

/* The service went away in the middle of a batch: whether the batch arrived is not known. */
static int interrupted(struct bulk *b, const struct err *e)
{
    progress_end(&b->progress);
    int code = session_fail(b->s, e);
    if (b->n > 0)
        (void)fprintf(
            b->s->out.remarks,
            "lines before %zu were handled; lines %zu to %zu may or may not have arrived. Go on with --from-line "
            "%zu; jobs with an id or a unique key are not added twice\n",
            b->lines[0], b->lines[0], b->lines[b->n - 1], b->lines[0]);
    else
        (void)fprintf(b->s->out.remarks, "go on with --from-line %zu\n", b->line + 1);
    return code;
}

static int summary(struct bulk *b)
{
    progress_end(&b->progress);
    out_line(&b->s->out, "%zu ready, %zu scheduled, %zu duplicate, %zu refused", b->ready, b->scheduled, b->duplicate,
             b->refused);
    return b->refused == 0 ? EXIT_DONE : EXIT_FAILED;
}

int enqueue_bulk_run(struct session *s, const char *path, enqueue_bulk_fn transform, struct job_wait_many *wait)
{
    struct err e = {.code = 0};
    struct bulk b = {.s = s, .transform = transform, .wait = wait};
    bool standard = strcmp(path, "-") == 0;
    b.in = standard ? stdin : fopen(path, "re");
    if (b.in == NULL) {
        (void)err_set(&e, errno == ENOENT ? ERR_NOT_FOUND : ERR_BAD_ARGUMENT, "--bulk: %s cannot be opened: %s", path,
                      strerror(errno));
        return session_fail(s, &e);
    }
    b.total = count_lines(b.in);
    progress_init(&b.progress, &s->out, "enqueue");
    int rc = read_lines(&b, &e);
    int code = rc < 0 ? interrupted(&b, &e) : summary(&b);
    drop_batch(&b);
    if (!standard)
        (void)fclose(b.in);
    return code;
}
