/*
 * redis_info - one reader of INFO for the check before a start and for the watch while running, so that both call the
 * same things wrong. It refuses to take a line that is missing for a fault: services hide some.
 */
#include "redis_info.h"

#include <stdio.h>

/* Value of "name:value" in INFO's text into out; "" when it is not there. */
static const char *value_of(const char *text, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    out[0] = '\0';
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            (void)snprintf(out, size, "%.*s", (int)strcspn(line + len + 1, "\r\n"), line + len + 1);
            break;
        }
    }
    return out;
}

static int64_t number_of(const char *text, const char *name)
{
    char value[32];
    return strtoll(value_of(text, name, value, sizeof value), NULL, 10);
}

void redis_info_read(struct redis_info *ret, const char *text)
{
    char value[32];
    struct redis_info info = {.known = true};
    (void)value_of(text, "redis_version", info.version, sizeof info.version);
    (void)sscanf(info.version, "%d.%d", &info.major, &info.minor);
    info.valkey = *value_of(text, "valkey_version", value, sizeof value) != '\0';
    (void)value_of(text, "maxmemory_policy", info.policy, sizeof info.policy);
    (void)value_of(text, "role", info.role, sizeof info.role);
    info.used_bytes = number_of(text, "used_memory");
    info.max_bytes = number_of(text, "maxmemory");
    info.replicas = number_of(text, "connected_slaves");
    info.aof = number_of(text, "aof_enabled") == 1;
    info.aof_writes = strcmp(value_of(text, "aof_last_write_status", value, sizeof value), "err") != 0;
    *ret = info;
}

bool redis_info_has(const struct redis_info *info, enum redis_info_fault fault)
{
    switch (fault) {
    case REDIS_INFO_EVICTS:
        return info->policy[0] != '\0' && strcmp(info->policy, "noeviction") != 0;
    case REDIS_INFO_FULL:
        return info->max_bytes > 0 && info->used_bytes >= info->max_bytes;
    case REDIS_INFO_NOT_SAVING:
        return info->aof && !info->aof_writes;
    case REDIS_INFO_REPLICA:
        return info->role[0] != '\0' && strcmp(info->role, "master") != 0;
    case REDIS_INFO_FAULT_COUNT:
        break;
    }
    return false;
}

const char *redis_info_seen(const struct redis_info *info, enum redis_info_fault fault, char *out, size_t size)
{
    switch (fault) {
    case REDIS_INFO_EVICTS:
        (void)snprintf(out, size, "maxmemory-policy %s, maxmemory %lld", info->policy[0] ? info->policy : "unknown",
                       (long long)info->max_bytes);
        break;
    case REDIS_INFO_FULL:
        (void)snprintf(out, size, "it uses %lld of maxmemory %lld bytes", (long long)info->used_bytes,
                       (long long)info->max_bytes);
        break;
    case REDIS_INFO_NOT_SAVING:
        (void)snprintf(out, size, "append-only file, last write %s", info->aof_writes ? "ok" : "err");
        break;
    case REDIS_INFO_REPLICA:
        (void)snprintf(out, size, "role %s", info->role[0] ? info->role : "unknown");
        break;
    case REDIS_INFO_FAULT_COUNT:
        out[0] = '\0';
        break;
    }
    return out;
}

const char *redis_info_name(enum redis_info_fault fault)
{
    static const char *const names[REDIS_INFO_FAULT_COUNT] = {
#define X(id, name, remedy) name,
        REDIS_INFO_FAULTS(X)
#undef X
    };
    assert((unsigned)fault < REDIS_INFO_FAULT_COUNT);
    return names[fault];
}

const char *redis_info_remedy(enum redis_info_fault fault)
{
    static const char *const remedies[REDIS_INFO_FAULT_COUNT] = {
#define X(id, name, remedy) remedy,
        REDIS_INFO_FAULTS(X)
#undef X
    };
    assert((unsigned)fault < REDIS_INFO_FAULT_COUNT);
    return remedies[fault];
}
