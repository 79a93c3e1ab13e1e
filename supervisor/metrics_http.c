/*
 * metrics_http - see metrics_http.h. libmicrohttpd without threads of its own. Refuses methods that could change
 * anything, and reads no request body.
 */
#include "metrics_http.h"

#include "tcp_listen.h"
#include <jansson.h>
#include <microhttpd.h>

enum { METRICS_HTTP_BACKLOG = 64, METRICS_HTTP_CONNECTION_MEMORY = 16384 };

struct metrics_http {
    struct MHD_Daemon *daemon; /* owned */
    int quiet_fd;              /* owned: the listening socket it no longer accepts from; -1: it does */
    metrics_http_get_fn on_get;
    void *arg;
};

void metrics_reply_problem(struct metrics_reply *reply, unsigned status, const char *title, const char *detail,
                           const char *extra)
{
    json_t *text = json_string(detail);
    AUTO_FREE char *quoted = text != NULL ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    json_decref(text);
    reply->status = status;
    reply->content_type = "application/problem+json";
    buf_clear(&reply->body);
    (void)buf_addf(&reply->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":%s%s}\n", title,
                   status, quoted != NULL ? quoted : "\"\"", extra);
}

int metrics_http_listen(const char *address, int port, int *ret_fd, int *ret_port, struct err *e)
{
    int rc = tcp_listen(address, port, METRICS_HTTP_BACKLOG, ret_fd, ret_port);
    if (rc == -EINVAL)
        return err_set(e, rc, "[metrics] listen: \"%s\" is no IP address", address);
    if (rc < 0)
        return err_set_errno(
            e, -rc, "cannot serve metrics on %s port %d (%s)", address, port,
            rc == -EADDRINUSE
                ? "another program, perhaps another supervisor, has it: set [metrics] port, 0 for any free one"
                : "see [metrics] listen and port");
    return 0;
}

static const char *metrics_http_query(const void *handle, const char *name)
{
    struct MHD_Connection *connection;
    memcpy(&connection, handle, sizeof(void *));
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

struct other_query {
    const char *const *names;
    const char *found;
};

static enum MHD_Result metrics_http_on_argument(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct other_query *o = arg;
    (void)kind;
    (void)value;
    for (size_t i = 0; o->names[i] != NULL; i++)
        if (strcmp(o->names[i], name) == 0)
            return MHD_YES;
    o->found = name;
    return MHD_NO;
}

static const char *metrics_http_other(const void *handle, const char *const names[])
{
    struct MHD_Connection *connection;
    struct other_query o = {.names = names};
    memcpy(&connection, handle, sizeof(void *));
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, metrics_http_on_argument, &o);
    return o.found;
}

/* Sends the reply; its body is handed to the library, which frees it. */
static enum MHD_Result metrics_http_send(struct MHD_Connection *connection, struct metrics_reply *reply)
{
    if (reply->body.failed)
        metrics_reply_problem(reply, 500, "Internal Server Error", "the answer did not fit into memory", "");
    size_t len = reply->body.len;
    char *data = buf_take(&reply->body);
    if (data == NULL)
        return MHD_NO;
    struct MHD_Response *response = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(data);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", reply->content_type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (reply->status == 405)
        (void)MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result rc = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result metrics_http_on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                               const char *method, const char *version, const char *upload_data,
                                               size_t *upload_size, void **request_state)
{
    (void)version;
    (void)upload_data;
    const struct metrics_http *h = arg;
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (get && *request_state == NULL) {
        *request_state = arg; /* the library calls once before the body and once after it */
        return MHD_YES;
    }
    if (get && *upload_size != 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    struct metrics_reply reply = {.status = 200, .content_type = "application/json"};
    buf_init(&reply.body, METRICS_HTTP_BODY_MAX);
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
    const struct metrics_request request = {.path = path,
                                            .accept = accept != NULL ? accept : "",
                                            .query = metrics_http_query,
                                            .other = metrics_http_other,
                                            .handle = &connection};
    if (get)
        h->on_get(h->arg, &request, &reply);
    else
        metrics_reply_problem(&reply, 405, "Method Not Allowed", "only GET and HEAD: nothing can be changed here", "");
    enum MHD_Result rc = metrics_http_send(connection, &reply);
    buf_fini(&reply.body);
    return rc;
}

struct metrics_http *metrics_http_new(int listen_fd, metrics_http_get_fn on_get, void *arg, struct err *e)
{
    struct metrics_http *h = calloc(1, sizeof *h);
    if (h != NULL) {
        h->on_get = on_get;
        h->arg = arg;
        h->quiet_fd = -1;
        h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, metrics_http_on_request, h, MHD_OPTION_LISTEN_SOCKET,
                                     listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_HTTP_CONNECTIONS,
                                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)METRICS_HTTP_IDLE_S,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_HTTP_CONNECTION_MEMORY,
                                     MHD_OPTION_END);
    }
    if (h == NULL || h->daemon == NULL) {
        (void)err_set(e, ERR_BOOT_FAILURE, "the metrics server could not be started: out of memory or descriptors");
        (void)close(listen_fd);
        free(h);
        return NULL;
    }
    return h;
}

void metrics_http_quiesce(struct metrics_http *h)
{
    if (h->quiet_fd < 0)
        h->quiet_fd = MHD_quiesce_daemon(h->daemon);
}

void metrics_http_free(struct metrics_http *h)
{
    if (h == NULL)
        return;
    metrics_http_quiesce(h); /* the library would shut the socket down, which another supervisor may serve */
    MHD_stop_daemon(h->daemon);
    base_close_fd(&h->quiet_fd);
    free(h);
}

int metrics_http_fd(const struct metrics_http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info != NULL);
    return info->epoll_fd;
}

void metrics_http_run(struct metrics_http *h)
{
    (void)MHD_run(h->daemon);
}

int64_t metrics_http_timeout_ms(const struct metrics_http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
        return -1;
    return (int64_t)MIN_OF(ms, (MHD_UNSIGNED_LONG_LONG)60000);
}
