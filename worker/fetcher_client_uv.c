/*
 * fetcher_client_uv - see fetcher_client_uv.h. Passes on no secret but the one URL, and never in arguments, environment or log.
 */
#include "fetcher_client_uv.h"

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "spawn.h"
#include <fcntl.h>
#include <signal.h>
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
    uv_poll_t *poll; /* heap: outlives a process until its close callback */
    int fd;          /* -1: no process */
    pid_t pid;
    uint64_t last_id, start_after_ms;
    uint32_t deaths;                            /* since a report came last */
    char boot_error[FETCHER_TEXT_MAX];          /* its own words, when it could not start */
    struct fetcher_job jobs[FETCHER_TRANSFERS_MAX];
};

static void client_on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Ends the process, if any is left; waitpid's status. */
static int client_drop(struct fetcher_client *c)
{
    int status = 0;
    if (c->poll != NULL) {
        (void)uv_poll_stop(c->poll);
        uv_close((uv_handle_t *)c->poll, client_on_poll_closed);
        c->poll = NULL;
    }
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == 0) { /* its own end first, if it has come */
        (void)kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    c->pid = 0;
    return status;
}

static void client_end(struct fetcher_job *job, const struct fetcher_answer *answer)
{
    struct fetcher_job done = *job;
    *job = (struct fetcher_job){0};
    done.on_done(done.arg, answer);
}

static void client_lost(struct fetcher_client *c)
{
    struct fetcher_answer answer = {.code = ERR_SOURCE_UNAVAILABLE};
    int status = client_drop(c);
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
    ssize_t n = recv(c->fd, &report, sizeof report, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !fetcher_answer_read(&report, (size_t)n, &answer))
        client_lost(c);
    else
        client_report(c, &report, &answer);
}

static int client_spawn(struct fetcher_client *c, struct err *e)
{
    char path[4096];
    int pair[2];
    struct err why = {0};
    if (spawn_find_program("stint-fetch", path, sizeof path, &why) < 0)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "the document cannot be fetched: %.900s", why.message);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_is_descriptors(errno) ? err_set_descriptors(e, errno, "no socket for stint-fetch")
                                         : err_set(e, ERR_SOURCE_UNAVAILABLE, "no socket for stint-fetch: %s", err_text(-errno));
    char *const argv[] = {path, NULL};
    char *const envp[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C.UTF-8"}, NULL};
    const int fds[] = {-1, -1, STDERR_FILENO, pair[1]};
    const struct limits limits = {.core_bytes_set = 1, .no_new_privs = true, .files = CLIENT_FILES,
                                  .file_size_bytes = (uint64_t)c->conf->max_bytes,
                                  .address_space_bytes = (uint64_t)CONF_MIB(CLIENT_ADDRESS_SPACE_MIB)};
    struct spawn spawn = {.path = path, .argv = argv, .envp = envp, .fds = fds, .n_fds = ARRAY_LEN(fds), .limits = &limits};
    int rc = spawn_exec(&spawn, &c->pid, &why);
    (void)close(pair[1]);
    if (rc < 0) {
        (void)close(pair[0]);
        if (err_is_descriptors(-why.code))
            return err_set_descriptors(e, -why.code, "no pipe for stint-fetch");
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "the document cannot be fetched: %.900s", why.message);
    }
    c->fd = pair[0];
    return 0;
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
    return send(c->fd, &policy, sizeof policy, MSG_NOSIGNAL) == (ssize_t)sizeof policy ? 0 : -errno;
}

static int client_start(struct fetcher_client *c, struct err *e)
{
    uint64_t now = clock_mono_ms();
    if (now < c->start_after_ms)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "the document cannot be fetched now: stint-fetch died and is started again in %llu ms%s%.300s",
                       (unsigned long long)(c->start_after_ms - now), c->boot_error[0] != '\0' ? ": " : "", c->boot_error);
    c->boot_error[0] = '\0';
    int rc = client_spawn(c, e);
    if (rc < 0)
        return rc;
    (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->poll = alloc_zero(1, sizeof *c->poll);
    c->poll->data = c;
    rc = uv_poll_init(c->loop, c->poll, c->fd);
    if (rc == 0)
        rc = uv_poll_start(c->poll, UV_READABLE, client_on_poll);
    if (rc == 0)
        rc = client_send_policy(c);
    if (rc < 0) {
        (void)client_drop(c);
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "stint-fetch cannot be talked to: %s", err_text(rc));
    }
    return 0;
}

static int client_send(struct fetcher_client *c, const struct fetcher_request *request, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec io = {(void *)(uintptr_t)request, sizeof *request};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    return n == (ssize_t)sizeof *request ? 0 : -errno;
}

struct fetcher_client *fetcher_client_new(uv_loop_t *loop, const struct conf_pdf *conf)
{
    struct fetcher_client *c = alloc_zero(1, sizeof *c);
    c->loop = loop;
    c->conf = conf;
    c->fd = -1;
    return c;
}

void fetcher_client_close(struct fetcher_client *c)
{
    if (c == NULL)
        return;
    (void)client_drop(c);
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
    int rc = c->fd < 0 ? client_start(c, e) : 0;
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
    if (c->fd >= 0)
        (void)client_send(c, &request, -1);
}

int64_t fetcher_client_pause_ms(const struct fetcher_client *c)
{
    uint64_t now = clock_mono_ms();
    return c->start_after_ms > now ? (int64_t)(c->start_after_ms - now) : 0;
}

int fetcher_client_pid(const struct fetcher_client *c)
{
    return (int)c->pid;
}
