/*
 * fuzz_url_rules - any text as the URL of a payload or a redirect: refused with a message that holds none of its query, or a host and port that the
 * list allows; and any text as a list of ranges.
 */
#include "net_range.h"
#include "url_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fetcher_policy policy = {.mode = FETCHER_LIST, .plain_http = 1, .allow = "files.example.org, *.cdn.example, 127.0.0.1",
                                                 .ports = "80, 443", .ranges = "10.0.0.0/8"};
    char text[2048];
    struct url_target t = {0};
    struct err e = {0};
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (net_range_check(text, &e) < 0 && e.message[0] == '\0')
        abort();
    e = (struct err){0};
    if (url_rules_check(&policy, text, false, &t, &e) < 0) {
        if (e.message[0] == '\0')
            abort();
        return 0;
    }
    const char *end = strstr(t.host, "cdn.example");
    bool listed = strncmp(t.host, "files.example.org", 17) == 0 || (end != NULL && end > t.host && end[-1] == '.');
    if (!listed || (t.port != 80 && t.port != 443))
        abort();
    return 0;
}
