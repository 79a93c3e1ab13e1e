/* Who may ask the console what: tokens and their file, sessions, guessing, and every route against every role. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth.h"
#include "routes.h"

#include <stdio.h>
#include <sys/stat.h>

enum { IDLE_MS = 60000, NOW = 1000000 };

struct stage {
    char dir[64], path[128];
    struct auth *auth;
    char tokens[CONSOLE_ROLE_COUNT][CONSOLE_TOKEN_MAX]; /* viewer, operator, admin */
};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    struct err e = {.code = 0};
    snprintf(s->dir, sizeof s->dir, "/tmp/stint-console-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof s->path, "%s/console.tokens", s->dir);
    for (int role = 0; role < CONSOLE_ROLE_COUNT; role++)
        assert_int_equal(console_tokens_add(s->path, console_role_name((enum console_role)role),
                                            (enum console_role)role, s->tokens[role], &e),
                         0);
    s->auth = auth_new(s->path, IDLE_MS, &e);
    assert_non_null(s->auth);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", s->path);
    unlink(lock);
    unlink(s->path);
    rmdir(s->dir);
    auth_free(s->auth);
    free(s);
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_tokens_file_holds_no_token(void **state)
{
    struct stage *s = *state;
    char text[4096] = "";
    struct stat st;
    FILE *f = fopen(s->path, "r");
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    for (int i = 0; i < CONSOLE_ROLE_COUNT; i++) {
        assert_true(strlen(s->tokens[i]) >= 6 + 2 * 16); /* 128 bits at least */
        assert_null(strstr(text, s->tokens[i] + 6));
    }
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_tokens_parse_names_the_line_that_is_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "ann\n",
        "ann king 0000000000000000000000000000000000000000000000000000000000000000 1\n",
        "an/n admin 0000000000000000000000000000000000000000000000000000000000000000 1\n",
        "ann admin 00 1\n",
        "ann admin 000000000000000000000000000000000000000000000000000000000000000g 1\n",
        "ann admin 0000000000000000000000000000000000000000000000000000000000000000 1 more\n",
    };
    struct console_tokens list;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char text[512];
        struct err e = {.code = 0};
        snprintf(text, sizeof text, "# a comment\n\n%s", wrong[i]);
        assert_int_equal(console_tokens_parse("/x", text, strlen(text), &list, &e), ERR_BAD_CONFIG);
        assert_non_null(strstr(e.message, "/x:3"));
    }
    const char *twice = "a admin 0000000000000000000000000000000000000000000000000000000000000000 1\n"
                        "a viewer 1111111111111111111111111111111111111111111111111111111111111111 1\n";
    struct err e = {.code = 0};
    assert_int_equal(console_tokens_parse("/x", twice, strlen(twice), &list, &e), ERR_BAD_CONFIG);
    assert_int_equal(console_tokens_parse("/x", "a\0b\n", 4, &list, &e), ERR_BAD_CONFIG);
    assert_int_equal(console_tokens_parse("/x", "", 0, &list, &e), 0);
}

static void test_tokens_read_refuses_a_file_others_may_write(void **state)
{
    struct stage *s = *state;
    struct console_tokens list;
    struct err e = {.code = 0};
    write_file(s->path, "# nobody\n", 0666);
    assert_int_equal(console_tokens_read(s->path, &list, &e), ERR_REFUSED);
    assert_non_null(strstr(e.message, "chmod 600"));
}

static void test_tokens_add_refuses_names_and_doubles(void **state)
{
    struct stage *s = *state;
    char token[CONSOLE_TOKEN_MAX];
    struct err e = {.code = 0};
    assert_int_equal(console_tokens_add(s->path, "viewer", CONSOLE_ADMIN, token, &e), ERR_REFUSED);
    assert_int_equal(console_tokens_add(s->path, "", CONSOLE_ADMIN, token, &e), ERR_BAD_ARGUMENT);
    assert_int_equal(console_tokens_add(s->path, "a b", CONSOLE_ADMIN, token, &e), ERR_BAD_ARGUMENT);
    assert_int_equal(console_tokens_revoke(s->path, "nobody", &e), ERR_NOT_FOUND);
}

