/*
 * session - see session.h. Opens nothing before a verb needs it, so that "stint help" works on a bare machine, and
 * refuses to show a password in any message.
 */
#include "session.h"

#include <pwd.h>
#include <stdio.h>

static void find_actor(char *out, size_t size)
{
    char host[128] = "localhost";
    (void)gethostname(host, sizeof host - 1);
    const char *user = getenv("SUDO_USER");
    if (user == NULL || *user == '\0')
        user = getenv("USER");
    const struct passwd *pw = user == NULL || *user == '\0' ? getpwuid(geteuid()) : NULL;
    if (pw != NULL)
        user = pw->pw_name;
    (void)snprintf(out, size, "%.60s@%.60s", user != NULL && *user != '\0' ? user : "unknown", host);
}

static int load_conf(void *arg, const struct conf **ret_conf, struct err *e)
{
    return session_conf(arg, ret_conf, e);
}

void session_init(struct session *s)
{
    *s = (struct session){.verb = "", .stores = {.load = load_conf, .arg = s}};
    find_actor(s->stores.actor, sizeof s->stores.actor);
}

void session_fini(struct session *s)
{
    if (s == NULL)
        return;
    stores_fini(&s->stores);
    s->stores.conf = NULL;
    free(s->conf);
    s->conf = NULL;
    args_fini(&s->args);
}

void session_dir(const struct session *s, char ret_dir[static CONF_STR_MAX])
{
    const char *dir = args_text(&s->args, "dir", NULL);
    if (dir == NULL)
        conf_default_dir(ret_dir);
    else
        (void)snprintf(ret_dir, CONF_STR_MAX, "%s", dir);
}

static int find_config(const struct session *s, char ret_path[static CONF_STR_MAX], struct err *e)
{
    const char *config = args_text(&s->args, "config", NULL), *dir = args_text(&s->args, "dir", NULL);
    if (config != NULL && access(config, F_OK) < 0)
        return err_set(e, ERR_NOT_FOUND, "--config: %.400s: %s", config, strerror(errno));
    if (config != NULL || dir == NULL)
        return conf_find(config, ret_path, e);
    if (snprintf(ret_path, CONF_STR_MAX, "%s/stint.conf", dir) >= CONF_STR_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "--dir: the path is too long; at most %d bytes", CONF_STR_MAX - 12);
    if (access(ret_path, R_OK) < 0 && errno == EACCES)
        return err_set(e, ERR_BAD_CONFIG, "--dir: %s belongs to another user's stack: ask as that user, or as root",
                       ret_path);
    if (access(ret_path, R_OK) < 0)
        return err_set(e, ERR_NOT_FOUND,
                       "--dir: %s cannot be read (%s): no stack was started there; try \"stint up "
                       "--dir %s\"",
                       ret_path, strerror(errno), dir);
    return 0;
}

/* --run-dir: a folder, or the name of one below the configured run_dir. */
static int take_run_dir(const struct session *s, struct conf *conf, struct err *e)
{
    char *to = conf->supervisor.run_dir, base[CONF_STR_MAX];
    const char *given = args_text(&s->args, "run-dir", NULL);
    if (given == NULL)
        return 0;
    (void)snprintf(base, sizeof base, "%s", to);
    int len = given[0] == '/' ? snprintf(to, CONF_STR_MAX, "%s", given) : snprintf(to, CONF_STR_MAX, "%s/%s", base, given);
    if (len >= CONF_STR_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "--run-dir: the path is too long; at most %d bytes", CONF_STR_MAX - 1);
    if (access(to, F_OK) < 0)
        return err_set(e, ERR_NOT_FOUND, "--run-dir: %.400s: %s; \"stint status\" shows the supervisors of this host", to, strerror(errno));
    return 0;
}

int session_conf(struct session *s, const struct conf **ret_conf, struct err *e)
{
    if (s->conf == NULL) {
        char path[CONF_STR_MAX];
        int rc = find_config(s, path, e);
        if (rc < 0)
            return rc;
        AUTO_FREE struct conf *conf = calloc(1, sizeof *conf);
        if (conf == NULL)
            return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the configuration");
        rc = conf_load(conf, path, e);
        if (rc == 0)
            rc = take_run_dir(s, conf, e);
        if (rc < 0)
            return rc;
        s->conf = TAKE(conf);
    }
    *ret_conf = s->conf;
    return 0;
}

int session_redis(struct session *s, struct redis_sync **ret_redis, struct err *e)
{
    return stores_redis(&s->stores, ret_redis, e);
}

int session_pg(struct session *s, PGconn **ret_pg, struct err *e)
{
    return stores_pg(&s->stores, ret_pg, e);
}

int session_sql(struct session *s, const char *sql, int n_params, const char *const params[], PGresult **ret_rows,
                struct err *e)
{
    return stores_sql(&s->stores, sql, n_params, params, ret_rows, e);
}

enum exit_code session_exit_code(int code)
{
    switch (code) {
    case 0:
        return EXIT_DONE;
    case ERR_BAD_ARGUMENT:
        return EXIT_USAGE;
    case ERR_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERR_REDIS_UNAVAILABLE:
    case ERR_REDIS_FULL:
    case ERR_STORE_UNAVAILABLE:
    case ERR_STORE_LOST:
    case ERR_TIMED_OUT:
    case -ECONNREFUSED:
        return EXIT_UNREACHABLE;
    case ERR_REFUSED:
        return EXIT_REFUSED;
    default:
        return EXIT_FAILED;
    }
}

int session_fail(struct session *s, const struct err *e)
{
    if (s->out.json) {
        json_t *record = json_pack("{s:{s:s, s:s}}", "error", "code", err_name(e->code), "message", e->message);
        AUTO_FREE char *text = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
        (void)fprintf(s->out.remarks, "%s\n", text != NULL ? text : "{\"error\":{}}");
        json_decref(record);
    } else {
        AUTO_FREE char *text = out_harmless(e->message, strlen(e->message));
        (void)fprintf(s->out.remarks, "stint%s%s: %s\n", *s->verb != '\0' ? " " : "", s->verb,
                      text != NULL ? text : err_text(e->code));
    }
    return (int)session_exit_code(e->code);
}

bool session_confirm(struct session *s, const char *question)
{
    char answer[16] = "";
    if (isatty(STDIN_FILENO) != 1)
        return false;
    (void)fprintf(s->out.remarks, "%s [y/N] ", question);
    (void)fflush(s->out.remarks);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}
