/*
 * dead_archive - see dead_archive.h. The order is the point: read, stored and committed, only then removed. Refuses to
 * remove anything PostgreSQL has not acknowledged.
 */
#include "dead_archive.h"

#include "buf.h"
#include "killpoint.h"
#include "pg_dial.h"

#include <stdio.h>

/* X(column, type): the order of the parameters of a row. */
#define COLUMNS(X)                                                                                                     \
    X(queue, "text") X(job_id, "text") X(died_ms, "bigint") X(kind, "text") X(band, "text") X(cause, "text")           \
    X(code, "text") X(fingerprint, "text") X(message, "text") X(build, "text") X(host, "text") X(epoch, "bigint")      \
    X(attempts, "integer") X(crashes, "integer") X(handbacks, "integer") X(replays, "integer")                         \
    X(created_ms, "bigint") X(errors, "integer") X(payload, "bytea") X(fields, "jsonb") X(fields_b64, "jsonb")         \
    X(reason, "text") X(actor, "text")

enum column {
#define X(column, type) COLUMN_##column,
    COLUMNS(X)
#undef X
        COLUMN_COUNT
};

static const char *const column_types[] = {
#define X(column, type) type,
    COLUMNS(X)
#undef X
};

static const char insert_into[] = "INSERT INTO stint.dead_letter ("
#define X(column, type) #column ","
    COLUMNS(X)
#undef X
    "archived_at) VALUES ";
/* Who archived it first, when and why, stays. */
static const char on_conflict[] =
    " ON CONFLICT (queue, job_id, died_ms) DO UPDATE SET payload = excluded.payload, fields = excluded.fields,"
    " fields_b64 = excluded.fields_b64";

enum { ROW_NUMBERS = 7, NUMBER_MAX = 24, SQL_MAX_BYTES = 1 << 20, PARAM_MAX = DEAD_BATCH_MAX * COLUMN_COUNT };

/* What a row's parameters borrow from. */
struct row {
    json_t *error; /* the last error record */
    char *payload, *fields, *fields_b64;
    size_t payload_len;
    char numbers[ROW_NUMBERS][NUMBER_MAX];
};

struct rows {
    struct row row[DEAD_BATCH_MAX];
    const char *values[PARAM_MAX];
    int lengths[PARAM_MAX], formats[PARAM_MAX];
};

static void rows_free(struct rows *rows, size_t n)
{
    for (size_t i = 0; rows != NULL && i < n; i++) {
        json_decref(rows->row[i].error);
        free(rows->row[i].payload);
        free(rows->row[i].fields);
        free(rows->row[i].fields_b64);
    }
    free(rows);
}

static const char *error_text(const struct row *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row->error, key));
    return text != NULL ? text : "";
}

/* Everything but the payload, which has a column of its own. */
static int dump_fields(const json_t *record, struct row *row)
{
    json_t *fields = json_copy(json_object_get(record, "fields"));
    json_t *raw = json_object_get(record, "fields_b64") != NULL ? json_copy(json_object_get(record, "fields_b64")) : NULL;
    (void)json_object_del(fields, "payload");
    (void)json_object_del(raw, "payload");
    row->fields = json_dumps(fields, JSON_COMPACT);
    row->fields_b64 = json_object_size(raw) > 0 ? json_dumps(raw, JSON_COMPACT) : NULL;
    bool failed = row->fields == NULL || (json_object_size(raw) > 0 && row->fields_b64 == NULL);
    json_decref(fields);
    json_decref(raw);
    return failed ? ERR_OUT_OF_MEMORY : 0;
}

/* epoch, attempts, crashes, handbacks, replays, created, errors as texts. */
static void read_numbers(const json_t *record, struct row *row)
{
    long long n[6] = {0}, suspect = 0;
    (void)sscanf(dead_record_text(record, "n"), "%lld,%lld,%lld,%lld,%lld,%lld,%lld", &n[0], &n[1], &n[2], &n[3], &n[4],
                 &suspect, &n[5]);
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        (void)snprintf(row->numbers[i], NUMBER_MAX, "%lld", n[i]);
    (void)snprintf(row->numbers[6], NUMBER_MAX, "%lld", strtoll(dead_record_text(record, "errs"), NULL, 10));
}

