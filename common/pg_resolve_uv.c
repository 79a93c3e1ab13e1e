/*
 * pg_resolve_uv - see the header. It refuses to look up more than one name at a time, and to guess: a name that is not
 * found is left out of the list, and when none is left the caller is told which.
 */
#include "pg_resolve_uv.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOST_MAX = 256, PORT_MAX = 16 };

struct pg_host {
    char name[HOST_MAX], port[PORT_MAX];
    bool fixed; /* an address or a Unix socket: nothing to look up */
};

struct pg_resolve {
    uv_loop_t *loop;
    uv_getaddrinfo_t request;
    struct pg_host hosts[PG_HOSTS_MAX];
    size_t n_hosts, at; /* at: the host being looked up */
    bool needed, busy, dead;
    size_t n_found;
    int last_status; /* uv error of the last name that was not found */
    char host[PG_ADDRESSES_TEXT_MAX], hostaddr[PG_ADDRESSES_TEXT_MAX], port[PG_ADDRESSES_TEXT_MAX];
    char names[PG_HOSTS_MAX * 64];
    void (*on_done)(void *arg, const struct pg_addresses *found, const struct err *e);
    void *arg;
};

static void look_up_next(struct pg_resolve *r);

static bool is_fixed(const char *host)
{
    unsigned char address[16];
    return host[0] == '/' || host[0] == '@' || host[0] == '\0' || inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

/* The nth element of a comma-separated list; the only element stands for all of them, as in libpq. */
static void element(const char *list, size_t nth, char *out, size_t size)
{
    size_t i = 0;
    const char *at = list;
    if (strchr(list, ',') == NULL)
        nth = 0;
    for (; i < nth && (at = strchr(at, ',')) != NULL; i++)
        at++;
    (void)snprintf(out, size, "%.*s", at ? (int)strcspn(at, ",") : 0, at ? at : "");
}

static void read_hosts(struct pg_resolve *r, const char *hosts, const char *ports)
{
    size_t n = 1, used = 0;
    for (const char *p = hosts; *p; p++)
        n += *p == ',';
    for (size_t i = 0; i < n && r->n_hosts < PG_HOSTS_MAX; i++) {
        struct pg_host *h = &r->hosts[r->n_hosts++];
        element(hosts, i, h->name, sizeof h->name);
        element(ports, i, h->port, sizeof h->port);
        h->fixed = is_fixed(h->name);
        if (h->fixed)
            continue;
        r->needed = true;
        int len = snprintf(r->names + used, sizeof r->names - used, "%s%.60s", used ? ", " : "", h->name);
        used = MIN_OF(used + (size_t)MAX_OF(len, 0), sizeof r->names - 1);
    }
}

/* The URL's word, else the environment's, as libpq itself would have it. */
static const char *option(const PQconninfoOption *options, const char *keyword, const char *variable)
{
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0 && o->val)
            return o->val;
    }
    const char *value = getenv(variable);
    return value ? value : "";
}

struct pg_resolve *pg_resolve_new(uv_loop_t *loop, const char *url,
                                  void (*on_done)(void *arg, const struct pg_addresses *found, const struct err *e),
                                  void *arg)
{
    struct pg_resolve *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct pg_resolve){.loop = loop, .on_done = on_done, .arg = arg};
    r->request.data = r;
    PQconninfoOption *options = PQconninfoParse(url, NULL); /* NULL for a wrong URL: connecting says what is wrong */
    if (options && option(options, "hostaddr", "PGHOSTADDR")[0] == '\0')
        read_hosts(r, option(options, "host", "PGHOST"), option(options, "port", "PGPORT"));
    PQconninfoFree(options);
    return r;
}

bool pg_resolve_needed(const struct pg_resolve *r)
{
    return r->needed;
}

bool pg_resolve_busy(const struct pg_resolve *r)
{
    return r->busy;
}

const char *pg_resolve_names(const struct pg_resolve *r)
{
    return r->names;
}

static void append(char *list, const char *text, bool first)
{
    size_t len = strlen(list);
    (void)snprintf(list + len, PG_ADDRESSES_TEXT_MAX - len, "%s%s", first ? "" : ",", text);
}

/* Room is never short: PG_ADDRESSES_MAX times the longest host fits. */
static void add_address(struct pg_resolve *r, const struct pg_host *h, const char *address)
{
    _Static_assert(PG_ADDRESSES_MAX * HOST_MAX <= PG_ADDRESSES_TEXT_MAX, "a full list fits");
    if (r->n_found == PG_ADDRESSES_MAX)
        return;
    append(r->host, h->name, r->n_found == 0);
    append(r->hostaddr, address, r->n_found == 0);
    append(r->port, h->port, r->n_found == 0);
    r->n_found++;
}

static void finish(struct pg_resolve *r)
{
    struct err e;
    r->busy = false;
    if (r->n_found > 0) {
        const struct pg_addresses found = {.host = r->host, .hostaddr = r->hostaddr, .port = r->port};
        r->on_done(r->arg, &found, NULL);
        return;
    }
    (void)err_set(&e, ERR_STORE_UNAVAILABLE, "%s: %s", r->names, uv_strerror(r->last_status));
    r->on_done(r->arg, NULL, &e);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct pg_resolve *r = request->data;
    const struct pg_host *h = &r->hosts[r->at];
    if (status < 0)
        r->last_status = status;
    for (const struct addrinfo *a = found; a && status == 0 && !r->dead; a = a->ai_next) {
        char text[64];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            add_address(r, h, text);
    }
    uv_freeaddrinfo(found);
    if (r->dead) {
        free(r);
        return;
    }
    r->at++;
    look_up_next(r);
}

static void look_up_next(struct pg_resolve *r)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    for (; r->at < r->n_hosts; r->at++) {
        const struct pg_host *h = &r->hosts[r->at];
        if (h->fixed) {
            add_address(r, h, h->name[0] == '/' || h->name[0] == '@' ? "" : h->name);
            continue;
        }
        int rc = uv_getaddrinfo(r->loop, &r->request, on_resolved, h->name, NULL, &hints);
        if (rc == 0)
            return;
        r->last_status = rc;
    }
    finish(r);
}

void pg_resolve_ask(struct pg_resolve *r)
{
    if (r->busy)
        return;
    r->busy = true;
    r->at = r->n_found = 0;
    r->host[0] = r->hostaddr[0] = r->port[0] = '\0';
    look_up_next(r);
}

void pg_resolve_free(struct pg_resolve *r)
{
    if (!r)
        return;
    r->dead = true;
    if (!r->busy)
        free(r);
    else
        (void)uv_cancel((uv_req_t *)&r->request);
}
