/*
 * backup_manifest - see backup_manifest.h. A manifest may have been bent like any file: names of parts come from a
 * list, never from it.
 */
#include "backup_manifest.h"

#include "keys.h"
#include "queue_call.h"
#include "sha256.h"

static const char *const part_names[] = {BACKUP_RDB, BACKUP_KEYS, BACKUP_POSTGRES, BACKUP_TOLD};
/* Counters of the ledger that only grow. */
static const char *const growing[] = {"done",    "cancelled", "expired", "purged",
                                      "retried", "crashed",   "died",    "replayed"};

static int wrong(struct err *e, const char *what)
{
    return err_set(e, ERR_BAD_PAYLOAD, "%s of the backup: %s", BACKUP_MANIFEST, what);
}

static bool known_part(const char *name)
{
    for (size_t i = 0; name != NULL && i < ARRAY_LEN(part_names); i++)
        if (strcmp(name, part_names[i]) == 0)
            return true;
    return false;
}

static int check_parts(const json_t *root, struct err *e)
{
    const json_t *parts = json_object_get(root, "parts");
    size_t n = json_array_size(parts);
    if (!json_is_array(parts) || n == 0 || n > BACKUP_PART_MAX)
        return wrong(e, "\"parts\" is no array of 1 to 4 parts");
    for (size_t i = 0; i < n; i++) {
        const json_t *part = json_array_get(parts, i);
        const char *sum = json_string_value(json_object_get(part, "sha256"));
        const char *name = json_string_value(json_object_get(part, "name"));
        if (!known_part(name) || backup_manifest_part(root, name) != part)
            return wrong(e, "a part has a name that no part has, or that another has");
        if (sum == NULL || strlen(sum) != SHA256_HEX - 1 || strspn(sum, "0123456789abcdef") != SHA256_HEX - 1)
            return wrong(e, "a part has no SHA-256");
        if (!json_is_integer(json_object_get(part, "bytes")) || json_integer_value(json_object_get(part, "bytes")) < 0)
            return wrong(e, "a part has no size");
    }
    return 0;
}

static int check_queue(const json_t *queue, struct err *e)
{
    const char *name = json_string_value(json_object_get(queue, "queue"));
    if (name == NULL || !keys_queue_valid(name))
        return wrong(e, "a queue has no valid name");
    if (!json_is_integer(json_object_get(queue, "at_ms")) || !json_is_object(json_object_get(queue, "before")) ||
        !json_is_object(json_object_get(queue, "after")) || !json_is_integer(json_object_get(queue, "outbox_after_ms")))
        return wrong(e, "a queue lacks at_ms, outbox_after_ms, before or after");
    return 0;
}

static bool is_earlier(const json_t *queues, size_t n)
{
    const char *name = json_string_value(json_object_get(json_array_get(queues, n), "queue"));
    for (size_t i = 0; i < n; i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(queues, i), "queue")), name) == 0)
            return true;
    return false;
}

static int check_redis(const json_t *root, struct err *e)
{
    const json_t *redis = json_object_get(root, "redis");
    bool has_part = backup_manifest_part(root, BACKUP_RDB) != NULL || backup_manifest_part(root, BACKUP_KEYS) != NULL;
    if (!has_part && redis == NULL)
        return 0;
    const json_t *queues = json_object_get(redis, "queues");
    if (!has_part || !json_is_array(queues) || !json_is_integer(json_object_get(redis, "functions")) ||
        !json_is_integer(json_object_get(redis, "db")) || !json_is_string(json_object_get(redis, "server")))
        return wrong(e, "\"redis\" and its part do not belong together, or lack a member");
    if (backup_manifest_part(root, BACKUP_RDB) != NULL && backup_manifest_part(root, BACKUP_KEYS) != NULL)
        return wrong(e, "there are two parts of Redis");
    if (json_array_size(queues) > QUEUE_LIST_MAX)
        return wrong(e, "there are more queues than one Redis is backed up with");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(queues); i++) {
        rc = check_queue(json_array_get(queues, i), e);
        if (rc == 0 && is_earlier(queues, i))
            rc = wrong(e, "a queue is there twice");
    }
    return rc;
}

static int check_postgres(const json_t *root, struct err *e)
{
    const json_t *postgres = json_object_get(root, "postgres");
    if ((backup_manifest_part(root, BACKUP_POSTGRES) != NULL) != (postgres != NULL))
        return wrong(e, "\"postgres\" and its part do not belong together");
    if (postgres != NULL && (!json_is_object(json_object_get(postgres, "tables")) ||
                             !json_is_integer(json_object_get(postgres, "migration")) ||
                             !json_is_integer(json_object_get(postgres, "server"))))
        return wrong(e, "\"postgres\" lacks tables, migration or server");
    return 0;
}

