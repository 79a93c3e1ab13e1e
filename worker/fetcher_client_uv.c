/*
 * fetcher_client_uv - see fetcher_client_uv.h. Passes on no secret but the one URL, and never in arguments, environment or log.
 */
#include "fetcher_client_uv.h"

#include "alloc.h"
#include "clock.h"
#include "companion_uv.h"
#include "log.h"
#include "packet.h"
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { CLIENT_FILES = 64, CLIENT_ADDRESS_SPACE_MIB = 1024 };

struct fetcher_job {
    uint64_t id; /* 0: free */
    fetcher_done_fn on_done;
    void *arg;
};

struct fetcher_client {
    uv_loop_t *loop;
    const struct conf_pdf *conf;
    struct companion process;
    uint64_t last_id, start_after_ms;
    uint32_t deaths;                            /* since a report came last */
    char boot_error[FETCHER_TEXT_MAX];          /* its own words, when it could not start */
    struct fetcher_job jobs[FETCHER_TRANSFERS_MAX];
};

static void client_end(struct fetcher_job *job, const struct fetcher_answer *answer)
{
    struct fetcher_job done = *job;
    *job = (struct fetcher_job){0};
    done.on_done(done.arg, answer);
}

static void client_lost(struct fetcher_client *c)
{
    struct fetcher_answer answer = {.code = ERR_SOURCE_UNAVAILABLE};
    int status = companion_end(&c->process);
    bool held = false;
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        held = held || c->jobs[i].id != 0;
    if (!held && c->boot_error[0] == '\0') { /* with nothing in hand it may go, as it does when the network's names changed */
        log_info("stint-fetch ended with nothing in hand; the next document starts it again", KV_I("status", status));
        return;
    }
    /* One death is bad luck; those that follow without a document between them wait. */
    uint64_t pause_ms = c->deaths == 0 ? 0 : MIN_OF((uint64_t)FETCHER_PAUSE_FIRST_MS << MIN_OF(c->deaths - 1, 16u), (uint64_t)FETCHER_PAUSE_MAX_MS);
    c->deaths++;
    c->start_after_ms = clock_mono_ms() + pause_ms;
    answer.retry_after_ms = (int64_t)pause_ms;
    if (c->boot_error[0] != '\0')
        (void)err_set(&answer.e, answer.code, "the document cannot be fetched: stint-fetch does not start: %.300s", c->boot_error);
    else
        (void)err_set(&answer.e, answer.code, "the document could not be fetched: stint-fetch died (%s %d); it is started again",
                      WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    log_error("stint-fetch is gone", KV_S("why", answer.e.message), KV_I("pause_ms", pause_ms));
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        if (c->jobs[i].id != 0)
            client_end(&c->jobs[i], &answer);
}

static void client_report(struct fetcher_client *c, const struct fetcher_report *report, const struct fetcher_answer *answer)
{
    if (report->type == FETCHER_BOOT_FAILED) {
        (void)snprintf(c->boot_error, sizeof c->boot_error, "%.*s", (int)sizeof c->boot_error - 1,
                       answer->e.message[0] != '\0' ? answer->e.message : "it does not say why");
        return;
    }
    if (report->type != FETCHER_REPORT)
        return;
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        if (c->jobs[i].id == report->id && report->id != 0) {
            c->deaths = 0;
            client_end(&c->jobs[i], answer);
            return;
        }
}

static void client_on_poll(uv_poll_t *poll, int status, int events)
{
    struct fetcher_client *c = poll->data;
    struct fetcher_report report;
    struct fetcher_answer answer;
    (void)status;
    (void)events;
    ssize_t n = recv(c->process.fd, &report, sizeof report, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !fetcher_answer_read(&report, (size_t)n, &answer))
        client_lost(c);
    else
        client_report(c, &report, &answer);
}

static int client_send_policy(struct fetcher_client *c)
{
    const struct conf_pdf *p = c->conf;
    struct fetcher_policy policy = {
        .magic = FETCHER_MAGIC,
        .type = FETCHER_POLICY,
        .mode = strcmp(p->url, "public") == 0 ? FETCHER_PUBLIC : strcmp(p->url, "list") == 0 ? FETCHER_LIST : FETCHER_OFF,
        .plain_http = p->url_http != 0,
        .redirects = (uint32_t)p->url_redirects,
        .connect_ms = (uint32_t)p->url_connect_timeout,
        .stall_ms = (uint32_t)p->url_stall,
    };
    (void)snprintf(policy.allow, sizeof policy.allow, "%s", p->url_allow);
    (void)snprintf(policy.ports, sizeof policy.ports, "%s", p->url_ports);
    (void)snprintf(policy.ranges, sizeof policy.ranges, "%s", p->url_private_ranges);
    (void)snprintf(policy.ca_file, sizeof policy.ca_file, "%s", p->url_ca_file);
    return packet_send(c->process.fd, &policy, sizeof policy, NULL, 0);
}

static int client_start(struct fetcher_client *c, struct err *e)
{
    uint64_t now = clock_mono_ms();
    if (now < c->start_after_ms)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "the document cannot be fetched now: stint-fetch died and is started again in %llu ms%s%.300s",
                       (unsigned long long)(c->start_after_ms - now), c->boot_error[0] != '\0' ? ": " : "", c->boot_error);
    c->boot_error[0] = '\0';
    const struct limits limits = {.core_bytes_set = 1, .no_new_privs = true, .files = CLIENT_FILES,
                                  .file_size_bytes = (uint64_t)c->conf->max_bytes,
                                  .address_space_bytes = (uint64_t)CONF_MIB(CLIENT_ADDRESS_SPACE_MIB)};
    const struct companion_program program = {"stint-fetch", NULL, &limits, ERR_SOURCE_UNAVAILABLE};
    struct err why = {0};
    int rc = companion_start(&c->process, c->loop, &program, client_on_poll, c, &why);
    if (rc < 0)
        return rc == ERR_NO_DESCRIPTORS ? err_set(e, rc, "%s", why.message)
                                        : err_set(e, rc, "the document cannot be fetched: %.900s", why.message);
    rc = client_send_policy(c);
    if (rc == 0)
        return 0;
    (void)companion_end(&c->process);
    return err_set(e, ERR_SOURCE_UNAVAILABLE, "stint-fetch cannot be talked to: %s", err_text(rc));
}

