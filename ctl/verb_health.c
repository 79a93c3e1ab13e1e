/*
 * verb_health - `stint health`: the health check of a container or a load balancer, told by the exit code.
 */
#include "health_ask.h"
#include "verb.h"

const struct arg_spec verb_health_options[] = {
    {"ready", ARG_FLAG, NULL, "would a job given now be taken and run? (/readyz instead of /healthz)", NULL, 0, 0},
    {"timeout", ARG_DURATION, "2s", "longest wait for an answer; default 2s", NULL, 10, 60000},
    {.name = NULL},
};

static void print_reasons(struct session *s, const json_t *body)
{
    size_t i;
    json_t *reason;
    json_array_foreach(json_object_get(body, "reasons"), i, reason)
    {
        const char *pool = json_string_value(json_object_get(reason, "pool")), *code = json_string_value(json_object_get(reason, "code"));
        const char *detail = json_string_value(json_object_get(reason, "detail"));
        out_tinted(&s->out, TINT_RED, "%s%s%s: %s", code != NULL ? code : "unknown", pool != NULL ? " of pool " : "", pool != NULL ? pool : "",
                   detail != NULL ? detail : "no detail");
    }
}

int verb_health(struct session *s)
{
    struct err e = {.code = 0};
    const struct conf *conf;
    json_t *body = NULL;
    int status = 0;
    const char *path = args_has(&s->args, "ready") ? "/readyz" : "/healthz";
    if (session_conf(s, &conf, &e) < 0 || health_ask(conf, path, (int)args_int(&s->args, "timeout", 2000), &status, &body, &e) < 0)
        return session_fail(s, &e);
    if (s->out.json)
        out_json(&s->out, body);
    else if (status == 200)
        out_tinted(&s->out, TINT_GREEN, "%s", args_has(&s->args, "ready") ? "ready" : "healthy");
    else
        print_reasons(s, body);
    json_decref(body);
    return status == 200 ? EXIT_DONE : EXIT_FAILED;
}
