/*
 * Why: a name server that does not answer must hold up nothing but the connection it is asked for: the loop turns, the message says
 * which name it is, and whoever asked may go. Refuses to: ask a real name server; getaddrinfo is this program's own.
 */
#include "pg_resolve_uv.h"
#include "pg_uv.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { TURNS = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hanging; /* names that begin with "hangs" are not answered while it is true */
static int asked;    /* look-ups begun */

/* In place of the C library's, for libuv too. */
int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    (void)pthread_mutex_lock(&lock);
    asked++;
    (void)pthread_cond_broadcast(&changed);
    while (hanging && strncmp(name, "hangs", 5) == 0)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    return strcmp(name, "known.test") == 0 ? real("192.0.2.7", service, hints, found) : EAI_NONAME;
}

static void set_hanging(bool on)
{
    (void)pthread_mutex_lock(&lock);
    hanging = on;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

/* Until n look-ups have begun: one that waits for its thread could still be called off. */
static void await_asked(int n)
{
    (void)pthread_mutex_lock(&lock);
    while (asked < n)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

struct fixture {
    uv_loop_t loop;
    uv_timer_t timer;
    struct pg_resolve *resolve;
    int turns, told;
    char host[64], hostaddr[64], port[64];
    struct err last;
};

static void on_found(void *arg, const struct pg_addresses *found, const struct err *e)
{
    struct fixture *f = arg;
    f->told++;
    if (e)
        f->last = *e;
    if (!found)
        return;
    (void)snprintf(f->host, sizeof f->host, "%s", found->host);
    (void)snprintf(f->hostaddr, sizeof f->hostaddr, "%s", found->hostaddr);
    (void)snprintf(f->port, sizeof f->port, "%s", found->port);
}

static void on_turn(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    if (++f->turns == TURNS)
        (void)uv_timer_stop(timer);
    uv_stop(timer->loop);
}

static void set_up(struct fixture *f, const char *url)
{
    *f = (struct fixture){0};
    asked = 0;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    (void)uv_timer_init(&f->loop, &f->timer);
    f->timer.data = f;
    f->resolve = pg_resolve_new(&f->loop, url, on_found, f);
    assert_non_null(f->resolve);
}

static void tear_down(struct fixture *f)
{
    uv_close((uv_handle_t *)&f->timer, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void turn_the_loop(struct fixture *f)
{
    assert_int_equal(uv_timer_start(&f->timer, on_turn, 1, 1), 0);
    while (f->turns < TURNS)
        (void)uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void test_pg_resolve_ask_known_name_gives_its_address_beside_fixed_ones(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "host=known.test,/run/pg,192.0.2.9 port=6000,6001,6002 dbname=db");
    assert_true(pg_resolve_needed(f.resolve));
    assert_string_equal(pg_resolve_names(f.resolve), "known.test");
    pg_resolve_ask(f.resolve);
    (void)uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.told, 1);
    assert_string_equal(f.host, "known.test,/run/pg,192.0.2.9");
    assert_string_equal(f.hostaddr, "192.0.2.7,,192.0.2.9");
    assert_string_equal(f.port, "6000,6001,6002");
    pg_resolve_free(f.resolve);
    tear_down(&f);
}

static void test_pg_resolve_ask_unknown_name_says_which(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "postgresql://u@nowhere.test/db");
    pg_resolve_ask(f.resolve);
    (void)uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.told, 1);
    assert_int_equal(f.last.code, ERR_STORE_UNAVAILABLE);
    assert_non_null(strstr(f.last.message, "nowhere.test"));
    pg_resolve_free(f.resolve);
    tear_down(&f);
}

static void test_pg_resolve_ask_name_that_hangs_leaves_the_loop_turning_and_costs_one_thread(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "postgresql://u@hangs.test/db");
    set_hanging(true);
    pg_resolve_ask(f.resolve);
    await_asked(1);
    pg_resolve_ask(f.resolve); /* one is under way */
    turn_the_loop(&f);
    assert_true(pg_resolve_busy(f.resolve));
    assert_int_equal(asked, 1);
    assert_int_equal(f.told, 0);
    set_hanging(false);
    while (f.told == 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    assert_false(pg_resolve_busy(f.resolve));
    pg_resolve_free(f.resolve);
    tear_down(&f);
}

static void test_pg_resolve_free_name_that_hangs_tells_nobody_later(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "postgresql://u@hangs.test/db");
    set_hanging(true);
    pg_resolve_ask(f.resolve);
    await_asked(1);
    pg_resolve_free(f.resolve);
    turn_the_loop(&f);
    set_hanging(false);
    tear_down(&f); /* the look-up returns into it */
    assert_int_equal(f.told, 0);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct fixture *f = arg;
    assert_null(conn);
    f->told++;
    f->last = *e;
    uv_stop(&f->loop);
}

static void test_pg_pool_acquire_name_that_hangs_is_refused_in_time_and_named(void **state)
{
    struct fixture f;
    struct conf_postgres conf = {.pool_max = 1, .connect_timeout = 200, .statement_timeout = 1000};
    (void)state;
    (void)snprintf(conf.url, sizeof conf.url, "postgresql://u@hangs.test/db");
    set_up(&f, "postgresql:///db");
    pg_resolve_free(f.resolve);
    set_hanging(true);
    struct pg_pool *pool = pg_pool_new(&f.loop, &conf, "test");
    assert_non_null(pool);
    pg_pool_acquire(pool, on_conn, &f);
    while (f.told == 0)
        (void)uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.last.code, ERR_STORE_UNAVAILABLE);
    assert_non_null(strstr(f.last.message, "has a host name that is not resolved: hangs.test: no answer for 200 ms"));
    assert_int_equal(pg_pool_condition(pool), PG_NAME);
    pg_pool_close(pool, NULL, NULL);
    set_hanging(false);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_resolve_ask_known_name_gives_its_address_beside_fixed_ones),
        cmocka_unit_test(test_pg_resolve_ask_unknown_name_says_which),
        cmocka_unit_test(test_pg_resolve_ask_name_that_hangs_leaves_the_loop_turning_and_costs_one_thread),
        cmocka_unit_test(test_pg_resolve_free_name_that_hangs_tells_nobody_later),
        cmocka_unit_test(test_pg_pool_acquire_name_that_hangs_is_refused_in_time_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
