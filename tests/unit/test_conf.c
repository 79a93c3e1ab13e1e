/* Files, environment and flags become the effective configuration; each wrong input is refused with its place, what was
 * read and what is allowed; what is printed reads back to the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "conf.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/mman.h>

static struct conf *conf;
static char dir[] = "/tmp/stint-conf-XXXXXX";
static char path[64];

static void forget_environment(void)
{
    for (char **entry = environ; *entry != NULL;) {
        char name[128];
        size_t len = strcspn(*entry, "=");
        bool ours = strncmp(*entry, "STINT_", 6) == 0 && len < sizeof name;
        if (!ours) {
            entry++;
            continue;
        }
        memcpy(name, *entry, len);
        name[len] = '\0';
        (void)unsetenv(name);
        entry = environ;
    }
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static int set_up_group(void **arg)
{
    (void)arg;
    conf = calloc(1, sizeof *conf);
    if (conf == NULL || mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/stint.conf", dir);
    return 0;
}

static int tear_down_group(void **arg)
{
    (void)arg;
    free(conf);
    (void)unlink(path);
    return rmdir(dir);
}

static int set_up(void **arg)
{
    (void)arg;
    forget_environment();
    return 0;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "we");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static void load(const char *text)
{
    struct err e = {0};
    write_file(path, text);
    int rc = conf_load(conf, path, &e);
    if (rc != 0)
        fail_msg("%s", e.message);
}

/* The load fails, and its message holds each of the texts (split at '|'). */
static void assert_load_fails(const char *text, const char *parts)
{
    struct err e = {0};
    write_file(path, text);
    assert_int_equal(conf_load(conf, path, &e), ERR_BAD_CONFIG);
    char copy[512];
    (void)snprintf(copy, sizeof copy, "%s", parts);
    for (char *save = NULL, *part = strtok_r(copy, "|", &save); part != NULL; part = strtok_r(NULL, "|", &save))
        if (strstr(e.message, part) == NULL)
            fail_msg("\"%s\" is missing in: %s", part, e.message);
}

static void test_conf_load_nothing_gives_defaults(void **arg)
{
    (void)arg;
    struct err e = {0};
    assert_int_equal(conf_load(conf, "", &e), 0);
    assert_string_equal(conf->redis.url, "redis://127.0.0.1:6379");
    assert_int_equal(conf->metrics.port, 9464);
    assert_int_equal(conf->n_pools, 2);
    assert_string_equal(conf->pools[0].name, "match");
    assert_string_equal(conf->pools[1].kinds, "pdf-parse");
    assert_int_equal(conf_kind_of(conf, "pdf-parse")->timeout, 300000);
    assert_int_equal(conf_kind_of(conf, "probe")->enabled, 0);
    assert_string_equal(conf->path, "");
}

static void test_conf_load_file_values_are_read(void **arg)
{
    (void)arg;
    load("\xef\xbb\xbf# a comment\n; another\n\n[redis]\nurl = unix:///tmp/r.sock ; inline\n"
         "[pool.pdf]\nkinds = pdf-parse\n   workers = 3\n\tmemory=512M\r\n[pool.all]\nkinds = probe, match\nqueue = "
         "mixed\n"
         "[kind.probe]\nenabled = on\ntimeout = 7s\n");
    assert_string_equal(conf->redis.url, "unix:///tmp/r.sock");
    assert_int_equal(conf->n_pools, 2);
    assert_int_equal(conf_pool_of(conf, "pdf")->workers, 3);
    assert_int_equal(conf_pool_of(conf, "pdf")->memory, 512 * 1048576);
    assert_string_equal(conf_pool_of(conf, "pdf")->queue, "pdf");
    assert_string_equal(conf_queue_of_kind(conf, "match"), "mixed");
    assert_string_equal(conf_queue_of_kind(conf, "pdf-parse"), "pdf");
    assert_null(conf_queue_of_kind(conf, "unheard-of"));
    assert_int_equal(conf_kind_of(conf, "probe")->timeout, 7000);
    assert_string_equal(conf->path, path);
    const char *queues[CONF_POOL_MAX];
    assert_int_equal(conf_queues(conf, queues, CONF_POOL_MAX), 2);
}

