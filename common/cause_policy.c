/*
 * cause_policy - see cause_policy.h. One table from cause to key; refuses to decide anything but which word holds.
 */
#include "cause_policy.h"

static const char *const cause_words[CAUSE_POLICY_COUNT] = {
    [CAUSE_ONCE] = "once",
    [CAUSE_LANE] = "lane",
    [CAUSE_QUARANTINE] = "quarantine",
    [CAUSE_FREE] = "free",
};

static const struct cause_policy_key cause_keys[] = {
#define K(name) {#name, "on_" #name, offsetof(struct conf_kind, on_##name)}
    K(hard_timeout), K(soft_timeout),      K(cpu_limit),   K(mem_limit),     K(oom_kill),
    K(signal),       K(sandbox_violation), K(worker_lost), K(operator_kill), K(boot_failure),
#undef K
};

const char *cause_policy_name(enum cause_policy policy)
{
    assert((unsigned)policy < CAUSE_POLICY_COUNT);
    return cause_words[policy];
}

int cause_policy_by_name(const char *word)
{
    for (int i = 0; i < CAUSE_POLICY_COUNT; i++)
        if (strcmp(cause_words[i], word) == 0)
            return i;
    return -1;
}

const struct cause_policy_key *cause_policy_keys(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(cause_keys);
    return cause_keys;
}

bool cause_policy_of(const struct conf_kind *kind, const char *cause, enum cause_policy *ret_policy)
{
    size_t len = strcspn(cause, ":");
    for (size_t i = 0; i < ARRAY_LEN(cause_keys); i++) {
        if (strncmp(cause_keys[i].cause, cause, len) != 0 || cause_keys[i].cause[len] != '\0')
            continue;
        int policy = kind != NULL ? cause_policy_by_name((const char *)kind + cause_keys[i].offset) : CAUSE_ONCE;
        *ret_policy = policy >= 0 ? (enum cause_policy)policy : CAUSE_ONCE;
        return true;
    }
    return false;
}
