/*
 * parser_client_uv - see parser_client_uv.h. Believes the zygote's reports and nothing that a cell wrote before it was checked.
 */
#include "parser_client_uv.h"

#include "alloc.h"
#include "clock.h"
#include "companion_uv.h"
#include "killpoint.h"
#include "log.h"
#include "packet.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

struct parser_job {
    uint64_t id; /* 0: free */
    int reply_fd, document_fd;
    struct parser_request request; /* with its document: sent again when the cell died before it took them */
    bool again;                    /* it was */
    parser_done_fn on_done;
    void *arg;
};

struct parser_client {
    uv_loop_t *loop;
    struct companion zygote;
    uint64_t last_id;
    bool ready;                     /* this zygote said READY */
    char layouts[512];              /* folder of layouts, "": none */
    char digest[65];                /* of the layouts it knows */
    char walls[PARSER_TEXT_MAX];      /* which of them hold, as the first zygote said */
    char identity[PARSER_IDENTITY_MAX]; /* which parser it is, as the last zygote said */
    char boot_error[PARSER_TEXT_MAX]; /* its own words, when it could not start */
    struct parser_job jobs[PARSER_CELLS_MAX];
};

static void client_on_poll(uv_poll_t *poll, int status, int events);

static void client_end(struct parser_client *c, struct parser_job *job, struct parser_outcome *outcome)
{
    int reply_fd = job->reply_fd;
    parser_done_fn on_done = job->on_done;
    void *arg = job->arg;
    (void)c;
    if (job->document_fd >= 0)
        (void)close(job->document_fd);
    explicit_bzero(job, sizeof *job); /* its password with it */
    job->reply_fd = job->document_fd = -1;
    on_done(arg, outcome);
    (void)close(reply_fd);
    json_decref(outcome->reply);
}

/* One report without blocking. 1: got one; 0: none there; -1: the zygote is gone. */
static int client_receive(struct parser_client *c, struct parser_report *report)
{
    ssize_t n = recv(c->zygote.fd, report, sizeof *report, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    report->text[sizeof report->text - 1] = '\0';
    report->layouts[sizeof report->layouts - 1] = '\0';
    report->identity[sizeof report->identity - 1] = '\0';
    return n == (ssize_t)sizeof *report && report->magic == PARSER_MAGIC ? 1 : -1;
}

static void client_ready(struct parser_client *c, const struct parser_report *report)
{
    c->ready = true;
    (void)snprintf(c->digest, sizeof c->digest, "%.64s", report->layouts);
    (void)snprintf(c->walls, sizeof c->walls, "%s", report->text);
    (void)snprintf(c->identity, sizeof c->identity, "%s", report->identity);
}

/* What a report says about the zygote's start, if that is what it is about. */
static void client_boot_report(struct parser_client *c, const struct parser_report *report)
{
    if (report->type == PARSER_READY)
        client_ready(c, report);
    if (report->type == PARSER_BOOT_FAILED) {
        (void)snprintf(c->boot_error, sizeof c->boot_error, "%s", report->text);
        log_error("the parser cannot start", KV_S("why", report->text));
    }
}

static int client_boot_failed(const struct parser_client *c, struct err *e)
{
    return err_set(e, ERR_BOOT_FAILURE, "the parser does not start: %.300s",
                   c->boot_error[0] != '\0' ? c->boot_error : "it ended before it was ready; run it under strace to see why");
}

/* What a zygote that is gone still said about its start. A request that it left unread makes the socket fail once before it gives that up. */
static void client_last_words(struct parser_client *c)
{
    struct parser_report report;
    for (int i = 0, got = 1; got != 0 && i < 2 + PARSER_CELLS_MAX; i++) {
        got = client_receive(c, &report);
        if (got > 0)
            client_boot_report(c, &report);
    }
}

/* What a lost zygote means for its documents: it died, or it never came up. */
static void client_lost_outcome(const struct parser_client *c, int wait_status, struct parser_outcome *o)
{
    *o = (struct parser_outcome){.exit_status = -1, .page_fd = -1};
    if (WIFEXITED(wait_status))
        o->exit_status = WEXITSTATUS(wait_status);
    else if (WIFSIGNALED(wait_status))
        o->signal = parser_signal_name(WTERMSIG(wait_status));
    if (c->ready) {
        if (o->signal != NULL)
            (void)snprintf(o->cause, sizeof o->cause, "signal:%s", o->signal);
        o->code = err_set(&o->e, ERR_CRASH, "the parser died with this document in hand");
        return;
    }
    (void)snprintf(o->cause, sizeof o->cause, "boot_failure");
    o->code = client_boot_failed(c, &o->e);
}

static void client_lost(struct parser_client *c)
{
    struct parser_outcome lost;
    client_last_words(c);
    client_lost_outcome(c, companion_end(&c->zygote), &lost);
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++)
        if (c->jobs[i].id != 0) {
            struct parser_outcome outcome = lost;
            client_end(c, &c->jobs[i], &outcome);
        }
}

