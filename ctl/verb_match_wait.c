/*
 * verb_match_wait - `stint match wait`: how long people will wait, as the supervisor's metrics thread publishes it in
 * Redis. Refuses to estimate anything itself.
 */
#include "keys.h"
#include "queue_call.h"
#include "queue_rows.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_match_wait_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

static int64_t seconds_ms(const json_t *cell, const char *name)
{
    const json_t *value = json_object_get(cell, name);
    return json_is_number(value) ? (int64_t)(json_number_value(value) * 1000.0) : -1;
}

static void set_percent(struct table *t, size_t column, const json_t *share)
{
    if (json_is_number(share) && json_number_value(share) >= 0)
        table_set(t, column, "%.0f %%", json_number_value(share) * 100);
}

static void print_cells(struct session *s, const json_t *estimates)
{
    static const char *const titles[] = {"WHO",      ">WAITING",      ">HALF WITHIN", ">NINE IN TEN WITHIN",
                                         ">BY 60 S", ">EVER MATCHED", "CONFIDENCE",   NULL};
    struct table t;
    char p50[32], p90[32];
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(estimates); i++) {
        const json_t *cell = json_array_get(estimates, i), *seeking = json_object_get(cell, "seeking");
        AUTO_FREE char *sought = queue_rows_words(seeking);
        bool all = !json_is_array(seeking);
        if (table_row(&t) < 0)
            break;
        table_set(&t, 0, "%s%s%s", json_text(cell, "gender"), all ? "" : " seeking ",
                  all || sought == NULL ? "" : sought);
        table_set(&t, 1, "%lld", (long long)json_number(cell, "waiting", 0));
        table_set(&t, 2, "%s", out_ms(p50, seconds_ms(cell, "p50_s")));
        table_set(&t, 3, "%s", out_ms(p90, seconds_ms(cell, "p90_s")));
        set_percent(&t, 4, json_object_get(json_object_get(cell, "within"), "60"));
        set_percent(&t, 5, json_object_get(cell, "matched"));
        table_set(&t, 6, "%s", json_text(cell, "confidence"));
    }
    if (t.n_rows == 0)
        out_line(&s->out, "no estimate yet: too few people have come");
    table_print(&t, &s->out);
    table_fini(&t);
}

/* "male 12.0, female 4.0" of the genders that have a number above 0. */
static void print_by_gender(struct session *s, const char *label, json_t *values, double factor, const char *unit)
{
    char text[256] = "";
    const char *gender;
    json_t *value;
    json_object_foreach(values, gender, value)
    {
        size_t used = strlen(text);
        if (json_number_value(value) > 0)
            (void)snprintf(text + used, sizeof text - used, "%s%s %.1f%s", used > 0 ? ", " : "", gender,
                           json_number_value(value) * factor, unit);
    }
    if (*text != '\0')
        out_line(&s->out, "%-22s %s", label, text);
}

static void print_balance(struct session *s, const json_t *balance)
{
    const char *scarce = json_text(balance, "scarce");
    double wanted = json_number_value(json_object_get(balance, "recommendedScarcePerMinute"));
    print_by_gender(s, "arrivals a minute", json_object_get(balance, "arrivalsPerMinute"), 1, "");
    print_by_gender(s, "matched of those", json_object_get(balance, "matchedShare"), 100, " %");
    if (*scarce != '\0')
        out_line(&s->out, "%-22s %s%s", "scarce side", scarce, wanted > 0 ? "" : "; no more are needed");
    if (*scarce != '\0' && wanted > 0)
        out_line(&s->out, "%-22s %.1f %s a minute would bring the median wait to %lld s", "advice", wanted, scarce,
                 (long long)json_number(balance, "targetWaitSeconds", 60));
}

static void print_waits(struct session *s, const json_t *stats)
{
    const json_t *health = json_object_get(stats, "health");
    out_tinted(&s->out, TINT_BOLD, "pool %s: %lld waiting, %s", json_text(stats, "pool"),
               (long long)json_number(json_object_get(stats, "queue"), "total", 0), json_text(health, "message"));
    print_cells(s, json_object_get(stats, "estimates"));
    print_balance(s, json_object_get(stats, "balance"));
}

/* The fields of the queue's published hash that are a pool's wait model. Returns how many were shown, or an error. */
static int show_published(struct session *s, const char *queue, const char *pool, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX];
    const char *const argv[] = {"HGETALL", keys_of(key, queue, "stats")};
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    int shown = 0;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        json_t *stats = json_loadb(reply->element[i + 1]->str, (size_t)reply->element[i + 1]->len, 0, NULL);
        bool wanted = json_object_get(stats, "estimates") != NULL &&
                      (pool == NULL || strcmp(json_text(stats, "pool"), pool) == 0);
        if (wanted && s->out.json)
            out_json(&s->out, stats);
        else if (wanted)
            print_waits(s, stats);
        shown += wanted ? 1 : 0;
        json_decref(stats);
    }
    freeReplyObject(reply);
    return shown;
}

int verb_match_wait(struct session *s)
{
    struct err e = {.code = 0};
    const struct conf *conf;
    const char *pool = args_positional(&s->args, 0), *queue = args_text(&s->args, "queue", NULL);
    int rc = session_conf(s, &conf, &e);
    if (rc == 0)
        rc = show_published(s, queue != NULL ? queue : conf_queue_of_kind(conf, "match"), pool, &e);
    if (rc == 0)
        rc = err_set(&e, ERR_NOT_FOUND,
                     "no waits are published%s%s: the supervisor's metrics thread publishes them while it "
                     "runs and people come",
                     pool != NULL ? " for pool " : "", pool != NULL ? pool : "");
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