static void test_conf_load_pool_named_as_kind_runs_it(void **arg)
{
    (void)arg;
    load("[pool.pdf]\nworkers = 2\n[pool.match]\n");
    assert_string_equal(conf_pool_of(conf, "pdf")->kinds, "pdf-parse");
    assert_string_equal(conf_pool_of(conf, "match")->queue, "match");
}

static void test_conf_load_wrong_inputs_name_place_and_remedy(void **arg)
{
    (void)arg;
    static const struct {
        const char *text, *parts;
    } rows[] = {
        {"[redis]\nurll = x\n", "stint.conf:2: |key of [redis] \"urll\"|did you mean \"url\"|url_file"},
        {"[reddis]\n", "stint.conf:1: |unknown section \"reddis\"|did you mean \"redis\"|pool.NAME"},
        {"\n[pool.pdf]\nwrokers = 3\n", "stint.conf:3: |did you mean \"workers\""},
        {"[pool.pdf]\nworkers = abc\n", "stint.conf:2: [pool.pdf] workers: |\"abc\" is not a whole number"},
        {"[pool.pdf]\nworkers = 4294967297\n", "workers: |\"4294967297\" is out of range|0 to 256"},
        {"[pool.pdf]\nworkers = -1\n", "\"-1\" is out of range|0 to 256"},
        {"[pool.pdf]\nworkers = 99999999999999999999\n", "too large"},
        {"[pool.pdf]\nmemory = 64k\n", "[pool.pdf] memory|\"64k\" is not a size|256M"},
        {"[kind.probe]\ntimeout = 99999999999999d\n", "[kind.probe] timeout|too large"},
        {"[kind.probe]\ntimeout = 31d\n", "[kind.probe] timeout|\"31d\" is out of range|1ms to 30d"},
        {"[kind.probe]\ntimeout = 5\n", "\"5\" is not a duration|ms, s, m, h, d"},
        {"[kind.probe]\nenabled = maybe\n", "[kind.probe] enabled|neither yes nor no"},
        {"[metrics]\nport = 65536\n", "[metrics] port|out of range|0 to 65535"},
        {"[metrics]\nlisten = localhost\n", "[metrics] listen|\"localhost\" is no IP address|127.0.0.1"},
        {"[redis]\nurl =\n", "[redis] url: 0 characters|1 to 511"},
        {"[redis]\nurl = http://x\n", "[redis] url|redis:// or unix://"},
        {"[redis]\nnonsense\n", "stint.conf:2: \"nonsense\" is not \"key = value\""},
        {"[redis\nurl = x\n", "stint.conf:1: a section is written [name]"},
        {"url = x\n", "stint.conf:1: url stands before any [section]"},
        {"[pool.Pdf]\n", "stint.conf:1: \"Pdf\" is no name for a pool|a-z"},
        {"[queue.a b]\n", "stint.conf:1: \"a b\" is no name for a queue|A-Z a-z 0-9"},
        {"[redis]\nnodes = a:1\n", "[redis] nodes|set cluster = yes"},
        {"[redis]\ncluster = yes\nnodes = a\n", "redis.nodes: \"a\" is no node|host:port"},
        {"[redis]\ncluster = yes\nurl = redis://a/1\n", "[redis] url: a cluster has database 0 alone"},
        {"[redis]\ncluster = yes\n[pool.match]\n[pool.m2]\nkinds = match\nqueue = m2\n", "[redis] cluster: kind match has two queues"},
        {"[queue.pdf]\nshards = 33\n", "[queue.pdf] shards: |\"33\" is out of range|1 to 32"},
        {"[queue.pdf]\nshards = 0\n", "\"0\" is out of range|1 to 32"},
        {"[queue.pdf]\nshard = 2\n", "key of [queue.pdf] \"shard\"|did you mean \"shards\""},
        {"[queue.match]\nshards = 2\n[pool.match]\n", "[queue.match] shards: kind match of [pool.match] cannot be spread|queue of its own"},
        {"[queue.pdf]\nshards = 2\n[pool.pdf]\ntarget_wait = 1s\n", "[pool.pdf] target_wait: queue pdf has shards|set workers"},
        {"[queue.pdf]\nshards = 2\n[pool.pdf]\nqueue = pdf.1\n", "[pool.pdf] queue: \"pdf.1\" is a shard of queue pdf"},
        {"[kind.p_f]\n", "stint.conf:1: \"p_f\" is no name for a kind"},
        {"[pool.x]\nworkers = 1\n", "[pool.x] kinds is missing"},
        {"[pool.x]\nkinds = pdf-prase\n",
         "no kind is called \"pdf-prase\"|did you mean \"pdf-parse\"|match pdf-parse probe"},
        {"[pool.x]\nkinds = probe\n", "[pool.x] runs only kinds that are not enabled"},
        {"[pool.x]\nkinds = match\nqueue = a b\n", "[pool.x] queue: \"a b\" is no queue name"},
        {"[pool.x]\nkinds = match\nworkers = 9\nworkers_max = 4\n", "[pool.x] workers (9) is above workers_max (4)"},
        {"[pool.x]\nkinds = match\ntarget_wait = 5s\nworkers_min = 9\nworkers_max = 4\n", "[pool.x] workers_min (9) is above workers_max (4)"},
        {"[pool.x]\nkinds = match\ntarget_wait = soon\n", "target_wait"},
        {"[pool.x]\nkinds = match\nscale_down_after = 1ms\n", "\"1ms\" is out of range; allowed: 100ms to"},
        {"[pool.x]\nkinds = match\nworkers = 200\n[pool.y]\nkinds = match\nworkers = 200\n", "add up to 512|256"},
        {"[supervisor]\nheartbeat = 4s\n", "[supervisor] heartbeat (4000 ms)|third of lease (10000 ms)"},
        {"[supervisor]\nlog_level = loud\n", "[supervisor] log_level: \"loud\"|debug,info,warn,error"},
        {"[supervisor]\nrun_dir = here\n", "absolute"},
        {"[match]\npreset = fast\n", "[match] preset: \"fast\"|speed,wingman"},
        {"[kind.probe]\ntimeout = 1s\nsoft_timeout = 2s\n", "[kind.probe] soft_timeout (2000 ms) is longer"},
        {"[kind.probe]\nbackoff = 2h\n", "[kind.probe] backoff|longer than backoff_max"},
        {"[pdf]\nroots = /a, b\n", "[pdf] roots: \"b\" is not an absolute path"},
        {"[redis]\nurl_file = /nonexistent/secret\n", "[redis] url_file /nonexistent/secret: No such file"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_load_fails(rows[i].text, rows[i].parts);
}

static void test_conf_load_too_much_is_refused(void **arg)
{
    (void)arg;
    struct buf b;
    buf_init(&b, 1 << 16);
    (void)buf_adds(&b, "[redis]\nurl = redis://");
    for (int i = 0; i < 600; i++)
        (void)buf_adds(&b, "x");
    (void)buf_adds(&b, "\n");
    assert_load_fails(b.data, "[redis] url: 608 characters|1 to 511");
    buf_clear(&b);
    for (int i = 0; i < 3000; i++)
        (void)buf_adds(&b, "# ");
    assert_load_fails(b.data, "stint.conf:1: the line is longer than");
    buf_clear(&b);
    for (int i = 0; i <= CONF_POOL_MAX; i++)
        (void)buf_addf(&b, "[pool.p%d]\nkinds = match\n", i);
    assert_load_fails(b.data, "too many pools: at most 32");
    buf_clear(&b);
    for (int i = 0; i < 4; i++)
        (void)buf_addf(&b, "[queue.q%d]\nshards = 32\n[pool.p%d]\nkinds = pdf-parse\nworkers_max = 1\nqueue = q%d\n", i, i, i);
    for (int i = 0, k = 0; i < 20; i++) {
        (void)buf_addf(&b, "[pool.l%d]\nkinds = pdf-parse\nworkers_max = 1\nqueues = z%d", i, k++);
        for (int m = 1; m < 50; m++)
            (void)buf_addf(&b, ",z%d", k++);
        (void)buf_adds(&b, "\n");
    }
    assert_load_fails(b.data, "queues and their shards are 1132 together; at most 1100");
    buf_fini(&b);
}

static void test_conf_load_missing_file_is_named(void **arg)
{
    (void)arg;
    struct err e;
    assert_int_equal(conf_load(conf, "/nonexistent/stint.conf", &e), ERR_BAD_CONFIG);
    assert_string_equal(e.message, "/nonexistent/stint.conf: No such file or directory");
    assert_int_equal(conf_load(conf, "/tmp", &e), ERR_BAD_CONFIG);
    assert_non_null(strstr(e.message, "/tmp: not a regular file"));
}

static void test_conf_load_environment_wins_over_file(void **arg)
{
    (void)arg;
    (void)setenv("STINT_REDIS_URL", "redis://other:1", 1);
    (void)setenv("STINT_POOL_PDF_WORKERS", "5", 1);
    (void)setenv("STINT_KIND_PDF_PARSE_TIMEOUT", "4m", 1);
    (void)setenv("STINT_KIND_PDF_PARSE_SOFT_TIMEOUT", "3m", 1);
    (void)setenv("STINT_METRICS_PORT", "", 1);
    (void)setenv("STINT_UNRELATED", "x", 1);
    load("[redis]\nurl = redis://file:1\n[pool.pdf]\nkinds = pdf-parse\nworkers = 2\n");
    assert_string_equal(conf->redis.url, "redis://other:1");
    assert_int_equal(conf_pool_of(conf, "pdf")->workers, 5);
    assert_int_equal(conf_kind_of(conf, "pdf-parse")->timeout, 240000);
    assert_int_equal(conf_kind_of(conf, "pdf-parse")->soft_timeout, 180000);
    assert_int_equal(conf->metrics.port, 9464);
}

static void test_conf_load_environment_changes_default_pools(void **arg)
{
    (void)arg;
    (void)setenv("STINT_KIND_PROBE_ENABLED", "yes", 1);
    (void)setenv("STINT_POOL_PROBE_WORKERS", "4", 1);
    (void)setenv("STINT_POOL_NEW_ONE_WORKERS", "2", 1);
    (void)setenv("STINT_POOL_NEW_ONE_KINDS", "match", 1);
    struct err e = {0};
    assert_int_equal(conf_load(conf, "", &e), 0);
    assert_int_equal(conf->n_pools, 4);
    assert_int_equal(conf_pool_of(conf, "probe")->workers, 4);
    assert_int_equal(conf_pool_of(conf, "new-one")->workers, 2);
}

static void test_conf_load_wrong_environment_is_named(void **arg)
{
    (void)arg;
    static const struct {
        const char *name, *value, *parts;
    } rows[] = {
        {"STINT_REDIS_URI", "x", "environment STINT_REDIS_URI: unknown key of [redis] \"uri\"|did you mean \"url\""},
        {"STINT_METRICS_PORT", "http",
         "environment STINT_METRICS_PORT: [metrics] port: \"http\" is not a whole number"},
        {"STINT_POOL_PDF_WORKER", "1", "environment STINT_POOL_PDF_WORKER: ends in no key of [pool.NAME]"},
        {"STINT_POOL_NONE_WORKERS", "1", "there is no pool \"none\"|STINT_POOL_NONE_KINDS"},
        {"STINT_KIND_PROBE_TIMEOUT", "5",
         "environment STINT_KIND_PROBE_TIMEOUT: [kind.probe] timeout: \"5\" is not a duration"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        forget_environment();
        (void)setenv(rows[i].name, rows[i].value, 1);
        assert_load_fails("", rows[i].parts);
    }
}

static void test_conf_load_secret_file_first_line_is_the_url(void **arg)
{
    (void)arg;
    char secret[96], text[256];
    (void)snprintf(secret, sizeof secret, "%s/pg-url", dir);
    write_file(secret, "postgresql://u:p@h/d \nmore\n");
    (void)snprintf(text, sizeof text, "[postgres]\nurl_file = %s\nurl = postgresql://ignored/x\n", secret);
    load(text);
    assert_string_equal(conf->postgres.url, "postgresql://u:p@h/d");
    load("[postgres]\nurl_file = pg-url\n"); /* beside the configuration */
    assert_string_equal(conf->postgres.url, "postgresql://u:p@h/d");
    assert_load_fails("[postgres]\nurl_file = no-such\n", "[postgres] url_file no-such: No such file");
    (void)setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1); /* of a service that was not given this one */
    load("[postgres]\nurl_file = pg-url\n");
    assert_string_equal(conf->postgres.url, "postgresql://u:p@h/d");
    char credentials[96], other[128];
    (void)snprintf(credentials, sizeof credentials, "%s/credentials", dir);
    (void)snprintf(other, sizeof other, "%s/pg-url", credentials);
    assert_int_equal(mkdir(credentials, 0700), 0);
    write_file(other, "postgresql://given/x\n");
    (void)setenv("CREDENTIALS_DIRECTORY", credentials, 1);
    load("[postgres]\nurl_file = pg-url\n"); /* what it was given comes first */
    assert_string_equal(conf->postgres.url, "postgresql://given/x");
    (void)unlink(other);
    (void)rmdir(credentials);
    (void)setenv("STINT_POSTGRES_URL", "postgresql://env/x", 1);
    load("[postgres]\nurl_file = pg-url\n");
    assert_string_equal(conf->postgres.url, "postgresql://env/x");
    (void)setenv("STINT_POSTGRES_URL_FILE", secret, 1);
    load("");
    assert_string_equal(conf->postgres.url, "postgresql://u:p@h/d");
    write_file(secret, "\n");
    assert_load_fails("", "first line has 0 characters");
    (void)unlink(secret);
}

static void test_conf_set_dotted_names_are_found(void **arg)
{
    (void)arg;
    struct err e = {0};
    load("");
    assert_int_equal(conf_set(conf, "pool.pdf.workers", "6", &e), 0);
    assert_int_equal(conf_pool_of(conf, "pdf")->workers, 6);
    assert_int_equal(conf_set(conf, "metrics.port", "0", &e), 0);
    assert_int_equal(conf->metrics.port, 0);
    assert_int_equal(conf_set(conf, "pool.extra.kinds", "match", &e), 0);
    assert_string_equal(conf_pool_of(conf, "extra")->queue, "match");
    assert_int_equal(conf_set(conf, "port", "0", &e), ERR_BAD_CONFIG);
    assert_non_null(strstr(e.message, "write section.key"));
    assert_int_equal(conf_set(conf, "metrics.prot", "0", &e), ERR_BAD_CONFIG);
    assert_non_null(strstr(e.message, "did you mean \"port\""));
}

static void test_conf_print_reads_back_to_the_same(void **arg)
{
    (void)arg;
    struct err e = {0};
    struct buf b;
    load("[redis]\nurl = redis://user:se:cr@t@host:7\n[supervisor]\ndrain_timeout = 90061ms\n[kind.probe]\nenabled = "
         "yes\n"
         "[pool.p]\nkinds = probe,match\nmemory = 100000001\n[pdf]\nroots = /a,/b\n");
    memset(conf->path, 0, sizeof conf->path);
    buf_init(&b, 1 << 18);
    assert_int_equal(conf_print(conf, &b, true), 0);
    int fd = memfd_create("conf", MFD_CLOEXEC);
    assert_int_equal(write(fd, b.data, b.len), b.len);
    struct conf *again = calloc(1, sizeof *again);
    assert_non_null(again);
    if (conf_load_fd(again, fd, &e) != 0)
        fail_msg("%s", e.message);
    assert_memory_equal(again, conf, sizeof *again);
    free(again);
    buf_fini(&b);
    (void)close(fd);
}

/* A supervisor hands its workers what it knows, and they may be older or newer than it. A file of people's is another matter. */
static void test_conf_load_fd_keys_of_another_version_are_read_past(void **arg)
{
    (void)arg;
    static const char text[] = "[supervisor]\nof_tomorrow = 1\ndrain_timeout = 90s\n[tomorrow]\nkey = value\n[pool.p]\n"
                               "kinds = match\nof_yesterday = yes\nworkers = 3\n";
    struct err e = {0};
    int fd = memfd_create("conf", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    if (conf_load_fd(conf, fd, &e) != 0)
        fail_msg("%s", e.message);
    assert_int_equal(conf->supervisor.drain_timeout, 90000);
    assert_int_equal(conf->n_pools, 1);
    assert_int_equal(conf->pools[0].workers, 3);
    (void)close(fd);
    fd = memfd_create("conf", MFD_CLOEXEC);
    assert_int_equal(write(fd, "[pool.p]\nkinds = match\nworkers = many\n", 39), 39);
    assert_int_equal(conf_load_fd(conf, fd, &e), ERR_BAD_CONFIG);
    (void)close(fd);
}

static void test_conf_print_passwords_are_hidden(void **arg)
{
    (void)arg;
    static const char *const urls[] = {"redis://user:s3cret@host:7/1", "redis://:s3cret@h",
                                       "redis://u:s3cret/with@at@h", "redis://u:a@s3cret:b@h"};
    struct err e = {0};
    struct buf b;
    buf_init(&b, 1 << 18);
    load("[postgres]\nurl = postgresql://h/d?user=x&password=s3cret&sslmode=require\n");
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_int_equal(conf_set(conf, "redis.url", urls[i], &e), 0);
        buf_clear(&b);
        assert_int_equal(conf_print(conf, &b, false), 0);
        assert_null(strstr(b.data, "s3cret"));
        assert_non_null(strstr(b.data, "password=***&sslmode=require"));
    }
    buf_fini(&b);
}

static void test_conf_reference_names_every_key(void **arg)
{
    (void)arg;
    struct buf b;
    buf_init(&b, 1 << 18);
    assert_int_equal(conf_reference(&b), 0);
#define X(type, key, ...) assert_non_null(strstr(b.data, "| `" #key "` | "));
    CONF_REDIS(X)
    CONF_SUPERVISOR(X) CONF_METRICS(X) CONF_PDF(X) CONF_POOL(X) CONF_KIND(X)
#undef X
        assert_non_null(strstr(b.data, "| `port` | number | `9464` | 0 to 65535 | restart |"));
    buf_fini(&b);
}

static void test_conf_find_explicit_missing_file_is_an_error(void **arg)
{
    (void)arg;
    struct err e;
    char found[CONF_STR_MAX];
    assert_int_equal(conf_find("/nonexistent.conf", found, &e), ERR_BAD_CONFIG);
    assert_non_null(strstr(e.message, "named by the command line"));
    write_file(path, "");
    (void)setenv("STINT_CONFIG", path, 1);
    assert_int_equal(conf_find(NULL, found, &e), 0);
    assert_string_equal(found, path);
    (void)unsetenv("STINT_CONFIG");
    if (access("/etc/stint/stint.conf", F_OK) == 0)
        return;
    (void)setenv("STINT_DIR", dir, 1);
    assert_int_equal(conf_find(NULL, found, &e), 0);
    assert_string_equal(found, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(conf_find("", found, &e), 0);
    assert_string_equal(found, "");
}

static void test_conf_pool_scaled_max_is_bounded_by_cpus_unless_it_is_said(void **arg)
{
    (void)arg;
    struct conf_pool pool = {.workers = 1, .workers_min = 1, .target_wait = 1000};
    assert_true(conf_pool_scaled(&pool));
    assert_int_equal(conf_pool_scaled_max(&pool, 2), 2);
    assert_int_equal(conf_pool_scaled_max(&pool, 64), 8);
    pool.workers_min = 4;
    assert_int_equal(conf_pool_scaled_max(&pool, 2), 4);
    pool.workers_max = 100;
    assert_int_equal(conf_pool_scaled_max(&pool, 2), 100);
    pool.target_wait = 0;
    assert_false(conf_pool_scaled(&pool));
}

static void test_conf_pool_workers_max_zero_is_twice_the_workers(void **arg)
{
    (void)arg;
    struct conf_pool pool = {.workers = 1};
    assert_int_equal(conf_pool_workers_max(&pool), 8);
    pool.workers = 20;
    assert_int_equal(conf_pool_workers_max(&pool), 40);
    pool.workers_max = 21;
    assert_int_equal(conf_pool_workers_max(&pool), 21);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
    const struct CMUnitTest tests[] = {
        T(test_conf_load_nothing_gives_defaults),
        T(test_conf_load_file_values_are_read),
        T(test_conf_load_pool_named_as_kind_runs_it),
        T(test_conf_load_wrong_inputs_name_place_and_remedy),
        T(test_conf_load_too_much_is_refused),
        T(test_conf_load_missing_file_is_named),
        T(test_conf_load_environment_wins_over_file),
        T(test_conf_load_environment_changes_default_pools),
        T(test_conf_load_wrong_environment_is_named),
        T(test_conf_load_secret_file_first_line_is_the_url),
        T(test_conf_set_dotted_names_are_found),
        T(test_conf_print_reads_back_to_the_same),
        T(test_conf_load_fd_keys_of_another_version_are_read_past),
        T(test_conf_print_passwords_are_hidden),
        T(test_conf_reference_names_every_key),
        T(test_conf_find_explicit_missing_file_is_an_error),
        T(test_conf_pool_scaled_max_is_bounded_by_cpus_unless_it_is_said),
        T(test_conf_pool_workers_max_zero_is_twice_the_workers),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
