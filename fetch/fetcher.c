/*
 * fetcher - see fetcher.h. Knows no secret but the URLs in hand and keeps nothing after a transfer. Refuses more than
 * FETCHER_TRANSFERS_MAX at once.
 */
#include "fetcher.h"

#include "packet.h"
#include "transfer.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { FETCHER_CONNECTIONS_MAX = 16, FETCHER_POLL_MS = 60000 };

struct fetcher {
    int fd;
    const struct fetcher_policy *policy;
    CURLM *multi;
    struct transfer transfers[FETCHER_TRANSFERS_MAX];
};

static void fetcher_send(int fd, enum fetcher_type type, struct fetcher_report *report)
{
    report->magic = FETCHER_MAGIC;
    report->type = type;
    while (send(fd, report, sizeof *report, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

void fetcher_boot_failed(int fd, const char *why)
{
    struct fetcher_report report = {.code = ERR_SOURCE_UNAVAILABLE};
    (void)snprintf(report.text, sizeof report.text, "%.*s", FETCHER_TEXT_MAX - 1, why);
    fetcher_send(fd, FETCHER_BOOT_FAILED, &report);
}

int fetcher_policy_read(int fd, struct fetcher_policy *ret, struct err *e)
{
    ssize_t n;
    do
        n = recv(fd, ret, sizeof *ret, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *ret || ret->magic != FETCHER_MAGIC || ret->type != FETCHER_POLICY)
        return err_set(e, ERR_PROTOCOL, "fetch: the first packet is no policy; were stint-worker and stint-fetch installed together?");
    char *const texts[] = {ret->allow, ret->ports, ret->ranges, ret->ca_file};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        texts[i][FETCHER_LIST_MAX - 1] = '\0';
    return 0;
}

static void fetcher_refuse(struct fetcher *f, uint64_t id, const struct err *why)
{
    struct fetcher_report report = {.id = id, .code = why->code};
    (void)snprintf(report.text, sizeof report.text, "%.*s", FETCHER_TEXT_MAX - 1, why->message);
    fetcher_send(f->fd, FETCHER_REPORT, &report);
}

static struct transfer *fetcher_find(struct fetcher *f, uint64_t id)
{
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        if (f->transfers[i].id == id)
            return &f->transfers[i];
    return NULL;
}

static void fetcher_get(struct fetcher *f, const struct fetcher_request *request, int fd)
{
    struct err why = {0};
    struct transfer *t = fetcher_find(f, 0);
    if (t != NULL) {
        if (transfer_start(t, f->multi, f->policy, request, fd, &why) < 0)
            fetcher_refuse(f, request->id, &why);
        return;
    }
    (void)close(fd);
    (void)err_set(&why, ERR_SOURCE_UNAVAILABLE, "%d documents are being fetched already", FETCHER_TRANSFERS_MAX);
    fetcher_refuse(f, request->id, &why);
}

/* One request. False when the worker is gone. */
static bool fetcher_receive(struct fetcher *f)
{
    struct fetcher_request request;
    AUTO_CLOSE int fd = -1;
    ssize_t n = packet_receive(f->fd, &request, sizeof request, &fd, 1, MSG_DONTWAIT);
    if (n <= 0)
        return n == -EAGAIN || n == -EMSGSIZE;
    bool whole = n == (ssize_t)sizeof request && request.magic == FETCHER_MAGIC;
    request.url[FETCHER_URL_MAX - 1] = '\0';
    struct transfer *known = whole && request.id != 0 ? fetcher_find(f, request.id) : NULL;
    if (whole && request.type == FETCHER_GET && fd >= 0 && request.id != 0 && known == NULL) {
        fetcher_get(f, &request, fd);
        fd = -1;
    } else if (whole && request.type == FETCHER_CANCEL && known != NULL) {
        transfer_close(known, f->multi);
    }
    explicit_bzero(&request, sizeof request);
    return true;
}

static void fetcher_finish(struct fetcher *f)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(f->multi, &left)) != NULL;) {
        struct transfer *t = NULL;
        struct fetcher_report report;
        CURLcode rc = message->data.result;
        if (message->msg != CURLMSG_DONE || curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t) != CURLE_OK || t == NULL ||
            !transfer_ended(t, f->multi, rc, &report))
            continue;
        transfer_close(t, f->multi); /* the descriptor first: the worker may seal what it is told of */
        fetcher_send(f->fd, FETCHER_REPORT, &report);
    }
}

/* Names are resolved by a file that is replaced when the network changes, and the walls let the one be read that was there at the start. */
static ino_t fetcher_resolver(void)
{
    struct stat st;
    return stat("/etc/resolv.conf", &st) == 0 ? st.st_ino : 0;
}

static bool fetcher_idle(const struct fetcher *f)
{
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        if (f->transfers[i].id != 0)
            return false;
    return true;
}

int fetcher_serve(int fd, const struct fetcher_policy *policy, struct err *e)
{
    struct fetcher f = {.fd = fd, .policy = policy, .multi = curl_multi_init()};
    struct fetcher_report ready = {0};
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        f.transfers[i].fd = -1;
    if (f.multi == NULL || curl_multi_setopt(f.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)FETCHER_CONNECTIONS_MAX) != CURLM_OK)
        return err_set(e, ERR_BOOT_FAILURE, "fetch: libcurl does not start");
    const ino_t resolver = fetcher_resolver();
    fetcher_send(fd, FETCHER_READY, &ready);
    for (bool alive = true; alive;) {
        int running;
        struct curl_waitfd wait = {.fd = fd, .events = CURL_WAIT_POLLIN};
        if (curl_multi_perform(f.multi, &running) != CURLM_OK)
            break;
        fetcher_finish(&f);
        if (fetcher_idle(&f) && fetcher_resolver() != resolver)
            break; /* the worker starts another one, which reads the new file */
        if (curl_multi_poll(f.multi, &wait, 1, FETCHER_POLL_MS, NULL) != CURLM_OK)
            break;
        if (wait.revents != 0)
            alive = fetcher_receive(&f);
    }
    for (size_t i = 0; i < FETCHER_TRANSFERS_MAX; i++)
        if (f.transfers[i].id != 0)
            transfer_close(&f.transfers[i], f.multi);
    (void)curl_multi_cleanup(f.multi);
    return 0;
}
