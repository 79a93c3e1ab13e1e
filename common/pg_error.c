/*
 * pg_error - one table from SQLSTATE to policy, so that no call decides for itself what is worth a retry.
 * A state it does not know is refused (permanent): retrying a wrong statement for ever helps nobody.
 */
#include "pg_error.h"

struct state_rule {
    const char *prefix; /* two characters: a class; five: one state. The first match counts, so states stand first */
    enum pg_condition condition;
};

static const struct state_rule rules[] = {
    {"08004", PG_CREDENTIALS}, /* a pooler's refusal */
    {"08", PG_LOST},
    {"0A000", PG_SESSION}, /* "cached plan must not change result type": the schema changed under the session */
    {"25006", PG_READ_ONLY},
    {"25P03", PG_LOST},
    {"26000", PG_SESSION}, /* a prepared statement is gone: a pooler between, or DISCARD ALL */
    {"28", PG_CREDENTIALS},
    {"3D", PG_DATABASE},
    {"3F000", PG_SCHEMA},
    {"40001", PG_CONFLICT},
    {"40P01", PG_CONFLICT},
    {"42501", PG_RIGHTS},
    {"42703", PG_SCHEMA},
    {"42883", PG_SCHEMA},
    {"42P01", PG_SCHEMA},
    {"42P10", PG_SCHEMA}, /* no unique index for ON CONFLICT */
    {"53100", PG_DISK},
    {"53200", PG_MEMORY},
    {"53300", PG_CONNECTIONS},
    {"53", PG_RESOURCES},
    {"55000", PG_DATABASE}, /* "not currently accepting connections" */
    {"55P03", PG_CONFLICT},
    {"57014", PG_SLOW},
    {"57P04", PG_DATABASE},
    {"57P05", PG_LOST},
    {"57", PG_STARTING},
    {"58", PG_DISK},
};

static const struct {
    int code;
    const char *text, *remedy;
} conditions[] = {
#define X(id, code, text, remedy) [PG_##id] = {code, text, remedy},
    PG_CONDITIONS(X)
#undef X
};

enum pg_condition pg_error_condition(const char *sqlstate)
{
    if (!sqlstate || !sqlstate[0])
        return PG_LOST;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strncmp(sqlstate, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return rules[i].condition;
    }
    return PG_REFUSED;
}

int pg_error_code(const char *sqlstate)
{
    return pg_condition_code(pg_error_condition(sqlstate));
}

int pg_condition_code(enum pg_condition condition)
{
    assert((unsigned)condition < PG_CONDITION_COUNT);
    return conditions[condition].code;
}

const char *pg_condition_text(uint32_t condition)
{
    return condition < PG_CONDITION_COUNT ? conditions[condition].text : "is away";
}

const char *pg_condition_remedy(uint32_t condition)
{
    return condition < PG_CONDITION_COUNT ? conditions[condition].remedy : "";
}

bool pg_error_spoils_session(const char *sqlstate)
{
    return sqlstate && pg_error_condition(sqlstate) == PG_SESSION;
}

/* "  53300: " as it stands behind the severity; NULL when there is none. */
static const char *find_state(const char *text)
{
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  ")) {
        size_t len = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (len == PG_STATE_SIZE - 1 && at[3 + len] == ':')
            return at + 3;
    }
    return NULL;
}

void pg_error_state_in(const char *text, char ret_state[static PG_STATE_SIZE])
{
    const char *state = find_state(text);
    memset(ret_state, 0, PG_STATE_SIZE);
    if (state)
        memcpy(ret_state, state, PG_STATE_SIZE - 1);
}

enum pg_condition pg_error_refusal(const char *text)
{
    char state[PG_STATE_SIZE];
    pg_error_state_in(text, state);
    enum pg_condition condition = state[0] ? pg_error_condition(state) : PG_AWAY;
    return pg_condition_code(condition) == ERR_STORE_UNAVAILABLE ? condition : PG_AWAY;
}

void pg_error_one_line(char *text)
{
    char *location = strstr(text, "\nLOCATION:");
    if (location)
        *location = '\0';
    char *state = (char *)(uintptr_t)find_state(text);
    if (state) /* ":  53300: sorry" becomes ": sorry" */
        memmove(state - 1, state + PG_STATE_SIZE + 1, strlen(state + PG_STATE_SIZE + 1) + 1);
    for (char *p = text; *p; p++) {
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    }
    for (size_t len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
        text[len - 1] = '\0';
}
