/*
 * Why: the planner guesses from statistics that are minutes old, and the tables of matching fill and empty in seconds.
 * A look-up that takes a fitting but useless index reads the whole pool for every person, and nothing but time shows
 * it. So PostgreSQL itself is asked how it played each statement of real rounds (auto_explain): in tables without
 * statistics, with those of a small table that has grown since, and with those of a large one.
 */
#include "match_stage.h"

enum { CROWD = 3000, PEOPLE = 12, SCANS_MIN = 100 };

/* An index, and what its condition must name: without it the scan reads every entry of the pool. */
static const struct way {
    const char *index, *column;
} ways[] = {
    {"match_ticket_pkey", "id ="},         {"match_ticket_pool_id_pair_id_key", "id ="},
    {"match_ticket_pair", "pair_id"},      {"match_ticket_changes", "version"},
    {"match_ticket_gone", "changed_ms <"}, {"match_pair_pkey", "id ="},
    {"match_pair_live_a", "live_a ="},     {"match_pair_live_b", "live_b ="},
    {"match_pair_due", "confirm_by_ms <"}, {"match_pair_ended", "ended_ms <"},
    {"match_history_pkey", "a ="},         {"match_history_b", "b ="},
    {"match_history_until", "until_ms <"}, {"job_outcome_pkey", "job_id ="},
};

static const char *const large[] = {"match_ticket", "match_pair", "match_history", "job_outcome"};

static void must(const char *sql)
{
    if (!pg_server_query(&pg, sql, NULL, 0))
        fail_msg("%s", sql);
}

struct reading {
    bool ours;             /* the entry is a worker's, about a round */
    const struct way *way; /* of the index scan whose condition has yet to come */
    char node[512];        /* that scan, as told */
    size_t scans;
};

static bool is_large(const char *name)
{
    size_t len = strcspn(name, " \n");
    for (size_t i = 0; i < ARRAY_LEN(large); i++)
        if (strlen(large[i]) == len && strncmp(name, large[i], len) == 0)
            return true;
    return false;
}

static const struct way *way_of(const char *index)
{
    size_t len = strcspn(index, " \n");
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        if (strlen(ways[i].index) == len && strncmp(index, ways[i].index, len) == 0)
            return &ways[i];
    return NULL;
}

static void read_plan_line(struct reading *r, const char *line)
{
    const char *whole = strstr(line, "Seq Scan on "), *with = strstr(line, " using "),
               *cond = strstr(line, "Index Cond:");
    if (whole && is_large(whole + strlen("Seq Scan on ")))
        fail_msg("a whole table is read: %s", line);
    if (cond && r->way) {
        if (!strstr(cond, r->way->column))
            fail_msg("all of the pool is read: %s%s", r->node, line);
        r->way = NULL;
    }
    const char *table = with ? strstr(with, " on ") : NULL;
    if (!table || !is_large(table + strlen(" on ")))
        return;
    if (r->way)
        fail_msg("an index is read without a condition: %s", r->node);
    r->way = way_of(with + strlen(" using "));
    if (!r->way)
        fail_msg("an index that this test does not know: %s", line);
    (void)snprintf(r->node, sizeof r->node, "%s", line);
    r->scans++;
}

/* Not a round's, and rare: the look for forgotten pools, the try whether the store takes writes. */
static bool is_rare(const char *text)
{
    return strstr(text, "FROM stint.match_pool p WHERE p.queue") ||
           strstr(text, "FROM stint.job_outcome WHERE queue = ''");
}

/* Lines of an entry but its first begin with a tab. */
static void read_line(struct reading *r, const char *line)
{
    if (line[0] != '\t') {
        if (r->way)
            fail_msg("an index is read without a condition: %s", r->node);
        r->ours = strncmp(line, "stint", 5) == 0 && strstr(line, "plan:");
    } else if (r->ours && strstr(line, "Query Text:")) {
        r->ours = !is_rare(line);
    } else if (r->ours) {
        read_plan_line(r, line);
    }
}