static void test_auth_by_token_gives_the_role(void **state)
{
    struct stage *s = *state;
    struct viewer who;
    for (int i = 0; i < CONSOLE_ROLE_COUNT; i++) {
        assert_int_equal(auth_by_token(s->auth, "10.0.0.1", s->tokens[i], NOW, &who), AUTH_OK);
        assert_int_equal(who.role, i);
        assert_false(who.by_cookie);
    }
    assert_int_equal(auth_by_token(s->auth, "10.0.0.1", "", NOW, &who), AUTH_UNKNOWN);
    assert_int_equal(auth_by_token(s->auth, "10.0.0.1", "stint_0", NOW, &who), AUTH_UNKNOWN);
}

static void test_auth_session_ends_when_idle_and_at_logout(void **state)
{
    struct stage *s = *state;
    struct viewer who;
    char secret[AUTH_SECRET_MAX], other[AUTH_SECRET_MAX];
    assert_int_equal(auth_login(s->auth, "a", s->tokens[CONSOLE_OPERATOR], NOW, secret, &who), AUTH_OK);
    assert_int_equal(auth_login(s->auth, "a", s->tokens[CONSOLE_OPERATOR], NOW, other, &who), AUTH_OK);
    assert_string_not_equal(secret, other);
    assert_int_equal(auth_by_session(s->auth, secret, NOW + IDLE_MS - 1, &who), AUTH_OK);
    assert_int_equal(who.role, CONSOLE_OPERATOR);
    assert_int_equal(strlen(who.csrf), AUTH_SECRET_MAX - 1);
    assert_int_equal(auth_by_session(s->auth, secret, NOW + 2 * IDLE_MS - 2, &who), AUTH_OK); /* used, so it goes on */
    assert_int_equal(auth_by_session(s->auth, other, NOW + IDLE_MS, &who), AUTH_UNKNOWN);
    auth_logout(s->auth, secret);
    assert_int_equal(auth_by_session(s->auth, secret, NOW + 2 * IDLE_MS, &who), AUTH_UNKNOWN);
    assert_int_equal(auth_by_session(s->auth, "", NOW, &who), AUTH_UNKNOWN); /* a free place is nobody's session */
}

static void test_auth_session_ends_with_its_token(void **state)
{
    struct stage *s = *state;
    struct viewer who;
    struct err e = {.code = 0};
    char secret[AUTH_SECRET_MAX];
    assert_int_equal(auth_login(s->auth, "a", s->tokens[CONSOLE_ADMIN], NOW, secret, &who), AUTH_OK);
    assert_int_equal(console_tokens_revoke(s->path, "admin", &e), 0);
    assert_int_equal(auth_by_session(s->auth, secret, NOW, &who), AUTH_UNKNOWN);
    assert_int_equal(auth_by_token(s->auth, "b", s->tokens[CONSOLE_ADMIN], NOW, &who), AUTH_UNKNOWN);
    assert_int_equal(auth_by_token(s->auth, "b", s->tokens[CONSOLE_VIEWER], NOW, &who), AUTH_OK);
}

static void test_auth_guessing_is_stopped_for_that_address(void **state)
{
    struct stage *s = *state;
    struct viewer who;
    for (int i = 0; i < AUTH_GUESSES_MAX; i++)
        assert_int_equal(auth_by_token(s->auth, "6.6.6.6", "guess", NOW + 1, &who), AUTH_UNKNOWN);
    assert_int_equal(auth_by_token(s->auth, "6.6.6.6", "guess", NOW + 2, &who), AUTH_TOO_MANY);
    assert_int_equal(auth_by_token(s->auth, "6.6.6.6", s->tokens[0], NOW + 2, &who), AUTH_TOO_MANY);
    assert_int_equal(auth_by_token(s->auth, "10.0.0.1", s->tokens[0], NOW + 2, &who), AUTH_OK);
    assert_int_equal(auth_by_token(s->auth, "6.6.6.6", s->tokens[0], NOW + 1 + AUTH_GUESS_WINDOW_MS, &who), AUTH_OK);
}

