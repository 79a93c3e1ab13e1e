/*
 * match_payload - see match_payload.h. Refuses only what an option table can see; whether a ticket holds together is
 * the round's word, which drops it with a reason.
 */
#include "match_payload.h"

#include "keys.h"

/* The options that become members of the same meaning. */
static const struct {
    const char *option, *member;
    enum { AS_TEXT, AS_INT, AS_NUMBER, AS_LIST } as;
} MEMBERS[] = {
    {"pool", "pool", AS_TEXT},
    {"id", "id", AS_TEXT},
    {"age", "age", AS_INT},
    {"age-min", "age_min", AS_INT},
    {"age-max", "age_max", AS_INT},
    {"lat", "lat", AS_NUMBER},
    {"lon", "lon", AS_NUMBER},
    {"max-km", "max_km", AS_NUMBER},
    {"regions", "regions", AS_LIST},
    {"level", "level", AS_INT},
    {"blocked", "blocked", AS_LIST},
    {"recent", "recent", AS_LIST},
    {"fairness", "fairness", AS_INT},
    {"presence", "presence_ms", AS_INT},
    {"expires", "expires_ms", AS_INT},
    {"seeking", "seeking", AS_LIST},
};

/* "M" and "F" are short for male and female. */
static json_t *gender_text(const char *text, size_t len)
{
    if (len == 1 && (*text == 'M' || *text == 'm'))
        return json_string("male");
    if (len == 1 && (*text == 'F' || *text == 'f'))
        return json_string("female");
    return json_stringn(text, len);
}

static json_t *list_of(const char *text, bool genders)
{
    json_t *list = json_array();
    for (const char *p = text;;) {
        size_t n = strcspn(p, ",");
        (void)json_array_append_new(list, genders ? gender_text(p, n) : json_stringn(p, n));
        if (p[n] == '\0')
            return list;
        p += n + 1;
    }
}

static json_t *member_of(const struct args *a, size_t i)
{
    const char *name = MEMBERS[i].option, *text = args_text(a, name, "");
    switch (MEMBERS[i].as) {
    case AS_TEXT:
        return json_string(text);
    case AS_INT:
        return json_integer(args_int(a, name, 0));
    case AS_NUMBER:
        return json_real(args_number(a, name, 0));
    case AS_LIST:
        return list_of(text, strcmp(name, "seeking") == 0);
    }
    return NULL;
}

int match_payload_from_args(const struct args *a, json_t **ret_payload, struct err *e)
{
    static const char *const needed[] = {"pool", "id", "gender", "seeking", "age"};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!args_has(a, needed[i]))
            return err_set(e, ERR_BAD_ARGUMENT, "--%s is missing; a ticket needs --pool --id --gender --seeking --age",
                           needed[i]);
    if (!keys_queue_valid(args_text(a, "pool", "")))
        return err_set(e, ERR_BAD_ARGUMENT, "--pool: \"%.64s\" is no pool's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -",
                       args_text(a, "pool", ""));
    if (args_has(a, "lat") != args_has(a, "lon"))
        return err_set(e, ERR_BAD_ARGUMENT, "--lat and --lon make a place together; give both or neither");
    if (args_int(a, "age-min", 0) > args_int(a, "age-max", 130))
        return err_set(e, ERR_BAD_ARGUMENT, "--age-min is above --age-max: nobody would fit");
    json_t *payload = json_pack("{s:i, s:s}", "v", 1, "op", "submit");
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++)
        if (args_has(a, MEMBERS[i].option))
            (void)json_object_set_new(payload, MEMBERS[i].member, member_of(a, i));
    const char *gender = args_text(a, "gender", "");
    (void)json_object_set_new(payload, "gender", gender_text(gender, strlen(gender)));
    if (args_has(a, "relax") || args_has(a, "notify"))
        (void)json_object_set_new(
            payload, "consent",
            json_pack("{s:b, s:b}", "relax", (int)args_has(a, "relax"), "notify", (int)args_has(a, "notify")));
    *ret_payload = payload;
    return 0;
}

int match_payload_from_line(struct session *s, const json_t *line, json_t **ret_line, struct err *e)
{
    const char *pool = args_text(&s->args, "pool", NULL);
    if (!json_is_object(line))
        return err_set(e, ERR_BAD_ARGUMENT, "the line is no JSON object");
    if (json_object_get(line, "pool") == NULL && pool == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "\"pool\" is missing; put it in the line, or give --pool for all lines");
    json_t *payload = json_copy((json_t *)(uintptr_t)line);
    if (payload == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the ticket");
    if (json_object_get(payload, "pool") == NULL)
        (void)json_object_set_new(payload, "pool", json_string(pool));
    if (json_object_get(payload, "op") == NULL)
        (void)json_object_set_new(payload, "op", json_string("submit"));
    if (json_object_get(payload, "v") == NULL)
        (void)json_object_set_new(payload, "v", json_integer(1));
    *ret_line = json_pack("{s:s, s:o}", "kind", "match", "payload", payload);
    return *ret_line != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the ticket");
}
