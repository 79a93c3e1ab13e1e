/*
 * redis_reply - reads the code word of Redis' error replies, which are text for people first.
 * It knows words only, no connection: both kinds of connection decide alike because they ask here.
 */
#include "redis_reply.h"

struct reply_rule {
    const char *prefix; /* how the reply begins */
    enum redis_trouble trouble;
    int code;
    bool cut;           /* the prefix is our own code word and not part of the message */
    const char *remedy; /* "" when there is none to name */
};

static const struct reply_rule rules[] = {
    {"STINT_NOTFOUND", REDIS_TROUBLE_NONE, ERR_NOT_FOUND, true, ""},
    {"STINT_REFUSED", REDIS_TROUBLE_NONE, ERR_REFUSED, true, ""},
    {"STINT_BADARG", REDIS_TROUBLE_NONE, ERR_BAD_ARGUMENT, true, ""},
    {"LOADING", REDIS_TROUBLE_NOT_READY, ERR_REDIS_UNAVAILABLE, false, "; it reads its data after a start: wait"},
    {"READONLY", REDIS_TROUBLE_NOT_READY, ERR_REDIS_UNAVAILABLE, false, "; redis.url must name the primary"},
    {"MASTERDOWN", REDIS_TROUBLE_NOT_READY, ERR_REDIS_UNAVAILABLE, false, "; redis.url must name the primary"},
    {"NOAUTH", REDIS_TROUBLE_NOT_READY, ERR_REDIS_UNAVAILABLE, false,
     "; put the password into redis.url or redis.url_file"},
    {"WRONGPASS", REDIS_TROUBLE_NOT_READY, ERR_REDIS_UNAVAILABLE, false,
     "; correct the password in redis.url or redis.url_file"},
    {"ERR Function not found", REDIS_TROUBLE_NO_FUNCTIONS, ERR_REDIS_REFUSED, false, ""},
    {"ERR unknown command 'FCALL'", REDIS_TROUBLE_NONE, ERR_REDIS_REFUSED, false, "; stint needs Redis 7.0 or newer"},
    {"ERR unknown command 'FUNCTION'", REDIS_TROUBLE_NONE, ERR_REDIS_REFUSED, false,
     "; stint needs Redis 7.0 or newer"},
    {"NOPERM", REDIS_TROUBLE_NONE, ERR_REDIS_REFUSED, false,
     "; the ACL of its user must allow ~stint:* and FCALL, FUNCTION"},
    {"OOM", REDIS_TROUBLE_NONE, ERR_REDIS_REFUSED, false, "; raise maxmemory or let the queues drain"},
    {"MISCONF", REDIS_TROUBLE_NONE, ERR_REDIS_REFUSED, false, "; Redis cannot write to its disk: free space there"},
};

static const struct reply_rule *rule_of(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strncmp(text, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return &rules[i];
    }
    return NULL;
}

enum redis_trouble redis_reply_trouble(const char *text)
{
    const struct reply_rule *rule = rule_of(text);
    return rule ? rule->trouble : REDIS_TROUBLE_NONE;
}

int redis_reply_error(const char *text, struct err *e)
{
    const struct reply_rule *rule = rule_of(text);
    if (!rule)
        return err_set(e, ERR_REDIS_REFUSED, "Redis refused the command: %s", text);
    if (rule->cut) {
        text += strlen(rule->prefix);
        text += strspn(text, " :");
        return err_set(e, rule->code, "%s", text);
    }
    return err_set(e, rule->code, "Redis answered: %s%s", text, rule->remedy);
}
