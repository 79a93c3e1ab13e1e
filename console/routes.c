/*
 * routes - see routes.h. The one place where rights are decided, before anything is looked at: a handler that forgets
 * to ask cannot exist. Refuses a change by a browser that does not send what only our own page knows.
 */
#include "routes.h"

#include "assets.h"
#include "log.h"
#include "route_table.h"

#include <stdio.h>

#define X(method, path, access, allowed, fn) int fn(struct request *r, struct reply *p, struct err *e);
ROUTE_TABLE(X)
#undef X

static const struct route routes[] = {
#define X(method, path, access, allowed, fn) {method, path, ROUTE_##access, allowed, fn},
    ROUTE_TABLE(X)
#undef X
};

const struct route *routes_all(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(routes);
    return routes;
}

/* Whether path has the route's form; its pieces go into params. */
static bool path_fits(const char *form, const char *path, char params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX])
{
    size_t n = 0;
    while (*form != '\0') {
        if (*form != '{') {
            if (*form++ != *path++)
                return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || len >= REQUEST_PARAM_MAX)
            return false;
        memcpy(params[n], path, len);
        params[n++][len] = '\0';
        path += len;
        form += strcspn(form, "}") + 1;
    }
    return *path == '\0';
}

/* The route of the path and method; NULL with *ret_allow: methods the path has, "" when there is no such path. */
static const struct route *find_route(struct request *r, char ret_allow[static 64])
{
    const struct route *found = NULL;
    ret_allow[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        char params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX] = {"", ""};
        if (!path_fits(routes[i].path, r->path, params))
            continue;
        size_t used = strlen(ret_allow);
        (void)snprintf(ret_allow + used, 64 - used, "%s%s", used > 0 ? ", " : "", routes[i].method);
        if (strcmp(routes[i].method, r->method) != 0)
            continue;
        found = &routes[i];
        memcpy(r->params, params, sizeof params);
    }
    return found;
}

static void unauthorised(struct reply *p, enum auth_verdict verdict)
{
    if (verdict == AUTH_TOO_MANY) {
        reply_problem(p, 429, "Too Many Requests",
                      "too many wrong tokens came from your address: wait a minute, then try again");
        p->retry_after_s = AUTH_GUESS_WINDOW_MS / 1000;
        return;
    }
    reply_problem(p, 401, "Unauthorized",
                  "log in with a token; \"stint console token add NAME --role viewer\" makes one. A session ends when "
                  "it is not used, when "
                  "its token is revoked and when the console is restarted");
}

/* "https://host:port" against "host:port": a page of another origin that got a browser to ask for it. */
static bool foreign_origin(const struct request *r)
{
    if (r->origin == NULL)
        return false;
    const char *at = strstr(r->origin, "://");
    return at == NULL || r->host == NULL || strcmp(at + 3, r->host) != 0;
}

static bool may_ask(struct console *c, const struct route *route, struct request *r, struct reply *p)
{
    bool changes = strcmp(r->method, "GET") != 0;
    if (changes && foreign_origin(r)) {
        reply_problem(p, 403, "Forbidden",
                      "the request came from a page of another site. Behind a proxy: pass the Host header on");
        return false;
    }
    if (route->access == ROUTE_OPEN)
        return true;
    enum auth_verdict verdict = AUTH_UNKNOWN;
    if (r->bearer != NULL)
        verdict = auth_by_token(c->auth, r->address, r->bearer, r->now_ms, &r->who);
    else if (r->session != NULL)
        verdict = auth_by_session(c->auth, r->session, r->now_ms, &r->who);
    if (verdict != AUTH_OK) {
        unauthorised(p, verdict);
        return false;
    }
    if (changes && r->who.by_cookie &&
        (r->csrf == NULL || strlen(r->csrf) != AUTH_SECRET_MAX - 1 ||
         !console_same_bytes(r->csrf, r->who.csrf, AUTH_SECRET_MAX - 1))) {
        reply_problem(p, 403, "Forbidden", "the header X-CSRF-Token is missing or wrong: load the page again");
        return false;
    }
    if ((int)r->who.role < (int)route->access - (int)ROUTE_VIEWER) {
        char detail[200];
        (void)snprintf(detail, sizeof detail, "the token \"%s\" has the role %s; this needs the role %s", r->who.name,
                       console_role_name(r->who.role),
                       console_role_name((enum console_role)((int)route->access - (int)ROUTE_VIEWER)));
        reply_problem(p, 403, "Forbidden", detail);
        return false;
    }
    return true;
}

