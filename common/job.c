/*
 * job - see job.h. Reads what a server sent: every element's type, length and range is checked, and a reply that is not
 * a job is refused whole, with the element that was wrong. Producers' options are foreign too; the Functions checked
 * them once, a plain XADD did not.
 */
#include "job.h"

#include "keys.h"

#include <hiredis/hiredis.h>
#include <jansson.h>

/* Elements of the protocol's job array, in order. */
enum job_element {
    JOB_BAND,
    JOB_ENTRY,
    JOB_ID,
    JOB_KIND,
    JOB_EPOCH,
    JOB_ATTEMPTS,
    JOB_CRASHES,
    JOB_HANDBACKS,
    JOB_REPLAYS,
    JOB_SUSPECT,
    JOB_HAS_HASH,
    JOB_CREATED,
    JOB_DUE,
    JOB_OPTIONS,
    JOB_PAYLOAD,
    JOB_ELEMENT_COUNT
};

static const char *const job_element_names[JOB_ELEMENT_COUNT] = {
    "band",    "entry",   "id",       "kind",       "epoch",  "attempts", "crashes", "handbacks",
    "replays", "suspect", "has_hash", "created_ms", "due_ms", "options",  "payload"};

static int job_bad(struct err *e, enum job_element which, const char *why)
{
    return err_set(e, ERR_PROTOCOL, "a fetched job's element %d (%s) %s; is the Functions library of another version?",
                   (int)which, job_element_names[which], why);
}

/* Copies a string element that must be 1..size-1 bytes without NUL. */
static int job_text(const redisReply *reply, enum job_element which, char *out, size_t size, struct err *e)
{
    const redisReply *r = reply->element[which];
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return job_bad(e, which, "is not a string");
    if (r->len == 0 || r->len >= size || memchr(r->str, '\0', r->len) != NULL)
        return job_bad(e, which, "is empty, too long or holds a zero byte");
    memcpy(out, r->str, r->len);
    out[r->len] = '\0';
    return 0;
}

/* A whole number in [0, max], sent as an integer or in decimal text. */
static int job_number(const redisReply *reply, enum job_element which, int64_t max, int64_t *ret, struct err *e)
{
    const redisReply *r = reply->element[which];
    int64_t value;
    if (r != NULL && r->type == REDIS_REPLY_INTEGER) {
        value = r->integer;
    } else if (r != NULL && r->type == REDIS_REPLY_STRING && r->len >= 1 && r->len <= 18 &&
               strspn(r->str, "0123456789") == (size_t)r->len) {
        value = (int64_t)strtoll(r->str, NULL, 10);
    } else {
        return job_bad(e, which, "is not a whole number");
    }
    if (value < 0 || value > max)
        return job_bad(e, which, "is out of range");
    *ret = value;
    return 0;
}

static int job_numbers(struct job *j, const redisReply *reply, struct err *e)
{
    int64_t n[JOB_ELEMENT_COUNT] = {0};
    for (int i = JOB_EPOCH; i <= JOB_DUE; i++) {
        int64_t max = i == JOB_SUSPECT || i == JOB_HAS_HASH ? 1
                      : i >= JOB_CREATED || i == JOB_EPOCH  ? INT64_MAX
                                                            : UINT32_MAX;
        int rc = job_number(reply, (enum job_element)i, max, &n[i], e);
        if (rc < 0)
            return rc;
    }
    j->epoch = (uint64_t)n[JOB_EPOCH];
    j->attempts = (uint32_t)n[JOB_ATTEMPTS];
    j->crashes = (uint32_t)n[JOB_CRASHES];
    j->handbacks = (uint32_t)n[JOB_HANDBACKS];
    j->replays = (uint32_t)n[JOB_REPLAYS];
    j->suspect = n[JOB_SUSPECT] != 0;
    j->has_hash = n[JOB_HAS_HASH] != 0;
    j->created_ms = n[JOB_CREATED];
    j->due_ms = n[JOB_DUE];
    return 0;
}

