/*
 * api_session - logging in and out, and whether the console is alive. A token comes in the body of a POST, never in a
 * URL: those are logged by proxies and kept by browsers.
 */
#include "routes.h"

#include "api.h"

#include <stdio.h>

int api_health(struct request *r, struct reply *p, struct err *e)
{
    (void)r;
    (void)e;
    reply_json(p, 200, json_pack("{s:s}", "status", "ok"));
    return 0;
}

static json_t *viewer_json(const struct request *r)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "name", r->who.name, "role", console_role_name(r->who.role), "csrf",
                     r->who.csrf, "host", r->console->host);
}

int api_session_open(struct request *r, struct reply *p, struct err *e)
{
    const char *token;
    char secret[AUTH_SECRET_MAX];
    const struct conf_console *conf = &r->console->conf->console;
    int rc = request_text(r->json, "token", CONSOLE_TOKEN_MAX, "", &token, e);
    if (rc < 0)
        return rc;
    enum auth_verdict verdict = auth_login(r->console->auth, r->address, token, r->now_ms, secret, &r->who);
    if (verdict == AUTH_TOO_MANY) {
        reply_problem(p, 429, "Too Many Requests",
                      "too many wrong tokens came from your address: wait a minute, then try again");
        p->retry_after_s = AUTH_GUESS_WINDOW_MS / 1000;
        return 0;
    }
    if (verdict != AUTH_OK) {
        reply_problem(p, 401, "Unauthorized",
                      "no such token. It may have been revoked; \"stint console token list\" shows those there are");
        return 0;
    }
    (void)snprintf(p->cookie, sizeof p->cookie, "stint_session=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                   secret, (long long)conf->session_idle / 1000, conf->cookie_secure ? "; Secure" : "");
    reply_json(p, 200, viewer_json(r));
    return 0;
}

int api_session_show(struct request *r, struct reply *p, struct err *e)
{
    (void)e;
    reply_json(p, 200, viewer_json(r));
    return 0;
}

int api_session_close(struct request *r, struct reply *p, struct err *e)
{
    (void)e;
    if (r->session != NULL)
        auth_logout(r->console->auth, r->session);
    (void)snprintf(p->cookie, sizeof p->cookie, "stint_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    reply_json(p, 200, json_pack("{s:b}", "closed", 1));
    return 0;
}
