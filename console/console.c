/*
 * console - see console.h. Refuses to serve strangers: an address that others can reach needs a token first.
 */
#include "console.h"

#include "console_tokens.h"

#include <stdio.h>

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strcmp(listen, "::1") == 0;
}

int console_open(struct console *c, const struct conf *conf, struct err *e)
{
    char path[CONF_STR_MAX];
    *c = (struct console){.conf = conf};
    if (gethostname(c->host, sizeof c->host - 1) < 0)
        (void)snprintf(c->host, sizeof c->host, "localhost");
    c->auth = auth_new(console_tokens_path(conf, path), conf->console.session_idle, e);
    if (c->auth == NULL)
        return e->code;
    if (auth_tokens(c->auth) == 0 && !is_loopback(conf->console.listen))
        return err_set(
            e, ERR_REFUSED,
            "[console] listen: %s can be reached from other machines, and there is no token in %.300s: make one with "
            "\"stint "
            "console token add NAME --role admin\" first, or listen on 127.0.0.1 behind a proxy that ends TLS",
            conf->console.listen, path);
    c->pool = store_pool_new(conf);
    c->driver = c->pool != NULL ? replay_driver_new(conf) : NULL;
    return c->driver != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for connections");
}

void console_close(struct console *c)
{
    replay_driver_free(c->driver);
    store_pool_free(c->pool);
    auth_free(c->auth);
    c->driver = NULL;
    c->pool = NULL;
    c->auth = NULL;
}
