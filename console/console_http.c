/*
 * console_http - see console_http.h. Refuses to wait for slow clients: each has CONSOLE_HTTP_REQUEST_MS for a whole
 * request, so that bytes sent one by one hold nothing for long; and to keep a body above CONSOLE_HTTP_BODY_MAX.
 */
#include "console_http.h"

#include "buf.h"
#include "clock.h"
#include "routes.h"
#include "tcp_listen.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

enum { BACKLOG = 256, CONNECTION_MEMORY = 32768 };

struct peer {
    int fd; /* -1: free */
    uint64_t since_ms;
};

struct console_http {
    struct MHD_Daemon *daemon; /* owned */
    struct console *console;
    pthread_mutex_t lock; /* of peers */
    struct peer peers[CONSOLE_HTTP_CONNECTIONS];
};

/* One request while its body comes in. */
struct upload {
    struct buf body;
    bool too_large;
};

int console_http_listen(const char *address, int port, int *ret_fd, int *ret_port, struct err *e)
{
    int rc = tcp_listen(address, port, BACKLOG, ret_fd, ret_port);
    if (rc == -EINVAL)
        return err_set(e, ERR_BOOT_FAILURE, "[console] listen: \"%s\" is no IP address", address);
    if (rc < 0)
        return err_set_errno(e, -rc,
                             "cannot serve the console on %s port %d: set [console] listen and port (0: any free port)",
                             address, port);
    return 0;
}

/* -- slow clients -----------------------------------------------------------------------------------------------------
 */

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL ? info->connect_fd : -1;
}

static void mark_peer(struct console_http *h, int fd, bool there)
{
    struct peer *mine = NULL;
    (void)pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < CONSOLE_HTTP_CONNECTIONS && (mine == NULL || mine->fd != fd); i++)
        if (h->peers[i].fd == fd || (mine == NULL && h->peers[i].fd < 0))
            mine = &h->peers[i];
    if (mine != NULL)
        *mine = (struct peer){.fd = there ? fd : -1, .since_ms = clock_mono_ms()};
    (void)pthread_mutex_unlock(&h->lock);
}

/* The library closes the descriptor after this: it is never shut down by number once another may have it. */
static void on_connection(void *arg, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)state;
    mark_peer(arg, fd_of(connection), code == MHD_CONNECTION_NOTIFY_STARTED);
}

void console_http_sweep(struct console_http *h, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < CONSOLE_HTTP_CONNECTIONS; i++)
        if (h->peers[i].fd >= 0 && now_ms - h->peers[i].since_ms > CONSOLE_HTTP_REQUEST_MS)
            (void)shutdown(h->peers[i].fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&h->lock);
}

/* -- one request ------------------------------------------------------------------------------------------------------
 */

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct upload *u = *state;
    (void)code;
    if (u != NULL)
        buf_fini(&u->body);
    free(u);
    *state = NULL;
    mark_peer(arg, fd_of(connection), true); /* the next request has its own time */
}

static const char *look_up(const void *handle, const char *name)
{
    struct MHD_Connection *connection;
    memcpy(&connection, handle, sizeof(void *));
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

struct other {
    const char *allowed, *found;
};

static enum MHD_Result on_argument(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct other *o = arg;
    (void)kind;
    (void)value;
    if (request_among(o->allowed, name))
        return MHD_YES;
    o->found = name;
    return MHD_NO;
}

static const char *look_for_other(const void *handle, const char *allowed)
{
    struct MHD_Connection *connection;
    struct other o = {.allowed = allowed};
    memcpy(&connection, handle, sizeof(void *));
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_argument, &o);
    return o.found;
}