static void test_same_bytes(void **state)
{
    (void)state;
    assert_true(console_same_bytes("abc", "abc", 3));
    assert_false(console_same_bytes("abc", "abd", 3));
    assert_false(console_same_bytes("xbc", "abc", 3));
    assert_true(console_same_bytes("", "", 0));
}

/* -- routes -----------------------------------------------------------------------------------------------------------
 */

/* A console whose Redis does not exist: whoever may ask is told 503, whoever may not is told so before. */
static struct console *open_console(struct stage *s, struct conf **ret_conf)
{
    struct err e = {.code = 0};
    struct conf *conf = calloc(1, sizeof *conf);
    struct console *c = calloc(1, sizeof *c);
    char url[128];
    assert_int_equal(conf_load(conf, "", &e), 0);
    snprintf(url, sizeof url, "unix://%s/none.sock", s->dir);
    assert_int_equal(conf_set(conf, "redis.url", url, &e), 0);
    assert_int_equal(conf_set(conf, "metrics.enabled", "no", &e), 0);
    assert_int_equal(conf_set(conf, "console.tokens_file", s->path, &e), 0);
    assert_int_equal(console_open(c, conf, &e), 0);
    *ret_conf = conf;
    return c;
}

static unsigned ask(struct console *c, const struct route *route, struct request r)
{
    struct reply reply = {.status = 0};
    char path[200] = "";
    size_t n = 0;
    for (const char *p = route->path; *p != '\0'; p++) { /* {…} becomes x */
        path[n++] = *p == '{' ? 'x' : *p;
        if (*p == '{')
            p += strcspn(p, "}");
    }
    path[n] = '\0';
    r.method = route->method;
    r.path = path;
    r.address = "10.0.0.9";
    r.now_ms = NOW;
    r.host = "console:9465";
    r.body = strcmp(route->method, "POST") == 0 ? "{}" : "";
    r.body_len = strlen(r.body);
    r.content_type = "application/json";
    routes_answer(c, &r, &reply);
    unsigned status = reply.status;
    assert_true(status >= 200);
    assert_true(reply.json != NULL &&
                (status < 400 || json_integer_value(json_object_get(reply.json, "status")) == (json_int_t)status));
    reply_fini(&reply);
    return status;
}

static void test_routes_give_each_role_its_rights(void **state)
{
    struct stage *s = *state;
    struct conf *conf;
    struct console *c = open_console(s, &conf);
    size_t n, tried = 0;
    const struct route *all = routes_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].access == ROUTE_OPEN)
            continue;
        assert_int_equal(ask(c, &all[i], (struct request){.bearer = NULL}), 401);
        assert_int_equal(ask(c, &all[i], (struct request){.session = "0000"}), 401);
        for (int role = 0; role < CONSOLE_ROLE_COUNT; role++) {
            unsigned status = ask(c, &all[i], (struct request){.bearer = s->tokens[role]});
            bool may = role + 1 >= (int)all[i].access;
            if (may)
                assert_true(status != 401 && status != 403);
            else
                assert_int_equal(status, 403);
            tried++;
        }
    }
    assert_true(tried >= 60);
    console_close(c);
    free(c);
    free(conf);
}

static void test_routes_changes_by_a_browser_need_the_header(void **state)
{
    struct stage *s = *state;
    struct conf *conf;
    struct console *c = open_console(s, &conf);
    struct viewer who;
    char secret[AUTH_SECRET_MAX], wrong[AUTH_SECRET_MAX];
    size_t n, tried = 0;
    const struct route *all = routes_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].method, "GET") == 0 || all[i].access == ROUTE_OPEN)
            continue;
        assert_int_equal(auth_login(c->auth, "a", s->tokens[CONSOLE_ADMIN], NOW, secret, &who), AUTH_OK);
        memset(wrong, '0', sizeof wrong - 1);
        wrong[sizeof wrong - 1] = '\0';
        assert_int_equal(ask(c, &all[i], (struct request){.session = secret}), 403);
        assert_int_equal(ask(c, &all[i], (struct request){.session = secret, .csrf = wrong}), 403);
        assert_int_equal(ask(c, &all[i], (struct request){.session = secret, .csrf = ""}), 403);
        assert_int_equal(
            ask(c, &all[i], (struct request){.session = secret, .csrf = who.csrf, .origin = "https://evil.example"}),
            403);
        assert_int_equal(ask(c, &all[i], (struct request){.session = secret, .csrf = who.csrf, .origin = "null"}), 403);
        assert_int_not_equal(
            ask(c, &all[i], (struct request){.session = secret, .csrf = who.csrf, .origin = "https://console:9465"}),
            403);
        tried++;
    }
    assert_true(tried >= 10);
    console_close(c);
    free(c);
    free(conf);
}