static size_t check_log(long *from)
{
    struct reading r = {0};
    char path[80], *line = NULL;
    size_t size = 0;
    (void)snprintf(path, sizeof path, "%s/log", pg.dir);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    assert_int_equal(fseek(log, *from, SEEK_SET), 0);
    while (getline(&line, &size, log) >= 0)
        read_line(&r, line);
    *from = ftell(log);
    free(line);
    (void)fclose(log);
    return r.scans;
}

/* Sends an operation about somebody and waits until it is done. */
static void ask(struct worker_harness *h, const char *pool, const char *op, const char *member, const char *value,
                const char *votes)
{
    static int number;
    char job[64], payload[320];
    (void)snprintf(job, sizeof job, "ask-%d", number++);
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"op\":\"%s\",\"pool\":\"%s\",\"%s\":\"%s\"%s}", op, pool, member,
                   value, votes);
    send_op(h, job, payload);
    harness_wait_state(h, job, "done");
}

/* How a pair ends, said by its woman. */
static void end_pair(struct worker_harness *h, const char *pool, const char *op, int woman, const char *vote)
{
    char sql[192], pair[64], votes[64];
    (void)snprintf(sql, sizeof sql, "SELECT pair_id FROM stint.match_ticket WHERE pool = '%s' AND id = 'f%d'", pool,
                   woman);
    assert_true(pg_server_query(&pg, sql, pair, sizeof pair));
    assert_true(pair[0] != '\0');
    (void)snprintf(votes, sizeof votes, ",\"votes\":{\"f%d\":\"%s\"}", woman, vote);
    ask(h, pool, op, "pair", pair, votes);
}

/* Every operation there is. People are numbered from `from`: nobody comes twice. */
static void play(const char *pool, int from)
{
    struct worker_harness h;
    char id[16];
    begin(&h, "plans", "[match]\npending_release = 1h\n");
    crowd(&h, pool, "male", "female", from, PEOPLE);
    crowd(&h, pool, "female", "male", from, PEOPLE);
    end_pair(&h, pool, "confirm", from, "yes");
    end_pair(&h, pool, "release", from + 1, "no");
    end_pair(&h, pool, "release", from + 2, "absent");
    (void)snprintf(id, sizeof id, "f%d", from + 3);
    ask(&h, pool, "touch", "id", id, "");
    ask(&h, pool, "leave", "id", id, "");
    ask(&h, pool, "cycle", "id", id, "");
    harness_end_drained(&h);
}

static void test_match_no_statement_of_a_round_reads_the_pool(void **state)
{
    long at = 0;
    (void)state;
    play("fresh", 0);
    assert_true(check_log(&at) >= SCANS_MIN);
    must("VACUUM (ANALYZE)");
    seed("plans", "grown", CROWD);
    play("grown", 100);
    assert_true(check_log(&at) >= SCANS_MIN);
    must("ANALYZE");
    play("grown", 200);
    assert_true(check_log(&at) >= SCANS_MIN);
}

/* Plans go to the server's log, each after the name of whose it is; statistics change only where the test says so. */
static int open_told(void **state)
{
    if (open_servers(state) != 0)
        return -1;
    must("ALTER SYSTEM SET autovacuum = off");
    must("ALTER SYSTEM SET log_line_prefix = '%a|'");
    must("ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'");
    must("ALTER DATABASE postgres SET auto_explain.log_min_duration = 0");
    must("ALTER DATABASE postgres SET auto_explain.log_nested_statements = on");
    must("SELECT pg_reload_conf()");
    while (query("SELECT count(*) FROM pg_settings WHERE name = 'log_line_prefix' AND setting = '%%a|'") == 0)
        ;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_no_statement_of_a_round_reads_the_pool),
    };
    return cmocka_run_group_tests(tests, open_told, close_servers);
}
