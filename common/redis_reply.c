/*
 * redis_reply - reads the code word of Redis' error replies, which are text for people first.
 * It knows words only, no connection: both kinds of connection decide alike because they ask here.
 */
#include "redis_reply.h"

struct reply_rule {
    const char *prefix; /* how the reply begins */
    enum redis_trouble trouble;
    int code;
    const char *remedy; /* NULL: the prefix is our own code word and not part of the message */
};

static const struct reply_rule rules[] = {
    {"STINT_NOTFOUND", REDIS_TROUBLE_NONE, ERR_NOT_FOUND, NULL},
    {"STINT_REFUSED", REDIS_TROUBLE_NONE, ERR_REFUSED, NULL},
    {"STINT_BADARG", REDIS_TROUBLE_NONE, ERR_BAD_ARGUMENT, NULL},
#define X(prefix, trouble, code, remedy) {prefix, REDIS_TROUBLE_##trouble, ERR_##code, remedy},
    REDIS_REPLY_ROWS(X)
#undef X
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

bool redis_reply_elsewhere(const char *text)
{
    return strncmp(text, "MOVED ", 6) == 0 || strncmp(text, "ASK ", 4) == 0 || strncmp(text, "TRYAGAIN", 8) == 0;
}

int redis_reply_error(const char *text, struct err *e)
{
    const struct reply_rule *rule = rule_of(text);
    if (!rule)
        return err_set(e, ERR_REDIS_REFUSED, "Redis refused the command: %s", text);
    if (!rule->remedy) {
        text += strlen(rule->prefix);
        text += strspn(text, " :");
        return err_set(e, rule->code, "%s", text);
    }
    int len = (int)strcspn(text, "\r\n"); /* a full stop of theirs and our semicolon do not go together */
    while (len > 0 && (text[len - 1] == '.' || text[len - 1] == ' '))
        len--;
    return err_set(e, rule->code, "Redis answered: %.*s; %s", MIN_OF(len, 300), text, rule->remedy);
}

enum redis_loss redis_loss_of_errno(int sys_errno)
{
    static const struct {
        int sys_errno;
        enum redis_loss loss;
    } rows[] = {
        {ECONNREFUSED, REDIS_LOSS_REFUSED}, {ENOENT, REDIS_LOSS_NO_SOCKET},  {EACCES, REDIS_LOSS_DENIED},
        {EHOSTUNREACH, REDIS_LOSS_ROUTE},   {ENETUNREACH, REDIS_LOSS_ROUTE}, {ENETDOWN, REDIS_LOSS_ROUTE},
        {EHOSTDOWN, REDIS_LOSS_ROUTE},      {ETIMEDOUT, REDIS_LOSS_SILENT},  {ECONNRESET, REDIS_LOSS_CLOSED},
        {EPIPE, REDIS_LOSS_CLOSED},         {EMFILE, REDIS_LOSS_LOCAL},      {ENFILE, REDIS_LOSS_LOCAL},
        {ENOMEM, REDIS_LOSS_LOCAL},         {ENOBUFS, REDIS_LOSS_LOCAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].sys_errno == sys_errno)
            return rows[i].loss;
    return REDIS_LOSS_OTHER;
}

const char *redis_loss_remedy(enum redis_loss loss)
{
    static const char *const remedies[REDIS_LOSS_COUNT] = {
#define X(id, remedy) remedy,
        REDIS_LOSS_ROWS(X)
#undef X
    };
    assert((unsigned)loss < REDIS_LOSS_COUNT);
    return remedies[loss];
}