static int read_body(const struct route *route, struct request *r, struct err *e)
{
    json_error_t why;
    if (strcmp(route->method, "POST") != 0)
        return r->body_len > 0 ? err_set(e, ERR_BAD_ARGUMENT, "a %s has no body here", route->method) : 0;
    if (r->content_type == NULL || strncmp(r->content_type, "application/json", 16) != 0)
        return err_set(e, ERR_BAD_ARGUMENT, "the body must be JSON: send Content-Type: application/json");
    r->json = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(r->json))
        return err_set(e, ERR_BAD_ARGUMENT, "the body is no JSON object%s%.120s%s", r->json == NULL ? " (" : "",
                       r->json == NULL ? why.text : "", r->json == NULL ? ")" : "");
    return request_known(r->json, route->allowed, e);
}

static int check_query(const struct route *route, const struct request *r, struct err *e)
{
    const char *allowed = strcmp(route->method, "GET") == 0 ? route->allowed : "";
    const char *other = r->query_other_fn != NULL ? r->query_other_fn(r->handle, allowed) : NULL;
    return other == NULL ? 0
                         : err_set(e, ERR_BAD_ARGUMENT, "the query parameter \"%.60s\" is not known here; allowed: %s",
                                   other, *allowed != '\0' ? allowed : "none");
}

static void run(struct console *c, const struct route *route, struct request *r, struct reply *p)
{
    struct err e = {.code = 0};
    int rc = check_query(route, r, &e);
    if (rc == 0)
        rc = read_body(route, r, &e);
    if (rc == 0) {
        if (route->access != ROUTE_OPEN)
            r->stores = store_pool_take(c->pool, r->who.name);
        rc = route->answer(r, p, &e);
        if (r->stores != NULL)
            store_pool_put(c->pool, r->stores);
        r->stores = NULL;
    }
    if (rc < 0)
        reply_error(p, &e);
    json_decref(r->json);
    r->json = NULL;
}

static void serve_asset(const struct request *r, struct reply *p)
{
    p->asset = assets_find(r->path);
    if (p->asset == NULL) {
        reply_problem(p, 404, "Not Found", "there is no such page; the console begins at /");
        return;
    }
    p->status = r->if_none_match != NULL && strcmp(r->if_none_match, p->asset->etag) == 0 ? 304 : 200;
}

void routes_answer(struct console *c, struct request *r, struct reply *p)
{
    r->console = c;
    const struct route *route = find_route(r, p->allow);
    if (route == NULL && p->allow[0] == '\0' && strncmp(r->path, "/api/", 5) != 0 && strcmp(r->method, "GET") == 0) {
        serve_asset(r, p);
        return;
    }
    if (route == NULL && p->allow[0] == '\0') {
        reply_problem(p, 404, "Not Found", "there is no such path; docs/console-api.md lists those there are");
        return;
    }
    if (route == NULL) {
        reply_problem(p, 405, "Method Not Allowed", "the path has other methods: see the header Allow");
        return;
    }
    if (may_ask(c, route, r, p))
        run(c, route, r, p);
    if (strcmp(r->method, "GET") != 0 && route->access != ROUTE_OPEN)
        log_info("change", KV_S("who", r->who.name), KV_S("path", r->path), KV_I("status", p->status));
}
