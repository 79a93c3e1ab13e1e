/*
 * pdf_payload - see pdf_payload.h. The password comes from a file, never from the command line, where every user of the
 * host can read it.
 */
#include "pdf_payload.h"

#include "base64.h"
#include "payload_in.h"

enum { PASSWORD_MAX = 4096, PAYLOAD_MAX_BYTES = 16 * 1024 * 1024 };

static void set_text(const struct args *a, json_t *payload, const char *option, const char *member)
{
    if (args_has(a, option))
        (void)json_object_set_new(payload, member, json_string(args_text(a, option, "")));
}

static void set_list(const struct args *a, json_t *payload, const char *option, const char *member)
{
    if (!args_has(a, option))
        return;
    json_t *list = json_array();
    for (const char *p = args_text(a, option, "");;) {
        size_t n = strcspn(p, ",");
        (void)json_array_append_new(list, json_stringn(p, n));
        if (p[n] == '\0')
            break;
        p += n + 1;
    }
    (void)json_object_set_new(payload, member, list);
}

/* First line of the file. */
static int set_password(const char *path, json_t *payload, struct err *e)
{
    AUTO_FREE char *text = NULL;
    size_t len;
    int rc = payload_in_file(path, PASSWORD_MAX, &text, &len, e);
    if (rc < 0)
        return rc;
    (void)json_object_set_new(payload, "password", json_stringn(text, strcspn(text, "\r\n")));
    explicit_bzero(text, len);
    return 0;
}

static int set_terms(const char *argument, json_t *payload, struct err *e)
{
    AUTO_FREE char *text = NULL;
    size_t len;
    json_t *terms = NULL;
    int rc = payload_in_read("--terms", argument, &text, &len, &terms, e);
    if (rc == 0)
        (void)json_object_set_new(payload, "terms", terms);
    return rc;
}

static int set_options(const struct args *a, json_t *payload, struct err *e)
{
    int rc = 0;
    set_text(a, payload, "expect", "expect");
    set_text(a, payload, "timezone", "timezone");
    set_text(a, payload, "venue-policy", "venue_policy");
    set_list(a, payload, "holidays", "holidays");
    set_list(a, payload, "groups", "include_groups");
    if (args_has(a, "exam-minutes"))
        (void)json_object_set_new(payload, "exam_minutes", json_integer(args_int(a, "exam-minutes", 180)));
    (void)json_object_set_new(payload, "emit", json_string(args_has(a, "ics") ? "both" : "events"));
    if (args_has(a, "terms"))
        rc = set_terms(args_text(a, "terms", ""), payload, e);
    if (rc == 0 && args_has(a, "password-file"))
        rc = set_password(args_text(a, "password-file", ""), payload, e);
    return rc;
}

int pdf_payload_make(struct session *s, const char *path, json_t **ret_payload, struct err *e)
{
    const struct conf *conf;
    AUTO_FREE char *bytes = NULL, *encoded = NULL;
    size_t len = 0;
    int rc = session_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    size_t most = MIN_OF((size_t)conf->pdf.max_bytes, (size_t)PAYLOAD_MAX_BYTES * 3 / 4 - 65536);
    rc = payload_in_file(path, most, &bytes, &len, e);
    if (rc < 0)
        return rc;
    if (len == 0)
        return err_set(e, ERR_EMPTY_FILE, "%s is empty; nothing was sent", path);
    encoded = base64_encode(bytes, len);
    json_t *payload = encoded == NULL ? NULL
                                      : json_pack("{s:i, s:{s:s, s:I}}", "v", 1, "source", "inline_b64", encoded,
                                                  "size", (json_int_t)len);
    if (payload == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %s", path);
    rc = set_options(&s->args, payload, e);
    if (rc < 0)
        json_decref(payload);
    else
        *ret_payload = payload;
    return rc;
}