static void add_headers(struct MHD_Response *response, const struct reply *p)
{
    static const char *const always[][2] = {
        {"Content-Security-Policy",
         "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    char text[32];
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        (void)MHD_add_response_header(response, always[i][0], always[i][1]);
    if (p->cookie[0] != '\0')
        (void)MHD_add_response_header(response, "Set-Cookie", p->cookie);
    if (p->status == 405)
        (void)MHD_add_response_header(response, "Allow", p->allow);
    if (p->status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"stint-console\"");
    if (p->retry_after_s > 0 && snprintf(text, sizeof text, "%d", p->retry_after_s) > 0)
        (void)MHD_add_response_header(response, "Retry-After", text);
    (void)snprintf(text, sizeof text, "%lld", (long long)clock_wall_ms());
    (void)MHD_add_response_header(response, "X-Stint-Now", text);
}

static struct MHD_Response *asset_response(const struct reply *p)
{
    void *data = (void *)(uintptr_t)p->asset->data;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(p->status == 304 ? 0 : p->asset->len, data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return NULL;
    (void)MHD_add_response_header(response, "Content-Type", p->asset->type);
    (void)MHD_add_response_header(response, "ETag", p->asset->etag);
    (void)MHD_add_response_header(response, "Cache-Control", "no-cache");
    return response;
}

/* JSON with an entity tag of its bytes: a page that polls is told "unchanged" in a few of them. */
static struct MHD_Response *json_response(const struct request *r, struct reply *p)
{
    char hash[SHA256_HEX], tag[24];
    char *text = json_dumps(p->json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (text == NULL)
        return NULL;
    (void)snprintf(tag, sizeof tag, "\"%.16s\"", console_hash(text, hash));
    size_t len = strlen(text);
    if (p->status == 200 && strcmp(r->method, "GET") == 0 && r->if_none_match != NULL &&
        strcmp(r->if_none_match, tag) == 0) {
        p->status = 304;
        len = 0;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return NULL;
    }
    (void)MHD_add_response_header(response, "Content-Type",
                                  p->problem ? "application/problem+json" : "application/json");
    (void)MHD_add_response_header(response, "ETag", tag);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    return response;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, const struct request *r, struct reply *p)
{
    struct MHD_Response *response = p->asset != NULL ? asset_response(p) : json_response(r, p);
    if (response == NULL)
        return MHD_NO;
    add_headers(response, p);
    enum MHD_Result rc = MHD_queue_response(connection, p->status, response);
    MHD_destroy_response(response);
    return rc;
}

static void peer_address(struct MHD_Connection *connection, char out[static AUTH_ADDRESS_MAX])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    (void)snprintf(out, AUTH_ADDRESS_MAX, "unknown");
    if (info == NULL || info->client_addr == NULL)
        return;
    if (info->client_addr->sa_family == AF_INET) {
        memcpy(&v4, info->client_addr, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, out, AUTH_ADDRESS_MAX);
    } else if (info->client_addr->sa_family == AF_INET6) {
        memcpy(&v6, info->client_addr, sizeof v6);
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, out, AUTH_ADDRESS_MAX);
    }
}

static enum MHD_Result answer(struct console_http *h, struct MHD_Connection *connection, const char *path,
                              const char *method, struct upload *u)
{
    char address[AUTH_ADDRESS_MAX];
    struct reply p = {.status = 500};
#define HEADER(name) MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name)
    const char *authorization = HEADER("Authorization");
    struct request r = {
        .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
        .path = path,
        .address = address,
        .bearer = authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0 ? authorization + 7 : NULL,
        .session = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, "stint_session"),
        .csrf = HEADER("X-CSRF-Token"),
        .origin = HEADER("Origin"),
        .host = HEADER("Host"),
        .content_type = HEADER("Content-Type"),
        .if_none_match = HEADER("If-None-Match"),
        .body = u->body.data != NULL ? u->body.data : "",
        .body_len = u->body.len,
        .query_fn = look_up,
        .query_other_fn = look_for_other,
        .handle = &connection,
        .now_ms = clock_mono_ms()};
#undef HEADER
    peer_address(connection, address);
    if (u->too_large) {
        char detail[96];
        (void)snprintf(detail, sizeof detail, "the body is larger than %d bytes", (int)CONSOLE_HTTP_BODY_MAX);
        reply_problem(&p, 413, "Content Too Large", detail);
    } else {
        routes_answer(h->console, &r, &p);
    }
    enum MHD_Result rc = send_reply(connection, &r, &p);
    reply_fini(&p);
    return rc;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    struct upload *u = *state;
    (void)version;
    if (u == NULL) {
        const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
        u = calloc(1, sizeof *u);
        if (u == NULL)
            return MHD_NO;
        buf_init(&u->body, CONSOLE_HTTP_BODY_MAX + 1);
        *state = u;
        if (length == NULL || strtoll(length, NULL, 10) <= CONSOLE_HTTP_SWALLOW_MAX)
            return MHD_YES; /* a body above the limit is swallowed, not kept: who still sends does not hear why */
        u->too_large = true;
        return answer(arg, connection, path, method, u);
    }
    if (*size != 0) {
        if (!u->too_large && buf_add(&u->body, data, *size) < 0)
            u->too_large = true;
        *size = 0;
        return MHD_YES;
    }
    return answer(arg, connection, path, method, u);
}

struct console_http *console_http_new(int listen_fd, struct console *c, struct err *e)
{
    struct console_http *h = calloc(1, sizeof *h);
    if (h != NULL) {
        h->console = c;
        (void)pthread_mutex_init(&h->lock, NULL);
        for (size_t i = 0; i < CONSOLE_HTTP_CONNECTIONS; i++)
            h->peers[i].fd = -1;
        h->daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, listen_fd,
            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)CONSOLE_HTTP_THREADS, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)CONSOLE_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONSOLE_HTTP_IDLE_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
    }
    if (h == NULL || h->daemon == NULL) {
        (void)err_set(e, ERR_BOOT_FAILURE, "the console's server could not be started: out of memory or descriptors");
        (void)close(listen_fd);
        free(h);
        return NULL;
    }
    return h;
}

void console_http_free(struct console_http *h)
{
    if (h == NULL)
        return;
    MHD_stop_daemon(h->daemon); /* closes the listening socket too */
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}
