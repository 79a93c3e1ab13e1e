/*
 * Why: two supervisors read one feed, and whoever looks must see one of them speak: through kills, a process that is
 * frozen and wakes, and a Redis that forgot. What Redis handed on, in its order, is the proof: an epoch has one
 * publisher, and epochs only grow. Refuses to: say who of the two must publish when, which a busy machine decides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "http_client.h"
#include "metrics_thread.h"
#include "redis_server.h"
#include "ticket_hash.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { DEADLINE_MS = 60000, LOOK_EVERY_MS = 20, EPOCHS_MAX = 256 };

/* A supervisor's metrics thread in a process of its own. */
struct replica {
    const char *name;
    char run_dir[40];
    pid_t pid;
    int port;
};

static struct redis_server server;
static redisContext *redis, *channel;
static struct replica a = {.name = "host-aaaa0001"}, b = {.name = "host-bbbb0002"};
static struct http_answer answer;
/* Who published with which epoch, since Redis was started. */
static char publishers[EPOCHS_MAX][INSTANCE_MAX];
static long long epoch_seen;

static int replica_main(const struct replica *r)
{
    struct err e = {0};
    struct scoreboard *board;
    struct conf *conf = calloc(1, sizeof *conf);
    int board_fd, sig;
    sigset_t term;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (conf == NULL || conf_load(conf, "", &e) != 0 || conf_set(conf, "redis.url", server.url, &e) != 0 ||
        conf_set(conf, "metrics.port", "0", &e) != 0 || conf_set(conf, "metrics.interval", "200ms", &e) != 0 ||
        conf_set(conf, "supervisor.run_dir", r->run_dir, &e) != 0 || scoreboard_new(&board, &board_fd) != 0)
        return 3;
    struct metrics_thread *t = metrics_thread_start(conf, board, r->name, -1, &e);
    if (t == NULL)
        return 4;
    (void)sigwait(&term, &sig);
    metrics_thread_stop(t);
    scoreboard_free(board);
    free(conf);
    return 0;
}

static void replica_start(struct replica *r)
{
    char path[64];
    uint64_t until_ms = clock_mono_ms() + DEADLINE_MS;
    (void)snprintf(path, sizeof path, "%s/metrics.port", r->run_dir);
    (void)unlink(path);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        _exit(replica_main(r));
    for (r->port = 0; r->port == 0 && clock_mono_ms() < until_ms; (void)poll(NULL, 0, LOOK_EVERY_MS)) {
        FILE *f = fopen(path, "re");
        if (f != NULL && fscanf(f, "%d", &r->port) != 1)
            r->port = 0;
        if (f != NULL)
            (void)fclose(f);
    }
    assert_true(r->port > 0);
}

static int replica_end(struct replica *r, int sig)
{
    int status = 0;
    if (r->pid <= 0)
        return 0;
    (void)kill(r->pid, sig);
    (void)waitpid(r->pid, &status, 0);
    r->pid = 0;
    return status;
}

static void redis_open(void)
{
    redis = redis_server_connect(&server);
    channel = redis_server_connect(&server);
    assert_non_null(redis);
    assert_non_null(channel);
    freeReplyObject(redisCommand(channel, "SUBSCRIBE stint:{match}:stats"));
    memset(publishers, 0, sizeof publishers);
    epoch_seen = 0;
}

static void redis_close(void)
{
    redisFree(redis);
    redisFree(channel);
}

static int set_up(void **state)
{
    (void)state;
    (void)unsetenv("STINT_REDIS_URL");
    strcpy(a.run_dir, "/tmp/stint-pub-a-XXXXXX");
    strcpy(b.run_dir, "/tmp/stint-pub-b-XXXXXX");
    if (redis_server_start(&server, NULL) != 0 || mkdtemp(a.run_dir) == NULL || mkdtemp(b.run_dir) == NULL)
        return -1;
    redis_open();
    return 0;
}

static int tear_down(void **state)
{
    char path[64];
    (void)state;
    struct replica *all[] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        (void)replica_end(all[i], SIGKILL);
        (void)snprintf(path, sizeof path, "%s/metrics.port", all[i]->run_dir);
        (void)unlink(path);
        (void)rmdir(all[i]->run_dir);
    }
    redis_close();
    redis_server_close(&server);
    return 0;
}

