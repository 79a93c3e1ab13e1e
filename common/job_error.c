/*
 * job_error - the error record of a failed run and the fingerprint that makes equal failures one group (see job.h).
 * Foreign text goes in as a JSON string only; what is unknown is left out rather than invented.
 */
#include "job.h"

#include "build_info.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>

enum { JOB_FINGERPRINT_TEXT_MAX = 512 };

static void job_put_text(json_t *o, const char *key, const char *value)
{
    if (value == NULL)
        return;
    json_t *v = json_string(value);
    if (v == NULL) /* not UTF-8 */
        v = json_string("(not UTF-8)");
    (void)json_object_set_new(o, key, v);
}

static void job_put_known(json_t *o, const char *key, int64_t value)
{
    if (value >= 0)
        (void)json_object_set_new(o, key, json_integer(value));
}

char *job_error_json(const struct job_evidence *evidence)
{
    json_t *o = json_object();
    if (o == NULL)
        return NULL;
    job_put_text(o, "code", err_name(evidence->code));
    job_put_text(o, "class", err_class_name(err_class(evidence->code)));
    job_put_text(o, "cause", evidence->cause);
    job_put_text(o, "message", evidence->message);
    char host[65] = ""; /* of whom it is told; what is told of another host's process names its instance */
    if (evidence->instance != NULL && gethostname(host, sizeof host - 1) == 0)
        job_put_text(o, "host", host);
    job_put_text(o, "instance", evidence->instance);
    job_put_text(o, "consumer", evidence->consumer);
    job_put_text(o, "build", STINT_VERSION " " STINT_BUILD);
    job_put_known(o, "exit", evidence->exit_status);
    job_put_text(o, "signal", evidence->signal);
    job_put_known(o, "wall_ms", evidence->wall_ms);
    job_put_known(o, "cpu_ms", evidence->cpu_ms);
    job_put_known(o, "rss_bytes", evidence->rss_bytes);
    if (evidence->detail != NULL) {
        json_t *detail = json_loads(evidence->detail, JSON_DECODE_ANY, NULL);
        if (detail != NULL)
            (void)json_object_set_new(o, "detail", detail);
    }
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

/* A word is a run of characters that is not space or quoting. Words that differ from one occurrence of a bug to the
 * next (paths, ids, numbers, addresses) become one mark; the others are kept in lower case. */
static bool job_word_varies(const char *word, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '/')
            return true;
        digits += isdigit((unsigned char)word[i]) != 0;
    }
    return digits > 0;
}

/* "Page 17 of /tmp/a.pdf: damaged" → "page # of #: damaged"; out is always terminated, longer text is cut. */
static void job_normalise(const char *message, char out[static JOB_FINGERPRINT_TEXT_MAX])
{
    static const char separators[] = " \t\"'`,;:()[]{}<>=";
    size_t n = 0;
    for (const char *s = message; *s != '\0' && n + 1 < JOB_FINGERPRINT_TEXT_MAX;) {
        size_t len = strcspn(s, separators);
        if (len == 0) {
            out[n++] = *s++;
            continue;
        }
        if (job_word_varies(s, len))
            out[n++] = '#';
        else
            for (size_t i = 0; i < len && n + 1 < JOB_FINGERPRINT_TEXT_MAX; i++)
                out[n++] = (char)tolower((unsigned char)s[i]);
        s += len;
    }
    out[n] = '\0';
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo: draft-eastlake-fnv), each text followed by a zero byte so that borders count. */
static uint64_t job_hash(uint64_t h, const char *text)
{
    for (const char *s = text;; s++) {
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
        if (*s == '\0')
            return h;
    }
}

void job_fingerprint(char out[static 17], const char *kind, const char *cause, int code, const char *message)
{
    char text[JOB_FINGERPRINT_TEXT_MAX];
    job_normalise(message != NULL ? message : "", text);
    uint64_t h = job_hash(UINT64_C(0xcbf29ce484222325), kind);
    h = job_hash(h, cause);
    h = job_hash(h, err_name(code));
    h = job_hash(h, text);
    (void)snprintf(out, 17, "%016llx", (unsigned long long)h);
}
