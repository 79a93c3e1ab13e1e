/*
 * source_bench - a worker's PDF sources without a worker: one input at a time, driven to its end; and web servers that misbehave (sources/bad_server.py).
 *
 * Runs in: tests. Blocks, with a deadline.
 */
#pragma once

#include "clock.h"
#include "pdf_source.h"
#include "pdf_source_uv.h"
#include "spawn.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { DEADLINE_MS = 60000 };

static UNUSED size_t tried; /* inputs asked for */

/* A worker's PDF sources, without a worker. */
struct bench {
    uv_loop_t loop;
    struct conf *conf;
    struct worker_ctx ctx;
    struct pdf_sources sources;
};

struct outcome {
    bool done;
    int rc;
    struct err e;
    int64_t retry_after_ms;
    struct pdf_input input;
};

/* settings: "key = value" of [pdf], NULL-terminated. */
static UNUSED void open_bench(struct bench *b, const char *const settings[])
{
    struct err e = {0};
    *b = (struct bench){.conf = calloc(1, sizeof *b->conf)};
    assert_int_equal(uv_loop_init(&b->loop), 0);
    assert_int_equal(conf_load(b->conf, "", &e), 0);
    for (size_t i = 0; settings[i] != NULL; i += 2)
        if (conf_set(b->conf, settings[i], settings[i + 1], &e) < 0)
            fail_msg("%s", e.message);
    if (conf_check(b->conf, &e) < 0)
        fail_msg("%s", e.message);
    b->ctx = (struct worker_ctx){.loop = &b->loop, .conf = b->conf};
    pdf_sources_init(&b->sources, &b->ctx);
}

static UNUSED void close_bench(struct bench *b)
{
    pdf_sources_fini(&b->sources);
    (void)uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b->conf);
}

static UNUSED void on_done(void *arg, int rc, const struct err *e, int64_t retry_after_ms)
{
    struct outcome *o = arg;
    assert_false(o->done);
    o->done = true;
    o->rc = rc;
    o->retry_after_ms = retry_after_ms;
    if (rc < 0)
        o->e = *e;
}

/* One job's input. payload: its JSON. */
static UNUSED void get(struct bench *b, const char *payload, struct outcome *o)
{
    struct pdf_request r;
    struct pdf_get g;
    struct err e = {0};
    uint64_t deadline = clock_mono_ms() + DEADLINE_MS;
    *o = (struct outcome){.input.fd = -1};
    if (pdf_request_read(&r, payload, strlen(payload), &b->conf->pdf, &e) < 0)
        fail_msg("%s", e.message);
    tried++;
    pdf_source_get(&g, &b->sources, &r, deadline, &o->input, on_done, o);
    while (!o->done && clock_mono_ms() < deadline)
        (void)uv_run(&b->loop, UV_RUN_ONCE);
    assert_true(o->done);
    pdf_request_free(&r);
}

static UNUSED char folder[64];
static UNUSED pid_t server_pid;
static UNUSED int server_in = -1;
static UNUSED json_t *ports;

static UNUSED int port(const char *name)
{
    return (int)json_integer_value(json_object_get(ports, name));
}

static UNUSED int start_server(void **state)
{
    int in[2], out[2];
    char script[512], line[512];
    struct err e = {0};
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/stint-fetch-XXXXXX");
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        return -1;
    (void)snprintf(script, sizeof script, "%s/tests/support/sources/bad_server.py", getenv("STINT_SOURCE"));
    char *const argv[] = {(char[]){"python3"}, script, folder, NULL};
    const int fds[] = {in[0], out[1], STDERR_FILENO};
    const struct limits limits = {.parent_death_signal = SIGKILL};
    struct spawn spawn = {.path = "/usr/bin/python3", .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds), .limits = &limits};
    if (spawn_exec(&spawn, &server_pid, &e) < 0) {
        print_error("%s\n", e.message);
        return -1;
    }
    (void)close(in[0]);
    (void)close(out[1]);
    server_in = in[1];
    FILE *said = fdopen(out[0], "r");
    if (said == NULL || fgets(line, sizeof line, said) == NULL)
        return -1;
    (void)fclose(said);
    ports = json_loads(line, 0, NULL);
    (void)snprintf(script, sizeof script, "%s/bin:%s", getenv("STINT_BUILD"), getenv("PATH"));
    (void)setenv("PATH", script, 1);
    (void)setenv("http_proxy", "http://127.0.0.1:1/", 1); /* must not be taken */
    return ports != NULL ? 0 : -1;
}

static UNUSED int stop_server(void **state)
{
    char command[128];
    (void)state;
    if (server_in >= 0)
        (void)close(server_in);
    if (server_pid > 0)
        (void)waitpid(server_pid, NULL, 0);
    json_decref(ports);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    print_message("# %zu fetches tried\n", tried);
    return system(command) == 0 && tried > 0 ? 0 : -1;
}

