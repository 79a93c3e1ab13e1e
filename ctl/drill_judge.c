/*
 * drill_judge - see drill.h: what was expected, in words, and whether it is what happened. Pure; refuses to call a
 * drill passed for its end alone: what it cost is looked at too.
 */
#include "drill.h"

#include "job_wait.h"

#include <stdarg.h>
#include <stdio.h>

void drill_set(struct drill_result *ret, enum drill_verdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret->why, sizeof ret->why, format, args);
    va_end(args);
    ret->verdict = verdict;
}

static void counted(char *out, size_t size, const char *what, int n)
{
    size_t used = strlen(out);
    if (n >= 0)
        (void)snprintf(out + used, size - used, ", %d %s%s", n, what, n == 1 ? "" : "s");
}

char *drill_expected(const struct drill *d, char out[static DRILL_TEXT_MAX])
{
    char cause[128] = "no error";
    if (d->causes[0] != '\0')
        (void)snprintf(cause, sizeof cause, "cause %s", d->causes);
    for (char *p = strchr(cause, ','); p != NULL; p = strchr(p, ','))
        *p = '|';
    (void)snprintf(out, DRILL_TEXT_MAX, "%s, %s%s%s", d->state, cause, d->code[0] != '\0' ? " " : "", d->code);
    counted(out, DRILL_TEXT_MAX, "failure", d->attempts);
    counted(out, DRILL_TEXT_MAX, "crash", d->crashes == 1 ? 1 : -1);
    if (d->crashes >= 0 && d->crashes != 1) {
        size_t used = strlen(out);
        (void)snprintf(out + used, DRILL_TEXT_MAX - used, ", %d crashes", d->crashes);
    }
    size_t used = strlen(out);
    (void)snprintf(out + used, DRILL_TEXT_MAX - used, ", within %d s", d->within_s);
    return out;
}

static bool is_one_of(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, ",");
        if (n == len && strncmp(p, word, n) == 0)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

void drill_judge(const struct drill *d, const json_t *job, int64_t took_ms, struct drill_result *ret)
{
    const json_t *error = job_wait_last_error(job);
    const char *state = json_text(job, "state");
    const char *cause = error != NULL ? json_text(error, "cause") : "";
    const char *code = error != NULL ? json_text(error, "code") : "";
    int64_t attempts = json_number(job, "attempts", 0), crashes = json_number(job, "crashes", 0);
    ret->took_ms = took_ms;
    (void)snprintf(ret->happened, sizeof ret->happened, "%s, %s%s%s%s, %lld failure%s, %lld crash%s, after %lld ms",
                   state, cause[0] != '\0' ? "cause " : "no error", cause, code[0] != '\0' ? " " : "", code,
                   (long long)attempts, attempts == 1 ? "" : "s", (long long)crashes, crashes == 1 ? "" : "es",
                   (long long)took_ms);
    if (strcmp(state, d->state) != 0)
        drill_set(ret, DRILL_FAILED, "it is %s, not %s", state, d->state);
    else if (!is_one_of(d->causes[0] != '\0' ? d->causes : "none", cause[0] != '\0' ? cause : "none"))
        drill_set(ret, DRILL_FAILED, "the cause is \"%s\", not %s", cause, d->causes[0] != '\0' ? d->causes : "none");
    else if (d->code[0] != '\0' && strcmp(code, d->code) != 0)
        drill_set(ret, DRILL_FAILED, "the code is %s, not %s", code, d->code);
    else if (d->attempts >= 0 && attempts != d->attempts)
        drill_set(ret, DRILL_FAILED, "it cost %lld failures, not %d", (long long)attempts, d->attempts);
    else if (d->crashes >= 0 && crashes != d->crashes)
        drill_set(ret, DRILL_FAILED, "it cost %lld crashes, not %d", (long long)crashes, d->crashes);
    else if (took_ms > (int64_t)d->within_s * 1000)
        drill_set(ret, DRILL_FAILED, "it took %lld ms, longer than %d s", (long long)took_ms, d->within_s);
    else
        ret->verdict = DRILL_OK;
}
