/*
 * audit_read - reads the audit logs of queues and hosts: filtered, merged by time, and as they grow.
 *
 * Runs in: ctl, console. Blocks. Reads only.
 */
#pragma once

#include "queue_call.h"

/* The queue name under which a host's actions are kept (docs/protocol.md §8). */
#define AUDIT_HOST_QUEUE "_host"

enum { AUDIT_SOURCES_MAX = 512, AUDIT_READ_MAX = 10000 };

struct audit_source {
    char queue[QUEUE_MAX];
    char last[48]; /* the newest entry seen: a follower goes on behind it */
};

/* Empty members do not filter. Texts are borrowed. */
struct audit_filter {
    const char *actor;  /* whole, or the user before its @ */
    const char *action; /* whole, or the part before its first . or - */
    const char *match;  /* any value holds this, in any case */
    int64_t since_ms, until_ms;
    size_t limit;
};

struct audit_read {
    struct audit_source *sources; /* owned */
    size_t n_sources;
    struct audit_filter filter;
    json_t *records; /* owned array, oldest first: {"queue","entry","at_ms","action","actor","reason",…} */
};

/* Finds the logs: of `queue`; or of every configured queue and of hosts; or, with all, of every queue there is.
 * audit_read_fini in any case. */
int audit_read_open(struct stores *s, struct audit_read *r, const char *queue, bool all, struct err *e);
/* The newest filter.limit entries of all logs that pass. */
int audit_read_past(struct stores *s, struct audit_read *r, struct err *e);
/* Waits up to a second for new entries; records holds those that pass, perhaps none. */
int audit_read_next(struct stores *s, struct audit_read *r, struct err *e);
/* Frees; NULL-safe, twice-safe. */
void audit_read_fini(struct audit_read *r);