/* Of all members but the digest itself, in one order. */
static int digest(const json_t *root, char out[static SHA256_HEX], struct err *e)
{
    struct sha256 sum;
    json_t *rest = json_copy((json_t *)(uintptr_t)root);
    (void)json_object_del(rest, "sha256");
    AUTO_FREE char *text = rest != NULL ? json_dumps(rest, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(rest);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the manifest");
    sha256_init(&sum);
    sha256_add(&sum, text, strlen(text));
    sha256_hex(&sum, out);
    return 0;
}

int backup_manifest_seal(json_t *manifest, struct err *e)
{
    char sum[SHA256_HEX];
    int rc = digest(manifest, sum, e);
    if (rc == 0)
        (void)json_object_set_new(manifest, "sha256", json_string(sum));
    return rc;
}

static int check_seal(const json_t *root, struct err *e)
{
    char sum[SHA256_HEX];
    const char *said = json_string_value(json_object_get(root, "sha256"));
    int rc = digest(root, sum, e);
    return rc < 0 ? rc : said != NULL && strcmp(said, sum) == 0 ? 0 : wrong(e, "it is not as it was written");
}

static int check(const json_t *root, struct err *e)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *version = json_object_get(root, "v");
    if (format == NULL || strcmp(format, "stint-backup") != 0 || !json_is_integer(version))
        return wrong(e, "it is none of a stint backup");
    if (json_integer_value(version) != BACKUP_VERSION)
        return err_set(e, ERR_REFUSED,
                       "the backup has format %lld and this stint reads %d: use the stint that made it, or a newer one",
                       (long long)json_integer_value(version), BACKUP_VERSION);
    const char *id = json_string_value(json_object_get(root, "id"));
    if (id == NULL || strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32)
        return wrong(e, "\"id\" is not 32 of [0-9a-f]");
    if (!json_is_string(json_object_get(root, "made_at")))
        return wrong(e, "\"made_at\" is missing");
    int rc = check_seal(root, e);
    rc = rc == 0 ? check_parts(root, e) : rc;
    rc = rc == 0 ? check_redis(root, e) : rc;
    return rc == 0 ? check_postgres(root, e) : rc;
}

int backup_manifest_read(const char *text, size_t len, json_t **ret, struct err *e)
{
    json_error_t why;
    json_t *root = len <= BACKUP_MANIFEST_MAX_BYTES ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (!json_is_object(root)) {
        json_decref(root);
        return wrong(e, "it is no JSON object");
    }
    int rc = check(root, e);
    if (rc < 0)
        json_decref(root);
    else
        *ret = root;
    return rc;
}

const json_t *backup_manifest_part(const json_t *manifest, const char *name)
{
    const json_t *parts = json_object_get(manifest, "parts");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        const char *of = json_string_value(json_object_get(part, "name"));
        if (of != NULL && strcmp(of, name) == 0)
            return part;
    }
    return NULL;
}

const json_t *backup_manifest_queues(const json_t *manifest)
{
    return json_object_get(json_object_get(manifest, "redis"), "queues");
}

json_t *backup_manifest_counts(const json_t *stats)
{
    json_t *counts = json_object();
    const json_t *ledger = json_object_get(stats, "ledger");
    (void)json_object_set_new(counts, "enqueued", json_integer(json_integer_value(json_object_get(stats, "enqueued"))));
    (void)json_object_set_new(counts, "scheduled",
                              json_integer(json_integer_value(json_object_get(stats, "scheduled"))));
    (void)json_object_set_new(counts, "dead", json_integer(json_integer_value(json_object_get(stats, "dead"))));
    for (size_t i = 0; i < ARRAY_LEN(growing); i++)
        (void)json_object_set_new(counts, growing[i],
                                  json_integer(json_integer_value(json_object_get(ledger, growing[i]))));
    return counts;
}

static int between(const json_t *queue, const json_t *counts, const char *name, struct err *e)
{
    json_int_t least = json_integer_value(json_object_get(json_object_get(queue, "before"), name));
    json_int_t most = json_integer_value(json_object_get(json_object_get(queue, "after"), name));
    json_int_t is = json_integer_value(json_object_get(counts, name));
    if (is >= least && is <= most)
        return 0;
    return err_set(e, ERR_BAD_PAYLOAD,
                   "queue %s: %s is %lld after the restore; when the backup was made it went from %lld to %lld",
                   json_string_value(json_object_get(queue, "queue")), name, (long long)is, (long long)least,
                   (long long)most);
}

int backup_manifest_compare(const json_t *queue, const json_t *stats, struct err *e)
{
    json_t *counts = backup_manifest_counts(stats);
    int rc = between(queue, counts, "enqueued", e);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(growing); i++)
        rc = between(queue, counts, growing[i], e);
    json_decref(counts);
    return rc;
}