static int client_start(struct parser_client *c, struct err *e)
{
    char *const options[] = {c->layouts[0] != '\0' ? (char[]){"--layouts"} : NULL, c->layouts, NULL};
    const struct limits limits = {.core_bytes_set = 1, .no_new_privs = true};
    const struct companion_program program = {"stint-parser", options, &limits, ERR_BOOT_FAILURE};
    c->ready = false;
    c->boot_error[0] = '\0';
    return companion_start(&c->zygote, c->loop, &program, client_on_poll, c, e);
}

const char *parser_client_identity(const struct parser_client *c)
{
    return c->identity;
}

static int client_send(const struct parser_client *c, const struct parser_request *request, const int fds[PARSER_FDS])
{
    return packet_send(c->zygote.fd, request, sizeof *request, fds, fds != NULL ? PARSER_FDS : 0);
}

/* Hands a document over once more that a cell did not live to read. False when it had its second chance, or cannot be sent. */
static bool client_again(struct parser_client *c, struct parser_job *job, const struct parser_report *report)
{
    const int fds[PARSER_FDS] = {job->document_fd, job->reply_fd};
    if (!report->unread || report->cancelled || report->timed_out || job->again || job->document_fd < 0)
        return false;
    job->again = true;
    return client_send(c, &job->request, fds) == 0;
}

static void client_report(struct parser_client *c, const struct parser_report *report)
{
    client_boot_report(c, report);
    if (report->type != PARSER_REPORT)
        return;
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++)
        if (c->jobs[i].id == report->id && report->id != 0) {
            struct parser_outcome outcome;
            if (client_again(c, &c->jobs[i], report))
                return;
            parser_outcome_read(&outcome, report, c->jobs[i].reply_fd, c->jobs[i].request.reply_bytes);
            client_end(c, &c->jobs[i], &outcome);
            return;
        }
}

static void client_on_poll(uv_poll_t *poll, int status, int events)
{
    struct parser_client *c = poll->data;
    struct parser_report report;
    (void)status;
    (void)events;
    int got = client_receive(c, &report);
    if (got > 0)
        client_report(c, &report);
    else if (got < 0)
        client_lost(c);
}

static int client_wait_ready(struct parser_client *c, struct err *e)
{
    uint64_t deadline = clock_mono_ms() + PARSER_CLIENT_BOOT_MS;
    for (uint64_t now; (now = clock_mono_ms()) < deadline;) {
        struct pollfd p = {.fd = c->zygote.fd, .events = POLLIN};
        struct parser_report report;
        if (poll(&p, 1, (int)(deadline - now)) <= 0)
            continue;
        int got = client_receive(c, &report);
        if (got > 0 && report.type == PARSER_READY) {
            client_ready(c, &report);
            return 0;
        }
        if (got > 0)
            return err_set(e, ERR_BOOT_FAILURE, "%s", report.text);
        if (got < 0)
            return err_set(e, ERR_BOOT_FAILURE, "stint-parser died before it was ready; run it under strace to see why");
    }
    return err_set(e, ERR_BOOT_FAILURE, "stint-parser was not ready after %d ms", PARSER_CLIENT_BOOT_MS);
}

