/*
 * dead_advice - see dead_advice.h. One table; the first row whose code and cause fit speaks. Refuses to advise a replay
 * where it would only fail again: there it says first what to mend.
 */
#include "dead_advice.h"

#include <stdio.h>

/* WHICH: the letters. KIND: their kind. A row fits when each given pattern fits; a cause ending with '*' is a
 * beginning. */
static const struct {
    const char *code, *cause, *step;
} steps[] = {
    /* deaths and limits, by cause: the code says less */
    {NULL, "oom_kill",
     "the kernel ended it for want of memory: raise cgroup_memory of the pool that runs KIND, or give KIND a pool with "
     "lane = "
     "large; then: stint dlq replay WHICH"},
    {NULL, "mem_limit",
     "raise memory of the pool that runs KIND, or give KIND a pool with lane = large; then: stint dlq replay WHICH"},
    {NULL, "cpu_limit", "raise kind.KIND.cpu or split the work, then: stint dlq replay WHICH"},
    {NULL, "hard_timeout",
     "it ran past kind.KIND.timeout and was killed: raise it or split the work, then: stint dlq replay WHICH"},
    {NULL, "soft_timeout", "raise kind.KIND.timeout or split the work, then: stint dlq replay WHICH"},
    {NULL, "sandbox_violation",
     "its code called what the sandbox forbids (the error names it): treat the input as hostile; replay only with a "
     "mended "
     "build: stint dlq replay WHICH --canary 1"},
    {NULL, "worker_lost", "see whether its host is well, then: stint dlq replay WHICH"},
    {NULL, "operator_kill", "an operator killed it; when it may run: stint dlq replay WHICH"},
    {NULL, "boot_failure",
     "workers of this build do not start: mend the deploy (stint status), then: stint dlq replay WHICH"},
    {NULL, "signal:*",
     "it crashes its worker; see where: stint job repro, mend input or build, then: stint dlq replay WHICH --canary 1"},
    /* what handlers say, by code */
    {"BAD_PAYLOAD", NULL, "mend the payload: stint dlq replay WHICH --edit '{\"field\":value}'"},
    {"UNKNOWN_KIND", NULL, "start workers that know the kind, or remove it: stint dlq purge WHICH"},
    {"SOURCE_MISSING", NULL, "put the input where the payload says, then: stint dlq replay WHICH"},
    {"SOURCE_REFUSED", NULL,
     "the message names the key of [pdf] that would allow it, or what the server refused; then: stint dlq replay "
     "WHICH"},
    {"SOURCE_UNAVAILABLE", NULL, "bring the source back, then: stint dlq replay WHICH"},
    {"HASH_MISMATCH", NULL,
     "send the right input, or mend sha256 and size: stint dlq replay WHICH --edit '{\"source\":{…}}'"},
    {"PASSWORD_REQUIRED", NULL,
     "ask its owner for the password, send it again with it (stint pdf parse FILE --password-file P), then: stint dlq "
     "purge WHICH"},
    {"UNSUPPORTED_ENCRYPTION", NULL,
     "save the document without encryption and send it again; then: stint dlq purge WHICH"},
    {"NOT_PDF", NULL,
     "send the right file instead: stint dlq replay WHICH --edit '{\"source\":{…}}', or stint dlq purge WHICH"},
    {"CORRUPT_PDF", NULL,
     "send an undamaged file: stint dlq replay WHICH --edit '{\"source\":{…}}', or stint dlq purge WHICH"},
    {"EMPTY_FILE", NULL, "send a file that is not empty: stint dlq replay WHICH --edit '{\"source\":{…}}'"},
    {"TOO_LARGE", NULL, "raise pdf.max_bytes or send a smaller input, then: stint dlq replay WHICH"},
    {"TOO_MANY_PAGES", NULL, "raise pdf.max_pages or split the document, then: stint dlq replay WHICH"},
    {"DECOMPRESSION_LIMIT", NULL, "it unpacks to far more than it is: ask its owner; else: stint dlq purge WHICH"},
    {"NO_TEXT", NULL, "a scan: ask for a PDF with text; then: stint dlq purge WHICH"},
    {"UNRECOGNISED_FORMAT", NULL, "say what it is: stint dlq replay WHICH --edit '{\"expect\":\"table\"}'"},
    {"TYPE_MISMATCH", NULL, "let it find the type itself: stint dlq replay WHICH --edit '{\"expect\":\"auto\"}'"},
    {"TIMEOUT", NULL, "raise kind.KIND.timeout or split the work, then: stint dlq replay WHICH"},
    {"CPU_LIMIT", NULL, "raise kind.KIND.cpu or split the work, then: stint dlq replay WHICH"},
    {"MEM_LIMIT", NULL,
     "raise memory (cgroup_memory after an oom_kill) of the pool that runs KIND, or give KIND a pool with lane = "
     "large; then: "
     "stint dlq replay WHICH"},
    {"CRASH", NULL, "its input crashes the worker: mend the input or the worker's build, then: stint dlq replay WHICH"},
    {"REDIS_UNAVAILABLE", NULL, "bring Redis back, then: stint dlq replay WHICH"},
    {"STORE_UNAVAILABLE", NULL, "bring PostgreSQL back, then: stint dlq replay WHICH"},
    {"STORE_CONFLICT", NULL, "it met others' changes too often; again, slowly: stint dlq replay WHICH --rate 5/s"},
    {"WORKER_LOST", NULL, "see whether its host is well, then: stint dlq replay WHICH"},
    {NULL, NULL, "mend what the error names, then: stint dlq replay WHICH"},
};

static bool fits(const char *pattern, const char *text)
{
    if (pattern == NULL)
        return true;
    size_t n = strcspn(pattern, "*");
    return pattern[n] == '*' ? strncmp(pattern, text, n) == 0 : strcmp(pattern, text) == 0;
}

static void fill_in(const char *text, const char *kind, const char *which, char *out, size_t size)
{
    size_t used = 0;
    while (*text != '\0' && used + 1 < size) {
        const char *value = NULL;
        size_t skip = 5;
        if (strncmp(text, "WHICH", skip) == 0)
            value = which;
        else if (strncmp(text, "KIND", --skip) == 0)
            value = kind;
        if (value == NULL) {
            out[used++] = *text++;
            continue;
        }
        int n = snprintf(out + used, size - used, "%s", value);
        used = MIN_OF(used + (size_t)MAX_OF(n, 0), size - 1);
        text += skip;
    }
    out[used] = '\0';
}

char *dead_advice(char out[static DEAD_ADVICE_MAX], const char *code, const char *cause, const char *kind,
                  const char *which)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (fits(steps[i].code, code) && fits(steps[i].cause, cause)) {
            fill_in(steps[i].step, kind, which, out, DEAD_ADVICE_MAX);
            break;
        }
    return out;
}
