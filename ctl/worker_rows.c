/*
 * worker_rows - see worker_rows.h. One place decides what a worker looks like, so that three verbs cannot disagree.
 */
#include "worker_rows.h"

#include "queue_call.h"
#include "queue_rows.h"

/* Which of several supervisors; "-" for the one of all pools, so that a host with no other does without the column. */
static const char *place(const json_t *row)
{
    const char *name = json_text(row, "supervisor");
    return *name != '\0' ? name : "-";
}

void worker_rows_table(struct table *t)
{
    static const char *const titles[] = {"POOL",  ">SLOT", ">-PID",    "STATE",      "PHASE",       ">SINCE",      ">?-DEADLINE",
                                         "~?JOB", ">JOBS", ">-MEMORY", ">?RESTARTS", "~?LAST EXIT", "?SUPERVISOR", NULL};
    table_init(t, titles);
}

int worker_rows_add(struct table *t, const json_t *worker)
{
    char since[32], deadline[32], memory[32];
    const char *kind = json_text(worker, "kind"), *job = json_text(worker, "job");
    int64_t left = json_number(worker, "deadline_in_ms", -1), restarts = json_number(worker, "restarts", 0);
    int rc = table_row(t);
    if (rc < 0)
        return rc;
    table_set(t, 0, "%s", json_text(worker, "pool"));
    table_set(t, 1, "%lld", (long long)json_number(worker, "slot", -1));
    table_set(t, 2, "%lld", (long long)json_number(worker, "pid", 0));
    table_set(t, 3, "%s", json_text(worker, "state"));
    table_set(t, 4, "%s", json_text(worker, "phase"));
    table_set(t, 5, "%s", out_ms(since, json_number(worker, "since_ms", -1)));
    table_set(t, 6, "%s", out_ms(deadline, left));
    table_set(t, 7, "%s%s%s", kind, *kind != '\0' && *job != '\0' ? " " : "", job);
    table_set(t, 8, "%lld", (long long)json_number(worker, "jobs_run", 0));
    table_set(t, 9, "%s", out_bytes(memory, json_number(worker, "rss_bytes", -1)));
    table_set(t, 10, "%lld", (long long)restarts);
    table_set(t, 11, "%s", json_text(worker, "last_exit"));
    table_set(t, 12, "%s", place(worker));
    table_tint(t, 4, strcmp(json_text(worker, "phase"), "run") == 0 ? TINT_GREEN : TINT_NONE);
    table_tint(t, 10, restarts > 0 ? TINT_YELLOW : TINT_NONE);
    return 0;
}

void worker_rows_pool_table(struct table *t)
{
    static const char *const titles[] = {"POOL",       "-QUEUE",          "~KINDS", ">WANTED", ">READY",
                                         ">?RESTARTS", ">?BOOT FAILURES", "STATE",  "~?ERROR", "?SUPERVISOR", NULL};
    table_init(t, titles);
}

int worker_rows_pool_add(struct table *t, const json_t *pool)
{
    const char *state = json_text(pool, "state");
    AUTO_FREE char *kinds = queue_rows_words(json_object_get(pool, "kinds"));
    int rc = table_row(t);
    if (rc < 0)
        return rc;
    table_set(t, 0, "%s", json_text(pool, "name"));
    table_set(t, 1, "%s", json_text(pool, "queue"));
    table_set(t, 2, "%s", kinds != NULL ? kinds : "");
    table_set(t, 3, "%lld", (long long)json_number(pool, "desired", 0));
    table_set(t, 4, "%lld", (long long)json_number(pool, "ready", 0));
    table_set(t, 5, "%lld", (long long)json_number(pool, "restarts", 0));
    table_set(t, 6, "%lld", (long long)json_number(pool, "boot_failures", 0));
    table_set(t, 7, "%s", state);
    table_set(t, 8, "%s", json_text(pool, "error"));
    table_set(t, 9, "%s", place(pool));
    table_tint(t, 7, strcmp(state, "ok") == 0 ? TINT_GREEN : TINT_RED);
    return 0;
}