const char *parser_client_layouts(const struct parser_client *c)
{
    return c->digest;
}

int parser_client_new(uv_loop_t *loop, const char *layouts, struct parser_client **ret_client, struct err *e)
{
    struct parser_client *c = alloc_zero(1, sizeof *c);
    (void)snprintf(c->layouts, sizeof c->layouts, "%s", layouts);
    c->loop = loop;
    c->zygote = COMPANION_NONE;
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++)
        c->jobs[i].reply_fd = c->jobs[i].document_fd = -1;
    int rc = client_start(c, e);
    if (rc == 0)
        rc = client_wait_ready(c, e);
    if (rc < 0) {
        (void)companion_end(&c->zygote);
        free(c);
        return rc;
    }
    *ret_client = c;
    return 0;
}

void parser_client_close(struct parser_client *c)
{
    if (c == NULL)
        return;
    (void)companion_end(&c->zygote);
    for (size_t i = 0; i < PARSER_CELLS_MAX; i++)
        if (c->jobs[i].id != 0) {
            (void)close(c->jobs[i].reply_fd);
            if (c->jobs[i].document_fd >= 0)
                (void)close(c->jobs[i].document_fd);
        }
    explicit_bzero(c->jobs, sizeof c->jobs);
    free(c);
}

int parser_client_parse(struct parser_client *c, struct parser_request *request, int document_fd, parser_done_fn on_done, void *arg,
                        uint64_t *ret_id, struct err *e)
{
    struct parser_job *job = NULL;
    for (size_t i = 0; i < PARSER_CELLS_MAX && job == NULL; i++)
        if (c->jobs[i].id == 0)
            job = &c->jobs[i];
    if (job == NULL)
        return err_set(e, ERR_TIMED_OUT, "the parser has %d documents in hand already", PARSER_CELLS_MAX);
    int rc = c->zygote.fd < 0 ? client_start(c, e) : 0;
    if (rc < 0)
        return rc;
    int reply_fd = parser_outcome_file(request->reply_bytes);
    if (reply_fd < 0 && err_is_descriptors(-reply_fd))
        return err_set_descriptors(e, -reply_fd, "no memory file for the parser's reply");
    if (reply_fd < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory file for the parser's reply: %s", err_text(reply_fd));
    request->magic = PARSER_MAGIC;
    request->type = PARSER_PARSE;
    request->id = ++c->last_id;
    const int fds[PARSER_FDS] = {document_fd, reply_fd};
    rc = client_send(c, request, fds);
    if (rc < 0) { /* it died since it was last heard of: once more with a new one */
        client_lost(c);
        rc = client_start(c, e);
        if (rc == 0 && client_send(c, request, fds) < 0) { /* so is the new one: it ended faster than it could be told */
            client_last_words(c);
            (void)companion_end(&c->zygote);
            rc = client_boot_failed(c, e);
        }
    }
    if (rc < 0) {
        (void)close(reply_fd);
        return rc;
    }
    *job = (struct parser_job){.id = request->id, .reply_fd = reply_fd, .document_fd = fcntl(document_fd, F_DUPFD_CLOEXEC, 0), .request = *request,
                               .on_done = on_done, .arg = arg};
    KILL_POINT("pdf_parsing");
    *ret_id = request->id;
    return 0;
}

void parser_client_cancel(struct parser_client *c, uint64_t id)
{
    struct parser_request request = {.magic = PARSER_MAGIC, .type = PARSER_CANCEL, .id = id};
    if (c->zygote.fd >= 0)
        (void)client_send(c, &request, NULL);
}

const char *parser_client_walls(const struct parser_client *c)
{
    return c->walls;
}

int parser_client_pid(const struct parser_client *c)
{
    return (int)c->zygote.pid;
}