/* The next thing said of the pool; who said it is checked against everything said before. Returns a static name. */
static const char *hear(void)
{
    static char name[INSTANCE_MAX];
    for (;;) {
        redisReply *reply = NULL;
        assert_int_equal(redisGetReply(channel, (void **)&reply), REDIS_OK); /* within 10 s, or it fails */
        json_t *said =
            reply->elements == 3 && reply->element[2]->str ? json_loads(reply->element[2]->str, 0, NULL) : NULL;
        const char *publisher = json_string_value(json_object_get(said, "publisher"));
        long long epoch = json_integer_value(json_object_get(said, "epoch"));
        freeReplyObject(reply);
        if (publisher != NULL) {
            assert_in_range(epoch, 1, EPOCHS_MAX - 1);
            assert_true(epoch >= epoch_seen); /* nobody speaks with a lease that was followed by another */
            if (publishers[epoch][0] != '\0')
                assert_string_equal(publishers[epoch], publisher);
            (void)snprintf(publishers[epoch], sizeof publishers[epoch], "%s", publisher);
            (void)snprintf(name, sizeof name, "%s", publisher);
            epoch_seen = epoch;
        }
        json_decref(said);
        if (publisher != NULL)
            return name;
    }
}

/* Listens until this one publishes. */
static void hear_of(const struct replica *r)
{
    uint64_t until_ms = clock_mono_ms() + DEADLINE_MS;
    while (strcmp(hear(), r->name) != 0)
        assert_true(clock_mono_ms() < until_ms);
}

static void tell(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = redisvCommand(redis, format, ap);
    va_end(ap);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static void join(int number, bool man, bool consents)
{
    char id[32], hash[20], at[24];
    (void)snprintf(id, sizeof id, "t-%d", number);
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)ticket_hash("speed", id));
    (void)snprintf(at, sizeof at, "%lld", (long long)clock_wall_ms());
    /* A field that no reader knows stands where the consent would be. */
    tell("XADD stint:{match}:feed * e join p speed t %s h %s j %s k %s g %s s %d a 25 n 18 x 60 %s %s", at, hash, at,
         at, man ? "male" : "female", man ? 2 : 1, consents ? "i" : "none", id);
}

/* Both must be known to answer: one publishes here, the other says who does. */
static void await_roles(void)
{
    uint64_t until_ms = clock_mono_ms() + DEADLINE_MS;
    for (bool apart = false; !apart; (void)poll(NULL, 0, LOOK_EVERY_MS)) {
        assert_true(clock_mono_ms() < until_ms);
        bool here = http_ask(&answer, a.port, "GET /v1/queue-stats?pool=speed") == 200 &&
                    strstr(answer.body, "\"publishedHere\":true") != NULL;
        bool named = strstr(answer.body, here ? a.name : b.name) != NULL;
        bool there = http_ask(&answer, b.port, "GET /v1/queue-stats?pool=speed") == 200 &&
                     strstr(answer.body, "\"publishedHere\":true") != NULL;
        named = named && strstr(answer.body, there ? b.name : a.name) != NULL;
        apart = here != there && named;
    }
}

static void test_publish_one_of_two_speaks_and_both_answer(void **state)
{
    (void)state;
    replica_start(&a);
    replica_start(&b);
    for (int i = 0; i < 50; i++)
        join(i, i % 2 == 0, false);
    await_roles();
    for (int i = 0; i < 5; i++)
        (void)hear();
    assert_int_equal(http_ask(&answer, a.port, "GET /metrics"), 200);
    assert_non_null(strstr(answer.body, "stint_match_publisher{queue=\"match\",pool=\"speed\"} "));
}

static void test_publish_a_killed_one_is_followed(void **state)
{
    (void)state;
    struct replica *first = strcmp(hear(), a.name) == 0 ? &a : &b, *other = first == &a ? &b : &a;
    (void)replica_end(first, SIGKILL);
    hear_of(other);
    replica_start(first);
    for (int i = 0; i < 3; i++)
        (void)hear();
    await_roles();
}