/* An option that is missing, of another type or out of range counts as not given: the policy of the kind applies. */
static int64_t job_option_int(const json_t *options, const char *key, int64_t max)
{
    const json_t *v = json_object_get(options, key);
    if (!json_is_integer(v))
        return 0;
    json_int_t n = json_integer_value(v);
    return n > 0 && n <= max ? n : 0;
}

static void job_option_text(const json_t *options, const char *key, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(options, key));
    size_t len = s != NULL ? strlen(s) : 0;
    if (len >= size)
        len = 0;
    if (len > 0)
        memcpy(out, s, len);
    out[len] = '\0';
}

static int job_options(struct job *j, const redisReply *r, struct err *e)
{
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return job_bad(e, JOB_OPTIONS, "is not a string");
    if (r->len == 0)
        return 0;
    json_t *options = json_loadb(r->str, (size_t)r->len, 0, NULL);
    if (!json_is_object(options)) { /* a plain XADD's `o` is whatever its producer wrote */
        json_decref(options);
        return 0;
    }
    j->timeout_ms = job_option_int(options, "timeout_ms", INT64_MAX);
    j->max_attempts = (uint32_t)job_option_int(options, "attempts", UINT32_MAX);
    j->expires_at_ms = job_option_int(options, "expires_at_ms", INT64_MAX);
    job_option_text(options, "traceparent", j->traceparent, sizeof j->traceparent);
    job_option_text(options, "tenant", j->tenant, sizeof j->tenant);
    job_option_text(options, "actor", j->actor, sizeof j->actor);
    json_decref(options);
    return 0;
}

static int job_payload(struct job *j, const redisReply *r, struct err *e)
{
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return job_bad(e, JOB_PAYLOAD, "is not a string");
    size_t len = (size_t)r->len;
    j->payload = malloc(len + 1);
    if (j->payload == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a payload of %zu bytes", len);
    memcpy(j->payload, r->str, len);
    j->payload[len] = '\0';
    j->payload_len = len;
    return 0;
}

static int job_names(struct job *j, const redisReply *reply, struct err *e)
{
    char band[16];
    int rc;
    if ((rc = job_text(reply, JOB_BAND, band, sizeof band, e)) < 0 ||
        (rc = job_text(reply, JOB_ENTRY, j->entry, sizeof j->entry, e)) < 0 ||
        (rc = job_text(reply, JOB_ID, j->id, sizeof j->id, e)) < 0 ||
        (rc = job_text(reply, JOB_KIND, j->kind, sizeof j->kind, e)) < 0)
        return rc;
    int number = band_by_name(band);
    if (number < 0)
        return job_bad(e, JOB_BAND, "names no band");
    j->band = (enum band)number;
    return 0;
}

int job_from_reply(struct job *j, const struct redisReply *reply, struct err *e)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != JOB_ELEMENT_COUNT)
        return err_set(e, ERR_PROTOCOL,
                       "a fetched job is not an array of %d; is the Functions library of another version?",
                       (int)JOB_ELEMENT_COUNT);
    struct job job = {0};
    int rc;
    if ((rc = job_names(&job, reply, e)) < 0 || (rc = job_numbers(&job, reply, e)) < 0 ||
        (rc = job_options(&job, reply->element[JOB_OPTIONS], e)) < 0 ||
        (rc = job_payload(&job, reply->element[JOB_PAYLOAD], e)) < 0)
        return rc;
    *j = job;
    return 0;
}

void job_fini(struct job *j)
{
    if (j == NULL)
        return;
    free(j->payload);
    j->payload = NULL;
    j->payload_len = 0;
}

int64_t job_backoff_ms(int64_t base_ms, int64_t max_ms, uint32_t attempt, double random01)
{
    int64_t ceiling = base_ms;
    for (uint32_t i = 1; i < attempt && ceiling < max_ms; i++)
        ceiling = ceiling > INT64_MAX / 2 ? INT64_MAX : ceiling * 2;
    ceiling = MIN_OF(ceiling, max_ms);
    int64_t delay = (int64_t)((double)ceiling * random01);
    return MAX_OF(MIN_OF(delay, ceiling), 1);
}
