/*
 * pg_error - one table from SQLSTATE to policy, so that no call decides for itself what is worth a retry.
 * A state it does not know is refused (permanent): retrying a wrong statement for ever helps nobody.
 */
#include "pg_error.h"

struct state_rule {
    const char *prefix; /* two characters: a class; five: one state. The longest match counts, so states stand first */
    int code;
    const char *remedy;
};

static const struct state_rule rules[] = {
    {"40001", ERR_STORE_CONFLICT, ""},
    {"40P01", ERR_STORE_CONFLICT, ""},
    {"55P03", ERR_STORE_CONFLICT, ""},
    {"26000", ERR_STORE_CONFLICT, ""}, /* a prepared statement is gone: a pooler between, or DISCARD ALL */
    {"0A000", ERR_STORE_CONFLICT,
     ""}, /* "cached plan must not change result type": the schema changed under the session */
    {"57014", ERR_STORE_UNAVAILABLE, "; is the database overloaded, or a lock held? (postgres.statement_timeout)"},
    {"25006", ERR_STORE_UNAVAILABLE, "; postgres.url must name the primary"},
    {"25P03", ERR_STORE_UNAVAILABLE, ""},
    {"42501", ERR_STORE_UNAVAILABLE, "; grant the user of postgres.url what it needs on schema stint"},
    {"42P01", ERR_STORE_UNAVAILABLE, "; run `stint migrate`"},
    {"42703", ERR_STORE_UNAVAILABLE, "; run `stint migrate`"},
    {"42883", ERR_STORE_UNAVAILABLE, "; run `stint migrate`"},
    {"3F000", ERR_STORE_UNAVAILABLE, "; run `stint migrate`"},
    {"53100", ERR_STORE_UNAVAILABLE, "; free space on the database's disk"},
    {"53300", ERR_STORE_UNAVAILABLE, "; raise max_connections, or lower postgres.pool_max or the number of workers"},
    {"08", ERR_STORE_UNAVAILABLE, ""},
    {"28", ERR_STORE_UNAVAILABLE, "; correct user or password in postgres.url"},
    {"3D", ERR_STORE_UNAVAILABLE, "; create the database or correct postgres.url"},
    {"53", ERR_STORE_UNAVAILABLE, ""},
    {"57", ERR_STORE_UNAVAILABLE, ""},
    {"58", ERR_STORE_UNAVAILABLE, ""},
};

static const struct state_rule *rule_of(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < ARRAY_LEN(rules); i++) {
        if (strncmp(sqlstate, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return &rules[i];
    }
    return NULL;
}

int pg_error_code(const char *sqlstate)
{
    if (!sqlstate || !sqlstate[0])
        return ERR_STORE_UNAVAILABLE;
    const struct state_rule *rule = rule_of(sqlstate);
    return rule ? rule->code : ERR_STORE_REFUSED;
}

const char *pg_error_remedy(const char *sqlstate)
{
    const struct state_rule *rule = rule_of(sqlstate);
    return rule ? rule->remedy : "";
}

bool pg_error_spoils_session(const char *sqlstate)
{
    return sqlstate && (strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "0A000") == 0);
}