static void test_publish_a_frozen_one_wakes_and_is_silent(void **state)
{
    (void)state;
    struct replica *first = strcmp(hear(), a.name) == 0 ? &a : &b, *other = first == &a ? &b : &a;
    (void)kill(first->pid, SIGSTOP);
    hear_of(other);
    (void)kill(first->pid, SIGCONT);
    for (int i = 0; i < 4; i++) /* with its old epoch it would be heard here, out of order */
        (void)hear();
    await_roles();
}

static void test_publish_a_stopped_one_leaves_its_knowledge(void **state)
{
    (void)state;
    struct replica *first = strcmp(hear(), a.name) == 0 ? &a : &b, *other = first == &a ? &b : &a;
    assert_int_equal(replica_end(first, SIGTERM), 0);
    hear_of(other);
    /* Had it lost the lease just before, the other's own, every minute, is waited for. */
    uint64_t until_ms = clock_mono_ms() + 2 * (uint64_t)DEADLINE_MS;
    redisReply *reply = redisCommand(redis, "HGET stint:{match}:keep speed");
    while (reply->type != REDIS_REPLY_STRING) {
        assert_true(clock_mono_ms() < until_ms);
        freeReplyObject(reply);
        (void)poll(NULL, 0, LOOK_EVERY_MS);
        reply = redisCommand(redis, "HGET stint:{match}:keep speed");
    }
    assert_non_null(strstr(reply->str, "\"last\":\""));
    assert_null(strstr(reply->str, "t-1"));
    freeReplyObject(reply);
    replica_start(first);
    await_roles();
}

static void test_publish_redis_forgets_and_one_speaks_again(void **state)
{
    (void)state;
    redis_close();
    assert_int_equal(redis_server_restart(&server), 0);
    redis_open();
    for (int i = 0; i < 3; i++)
        (void)hear();
    await_roles();
}

static void test_publish_who_asked_is_told(void **state)
{
    (void)state;
    uint64_t until_ms = clock_mono_ms() + DEADLINE_MS;
    long long told = 0;
    for (int i = 1000; i < 1300; i++) { /* many women come and are matched: a man will not wait long */
        char id[32];
        (void)snprintf(id, sizeof id, "t-%d", i);
        join(i, false, false);
        tell("XADD stint:{match}:feed * e match p speed t %lld h %016llx w 0 g female", (long long)clock_wall_ms(),
             (unsigned long long)ticket_hash("speed", id));
    }
    assert_true(http_await(&answer, a.port, "GET /v1/queue-stats?pool=speed", 200, "\"estimates\":[{"));
    for (int man = 2000; told == 0; man++) { /* one after the other: the model must have been renewed before he comes */
        join(man, true, true);
        (void)poll(NULL, 0, 200);
        redisReply *reply = redisCommand(redis, "XLEN stint:{match}:waits:speed");
        told = reply->integer;
        freeReplyObject(reply);
        assert_true(clock_mono_ms() < until_ms);
    }
    redisReply *reply = redisCommand(redis, "XRANGE stint:{match}:waits:speed - + COUNT 1");
    const redisReply *fields = reply->element[0]->element[1];
    assert_string_equal(fields->element[0]->str, "id");
    assert_memory_equal(fields->element[1]->str, "t-2", 3);
    json_t *news = json_loads(fields->element[3]->str, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(news, "ticket")), fields->element[1]->str);
    assert_string_equal(json_string_value(json_array_get(json_object_get(news, "changes"), 0)), "soon");
    assert_true(
        json_number_value(json_object_get(json_object_get(json_object_get(news, "estimate"), "within"), "30")) >= 0.5);
    json_decref(news);
    freeReplyObject(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_one_of_two_speaks_and_both_answer),
        cmocka_unit_test(test_publish_a_killed_one_is_followed),
        cmocka_unit_test(test_publish_a_frozen_one_wakes_and_is_silent),
        cmocka_unit_test(test_publish_a_stopped_one_leaves_its_knowledge),
        cmocka_unit_test(test_publish_redis_forgets_and_one_speaks_again),
        cmocka_unit_test(test_publish_who_asked_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