static int client_send(const struct fetcher_client *c, const struct fetcher_request *request, int fd)
{
    return packet_send(c->process.fd, request, sizeof *request, &fd, fd >= 0 ? 1 : 0);
}

struct fetcher_client *fetcher_client_new(uv_loop_t *loop, const struct conf_pdf *conf)
{
    struct fetcher_client *c = alloc_zero(1, sizeof *c);
    c->loop = loop;
    c->conf = conf;
    c->process = COMPANION_NONE;
    return c;
}

void fetcher_client_close(struct fetcher_client *c)
{
    if (c == NULL)
        return;
    (void)companion_end(&c->process);
    free(c);
}

int fetcher_client_get(struct fetcher_client *c, const struct fetcher_wish *wish, fetcher_done_fn on_done, void *arg, uint64_t *ret_id,
                       struct err *e)
{
    struct fetcher_job *job = NULL;
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX && job == NULL; i++)
        if (c->jobs[i].id == 0)
            job = &c->jobs[i];
    if (job == NULL)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "%d documents are being fetched already", FETCHER_TRANSFERS_MAX);
    if (strlen(wish->url) >= FETCHER_URL_MAX)
        return err_set(e, ERR_BAD_PAYLOAD, "the source's URL is longer than %d bytes", FETCHER_URL_MAX - 1);
    int rc = c->process.fd < 0 ? client_start(c, e) : 0;
    if (rc < 0)
        return rc;
    struct fetcher_request request = {.magic = FETCHER_MAGIC, .type = FETCHER_GET, .id = ++c->last_id, .max_bytes = wish->max_bytes,
                                      .size = wish->size, .timeout_ms = wish->timeout_ms, .configured = wish->configured};
    memcpy(request.url, wish->url, strlen(wish->url) + 1);
    rc = client_send(c, &request, wish->fd);
    if (rc < 0) { /* it died since it was last heard of: once more with a new one */
        client_lost(c);
        c->start_after_ms = 0;
        rc = client_start(c, e);
        if (rc == 0 && client_send(c, &request, wish->fd) < 0)
            rc = err_set(e, ERR_SOURCE_UNAVAILABLE, "stint-fetch does not take requests");
    }
    explicit_bzero(request.url, sizeof request.url);
    if (rc < 0)
        return rc;
    *job = (struct fetcher_job){request.id, on_done, arg};
    *ret_id = request.id;
    return 0;
}

void fetcher_client_cancel(struct fetcher_client *c, uint64_t id)
{
    struct fetcher_request request = {.magic = FETCHER_MAGIC, .type = FETCHER_CANCEL, .id = id};
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        if (c->jobs[i].id == id)
            c->jobs[i] = (struct fetcher_job){0};
    if (c->process.fd >= 0)
        (void)client_send(c, &request, -1);
}

int64_t fetcher_client_pause_ms(const struct fetcher_client *c)
{
    uint64_t now = clock_mono_ms();
    return c->start_after_ms > now ? (int64_t)(c->start_after_ms - now) : 0;
}

int fetcher_client_pid(const struct fetcher_client *c)
{
    return (int)c->process.pid;
}
