/*
 * reply - see reply.h. Refuses to say "internal error" where the cause is known: an operator reads it at night.
 */
#include "reply.h"

#include "utf8.h"

#include <stdio.h>

void reply_fini(struct reply *r)
{
    if (r == NULL)
        return;
    json_decref(r->json);
    r->json = NULL;
}

void reply_json(struct reply *r, unsigned status, json_t *body)
{
    json_decref(r->json);
    r->json = body;
    r->status = status;
    r->problem = false;
}

void reply_problem(struct reply *r, unsigned status, const char *title, const char *detail)
{
    AUTO_FREE char *text = utf8_harmless(detail, strlen(detail));
    reply_json(r, status,
               json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title, "status", (int)status, "detail",
                         text != NULL ? text : title));
    r->problem = true;
}

static const struct {
    int code;
    unsigned status;
    const char *title;
} statuses[] = {
    {ERR_NOT_FOUND, 404, "Not Found"},
    {ERR_BAD_ARGUMENT, 400, "Bad Request"},
    {ERR_BAD_PAYLOAD, 400, "Bad Request"},
    {ERR_REFUSED, 409, "Conflict"},
    {ERR_REDIS_UNAVAILABLE, 503, "Redis Unavailable"},
    {ERR_REDIS_FULL, 503, "Redis Full"},
    {ERR_STORE_UNAVAILABLE, 503, "PostgreSQL Unavailable"},
    {ERR_STORE_LOST, 503, "PostgreSQL Unavailable"},
    {ERR_TIMED_OUT, 503, "Timed Out"},
};

void reply_error(struct reply *r, const struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].code == e->code) {
            reply_problem(r, statuses[i].status, statuses[i].title, e->message);
            (void)json_object_set_new(r->json, "code", json_string(err_name(e->code)));
            return;
        }
    reply_problem(r, 500, "Internal Server Error", e->message);
    (void)json_object_set_new(r->json, "code", json_string(err_name(e->code)));
}