static void test_routes_unknown_paths_and_methods(void **state)
{
    struct stage *s = *state;
    struct conf *conf;
    struct console *c = open_console(s, &conf);
    static const struct {
        const char *method, *path;
        unsigned status;
    } cases[] = {
        {"GET", "/nothing", 404},
        {"GET", "/api/v1/nothing", 404},
        {"GET", "/api/v1/queues/", 404},
        {"POST", "/api/v1/overview", 405},
        {"DELETE", "/api/v1/queues/q", 405},
        {"POST", "/", 404},
        {"GET", "/api/v1/queues/a/b", 404},
        {"GET", "/../etc/passwd", 404},
        {"GET", "/", 200},
        {"GET", "/app.js", 200},
        {"GET", "/console.tokens", 404},
        {"GET", "//app.js", 404},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reply reply = {.status = 0};
        struct request r = {
            .method = cases[i].method, .path = cases[i].path, .address = "a", .body = "", .now_ms = NOW};
        routes_answer(c, &r, &reply);
        assert_int_equal(reply.status, cases[i].status);
        if (cases[i].status == 405)
            assert_true(strlen(reply.allow) > 0);
        reply_fini(&reply);
    }
    console_close(c);
    free(c);
    free(conf);
}

static void test_console_open_refuses_strangers_without_tokens(void **state)
{
    struct stage *s = *state;
    struct err e = {.code = 0};
    struct conf *conf = calloc(1, sizeof *conf);
    struct console c = {.conf = NULL};
    assert_int_equal(conf_load(conf, "", &e), 0);
    write_file(s->path, "# nobody\n", 0600);
    assert_int_equal(conf_set(conf, "console.tokens_file", s->path, &e), 0);
    assert_int_equal(conf_set(conf, "console.listen", "0.0.0.0", &e), 0);
    assert_int_equal(console_open(&c, conf, &e), ERR_REFUSED);
    assert_non_null(strstr(e.message, "stint console token add"));
    console_close(&c);
    free(conf);
}

static void test_routes_are_documented(void **state)
{
    (void)state;
    const char *source = getenv("STINT_SOURCE");
    char path[512], wanted[160];
    static char text[65536];
    size_t n;
    if (source == NULL)
        skip();
    snprintf(path, sizeof path, "%s/docs/console-api.md", source);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    const struct route *all = routes_all(&n);
    for (size_t i = 0; i < n; i++) {
        snprintf(wanted, sizeof wanted, "`%s %s`", all[i].method, all[i].path);
        if (strstr(text, wanted) == NULL)
            fail_msg("docs/console-api.md does not say %s", wanted);
        for (const char *p = all[i].allowed; *p != '\0'; p += strspn(p, " ")) {
            size_t len = strcspn(p, " ");
            snprintf(wanted, sizeof wanted, "`%.*s`", (int)len, p);
            if (strstr(text, wanted) == NULL)
                fail_msg("docs/console-api.md does not say %s of %s", wanted, all[i].path);
            p += len;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens_file_holds_no_token, set_up, tear_down),
        cmocka_unit_test(test_tokens_parse_names_the_line_that_is_wrong),
        cmocka_unit_test_setup_teardown(test_tokens_read_refuses_a_file_others_may_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tokens_add_refuses_names_and_doubles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_auth_by_token_gives_the_role, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_auth_session_ends_when_idle_and_at_logout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_auth_session_ends_with_its_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_auth_guessing_is_stopped_for_that_address, set_up, tear_down),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test_setup_teardown(test_routes_give_each_role_its_rights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_routes_changes_by_a_browser_need_the_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_routes_unknown_paths_and_methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_console_open_refuses_strangers_without_tokens, set_up, tear_down),
        cmocka_unit_test(test_routes_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