static int fill_row(struct rows *rows, const struct dead_batch *b, size_t i, const char *reason, const char *actor)
{
    struct row *row = &rows->row[i];
    const json_t *record = b->records[i];
    const char **v = &rows->values[i * COLUMN_COUNT];
    row->error = dead_record_last_error(record);
    read_numbers(record, row);
    int rc = dead_record_field(record, "payload", &row->payload, &row->payload_len);
    if (rc == -ENOENT)
        row->payload = strdup("");
    if ((rc < 0 && rc != -ENOENT) || row->payload == NULL || dump_fields(record, row) < 0)
        return ERR_OUT_OF_MEMORY;
    v[COLUMN_queue] = b->queue;
    v[COLUMN_job_id] = b->ids[i];
    v[COLUMN_died_ms] = dead_record_text(record, "died");
    v[COLUMN_kind] = dead_record_text(record, "kind");
    v[COLUMN_band] = dead_record_text(record, "band");
    v[COLUMN_cause] = dead_record_text(record, "cause");
    v[COLUMN_code] = error_text(row, "code");
    v[COLUMN_fingerprint] = dead_record_text(record, "fp");
    v[COLUMN_message] = error_text(row, "message");
    v[COLUMN_build] = error_text(row, "build");
    v[COLUMN_host] = error_text(row, "instance");
    for (size_t k = 0; k < ROW_NUMBERS; k++)
        v[COLUMN_epoch + k] = row->numbers[k];
    v[COLUMN_payload] = row->payload;
    rows->lengths[i * COLUMN_COUNT + COLUMN_payload] = (int)row->payload_len;
    rows->formats[i * COLUMN_COUNT + COLUMN_payload] = 1;
    v[COLUMN_fields] = row->fields;
    v[COLUMN_fields_b64] = row->fields_b64;
    v[COLUMN_reason] = reason;
    v[COLUMN_actor] = actor;
    return 0;
}
_Static_assert(COLUMN_errors - COLUMN_epoch + 1 == ROW_NUMBERS, "the numbers stand together, in the order of read_numbers");

static int write_sql(struct buf *sql, size_t n)
{
    int rc = buf_addf(sql, "%s", insert_into);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        rc = buf_addf(sql, "%s(", i > 0 ? "," : "");
        for (size_t c = 0; rc >= 0 && c < COLUMN_COUNT; c++)
            rc = buf_addf(sql, "$%zu::%s,", i * COLUMN_COUNT + c + 1, column_types[c]);
        if (rc >= 0)
            rc = buf_addf(sql, "now())");
    }
    return rc < 0 ? rc : buf_addf(sql, "%s", on_conflict);
}

int dead_archive_store(PGconn *pg, const struct dead_batch *b, const char *reason, const char *actor, struct err *e)
{
    struct buf sql;
    int rc = 0;
    struct rows *rows = calloc(1, sizeof *rows);
    buf_init(&sql, SQL_MAX_BYTES);
    if (rows == NULL || write_sql(&sql, b->n) < 0)
        rc = ERR_OUT_OF_MEMORY;
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = fill_row(rows, b, i, reason, actor);
    if (rc < 0) {
        (void)err_set(e, rc, "no memory to archive %zu dead letters", b->n);
    } else {
        PGresult *done = PQexecParams(pg, sql.data, (int)b->n * COLUMN_COUNT, NULL, rows->values, rows->lengths,
                                      rows->formats, 0);
        rc = pg_dial_fault(pg, done, e);
        PQclear(done);
    }
    rows_free(rows, b->n);
    buf_fini(&sql);
    return rc;
}

int dead_archive_move(struct redis_sync *redis, PGconn *pg, const char *queue, const char *const ids[], size_t n,
                      int64_t max_bytes, const struct dead_removal *removal, struct dead_archived *ret, struct err *e)
{
    struct dead_archived done = {.taken = 0};
    AUTO_FREE struct dead_batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a batch of dead letters");
    int rc = dead_batch_read(b, redis, queue, ids, n, max_bytes, &done.taken, e);
    KILL_POINT("archive_read");
    if (rc == 0 && b->n > 0)
        rc = dead_archive_store(pg, b, removal->reason, removal->actor, e);
    KILL_POINT("archive_stored");
    if (rc == 0)
        rc = dead_batch_remove(b, redis, removal, &done.removed, e);
    KILL_POINT("archive_removed");
    done.bytes = b->bytes;
    dead_batch_fini(b);
    if (rc == 0)
        *ret = done;
    return rc;
}
