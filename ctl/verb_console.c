/*
 * verb_console - `stint console token add|list|revoke`: who may use the web console. Refuses to show a token twice:
 * what is kept is its hash.
 */
#include "audit_note.h"
#include "console_tokens.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_console_add_options[] = {
    {"role", ARG_ENUM, "ROLE", "viewer looks, operator changes, admin also removes for good; default viewer",
     "viewer|operator|admin", 0, 0},
    {.name = NULL},
};

static int find_path(struct session *s, char path[static CONF_STR_MAX], struct err *e)
{
    const struct conf *conf;
    int rc = session_conf(s, &conf, e);
    if (rc == 0)
        (void)console_tokens_path(conf, path);
    return rc;
}

static void note(struct session *s, const char *action, const char *name, const char *role)
{
    json_t *details = json_pack("{s:s, s:s*}", "token", name, "role", role);
    audit_note(s, NULL, action, "", details);
    json_decref(details);
}

int verb_console_add(struct session *s)
{
    struct err e = {.code = 0};
    char path[CONF_STR_MAX], token[CONSOLE_TOKEN_MAX];
    const char *name = args_positional(&s->args, 0), *role = args_text(&s->args, "role", "viewer");
    int rc = find_path(s, path, &e);
    if (rc == 0)
        rc = console_tokens_add(path, name, (enum console_role)console_role_by_name(role), token, &e);
    if (rc < 0)
        return session_fail(s, &e);
    note(s, "console.token-add", name, role);
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:s}", "name", name, "role", role, "token", token);
        out_json(&s->out, record);
        json_decref(record);
        return EXIT_DONE;
    }
    out_line(&s->out, "%s", token);
    out_remark(&s->out, "shown this once: %s may use it to log in as %s; \"stint console token revoke %s\" ends it",
               name, role, name);
    return EXIT_DONE;
}

const struct arg_spec verb_console_list_options[] = {{.name = NULL}};

int verb_console_list(struct session *s)
{
    static const char *const titles[] = {"NAME", "ROLE", "MADE", NULL};
    struct err e = {.code = 0};
    struct table t;
    char path[CONF_STR_MAX], when[32];
    AUTO_FREE struct console_tokens *list = calloc(1, sizeof *list);
    int rc =
        list == NULL ? err_set(&e, ERR_OUT_OF_MEMORY, "no memory for the console's tokens") : find_path(s, path, &e);
    if (rc == 0)
        rc = console_tokens_read(path, list, &e);
    table_init(&t, titles);
    for (size_t i = 0; rc == 0 && i < list->n; i++) {
        const struct console_token *token = &list->items[i];
        if (s->out.json) {
            json_t *record = json_pack("{s:s, s:s, s:I}", "name", token->name, "role", console_role_name(token->role),
                                       "created_ms", (json_int_t)token->created_ms);
            out_json(&s->out, record);
            json_decref(record);
        } else if (table_row(&t) == 0) {
            table_set(&t, 0, "%s", token->name);
            table_set(&t, 1, "%s", console_role_name(token->role));
            table_set(&t, 2, "%s", out_time(when, token->created_ms));
        }
    }
    table_print(&t, &s->out);
    table_fini(&t);
    if (rc == 0 && list->n == 0)
        out_line(&s->out, "no tokens in %s; \"stint console token add NAME --role admin\" makes one", path);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_console_revoke_options[] = {{.name = NULL}};

int verb_console_revoke(struct session *s)
{
    struct err e = {.code = 0};
    char path[CONF_STR_MAX];
    const char *name = args_positional(&s->args, 0);
    int rc = find_path(s, path, &e);
    if (rc == 0)
        rc = console_tokens_revoke(path, name, &e);
    if (rc < 0)
        return session_fail(s, &e);
    note(s, "console.token-revoke", name, NULL);
    if (s->out.json)
        (void)fprintf(s->out.to, "{\"revoked\":\"%s\"}\n", name);
    out_line(&s->out, "%s is revoked; its sessions have ended", name);
    return EXIT_DONE;
}
