/*
 * match_ask - see match_ask.h. Refuses to work an estimate out itself: two models would say two things.
 */
#include "match_ask.h"

#include "buf.h"
#include "health_ask.h"
#include "queue_call.h"

#include <stdio.h>

enum { QUESTION_MAX = 4000 };

/* Options that become query arguments as they are. */
static const char *const DESCRIBING[][2] = {
    {"age", "age"}, {"age-min", "age_min"}, {"age-max", "age_max"}, {"lat", "lat"},
    {"lon", "lon"}, {"max-km", "max_km"},   {"regions", "regions"},
};

static int add_escaped(struct buf *path, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,";
    int rc = 0;
    for (; *text != '\0' && rc == 0; text++)
        rc = strchr(plain, *text) != NULL ? buf_add(path, text, 1) : buf_addf(path, "%%%02X", (unsigned char)*text);
    return rc;
}

static void add_query(struct buf *path, const char *name, const char *value)
{
    (void)buf_addf(path, "%s%s=", strchr(path->data, '?') != NULL ? "&" : "?", name);
    (void)add_escaped(path, value);
}

static void start(struct buf *path, const char *route, const char *queue, const char *pool)
{
    buf_init(path, QUESTION_MAX);
    (void)buf_adds(path, route);
    if (queue != NULL)
        add_query(path, "queue", queue);
    add_query(path, "pool", pool);
}

/* The answer to path, which is freed; another status than 200 becomes an error with the server's words. */
static int ask(struct session *s, struct buf *path, json_t **ret_answer, struct err *e)
{
    const struct conf *conf;
    json_t *body = NULL;
    int status = 0, rc = session_conf(s, &conf, e);
    if (rc == 0 && path->failed)
        rc = err_set(e, ERR_BAD_ARGUMENT, "the question is longer than %d bytes", QUESTION_MAX);
    if (rc == 0)
        rc = health_ask(conf, path->data, MATCH_ASK_TIMEOUT_MS, &status, &body, e);
    if (rc == 0 && status != 200) {
        rc = err_set(e,
                     status == 404   ? ERR_NOT_FOUND
                     : status == 400 ? ERR_BAD_ARGUMENT
                                     : ERR_PROTOCOL,
                     "%s",
                     *json_text(body, "detail") != '\0' ? json_text(body, "detail")
                                                        : "the metrics thread refused the question");
        json_decref(body);
    }
    if (rc == 0)
        *ret_answer = body;
    buf_fini(path);
    return rc;
}

int match_ask_ticket(struct session *s, const char *queue, const char *pool, const char *ticket, json_t **ret_wait,
                     struct err *e)
{
    struct buf path;
    start(&path, "/v1/wait", queue, pool);
    add_query(&path, "ticket", ticket);
    return ask(s, &path, ret_wait, e);
}

bool match_ask_described(const struct args *a)
{
    bool any = args_has(a, "gender") || args_has(a, "seeking");
    for (size_t i = 0; i < ARRAY_LEN(DESCRIBING); i++)
        any = any || args_has(a, DESCRIBING[i][0]);
    return any;
}

/* "M" and "F" as `stint match submit` takes them. */
static const char *gender_of(const char *text)
{
    return strcmp(text, "M") == 0 ? "male" : strcmp(text, "F") == 0 ? "female" : text;
}

static void add_seeking(struct buf *path, const char *list)
{
    char text[256] = "";
    for (const char *p = list;;) {
        char one[32];
        size_t n = strcspn(p, ","), used = strlen(text);
        (void)snprintf(one, sizeof one, "%.*s", (int)MIN_OF(n, sizeof one - 1), p);
        (void)snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? "," : "", gender_of(one));
        if (p[n] == '\0')
            break;
        p += n + 1;
    }
    add_query(path, "seeking", text);
}

int match_ask_person(struct session *s, const char *queue, const char *pool, json_t **ret_wait, struct err *e)
{
    const struct args *a = &s->args;
    struct buf path;
    if (!args_has(a, "gender") || !args_has(a, "seeking"))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--%s is missing: a person is --gender and --seeking, and what else is known of them",
                       args_has(a, "gender") ? "seeking" : "gender");
    if (args_has(a, "lat") != args_has(a, "lon"))
        return err_set(e, ERR_BAD_ARGUMENT, "--%s is missing: a place is --lat and --lon",
                       args_has(a, "lat") ? "lon" : "lat");
    if (args_has(a, "max-km") && !args_has(a, "lat"))
        return err_set(e, ERR_BAD_ARGUMENT, "--max-km needs --lat and --lon: how far from where");
    if (args_int(a, "age-min", 18) > args_int(a, "age-max", 120))
        return err_set(e, ERR_BAD_ARGUMENT, "--age-min is above --age-max");
    start(&path, "/v1/wait", queue, pool);
    add_query(&path, "gender", gender_of(args_text(a, "gender", "")));
    add_seeking(&path, args_text(a, "seeking", ""));
    for (size_t i = 0; i < ARRAY_LEN(DESCRIBING); i++)
        if (args_has(a, DESCRIBING[i][0]))
            add_query(&path, DESCRIBING[i][1], args_text(a, DESCRIBING[i][0], ""));
    return ask(s, &path, ret_wait, e);
}

int match_ask_balance(struct session *s, const char *queue, const char *pool, int64_t target_ms, json_t **ret_balance,
                      struct err *e)
{
    struct buf path;
    char target[32];
    start(&path, "/v1/balance", queue, pool);
    (void)snprintf(target, sizeof target, "%.3f", (double)target_ms / 1000);
    add_query(&path, "target", target);
    return ask(s, &path, ret_balance, e);
}
