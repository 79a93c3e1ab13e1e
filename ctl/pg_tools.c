/*
 * pg_tools - see pg_tools.h. Debian keeps the programs of every version side by side; /usr/bin holds a wrapper that
 * would choose by its own rules.
 */
#include "pg_tools.h"

#include "pg_dial.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>

extern char **environ;

static const char versions_root[] = "/usr/lib/postgresql";

static int add(struct pg_env *env, const char *name, const char *value, struct err *e)
{
    if (env->n >= TOOL_ENV_MAX - 4)
        return 0;
    if (asprintf(&env->vars[env->n], "%s=%s", name, value) < 0) {
        env->vars[env->n] = NULL;
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for PostgreSQL's environment");
    }
    env->n++;
    return 0;
}

/* The caller's own, so that ~/.pgpass and PGSSLROOTCERT hold here too; the URL's come after, and the last one of a name
 * counts for no libc: those the URL sets are left out. */
static int add_inherited(struct pg_env *env, const PQconninfoOption *options, struct err *e)
{
    int rc = 0;
    for (char **v = environ; rc == 0 && *v != NULL; v++) {
        size_t len = strcspn(*v, "=");
        bool wanted = strncmp(*v, "PG", 2) == 0 || strncmp(*v, "HOME=", 5) == 0;
        for (const PQconninfoOption *o = options; wanted && o->keyword != NULL; o++)
            if (o->val != NULL && o->envvar != NULL && strlen(o->envvar) == len && strncmp(o->envvar, *v, len) == 0)
                wanted = false;
        if (wanted && env->n < TOOL_ENV_MAX - 4) {
            env->vars[env->n] = strdup(*v);
            rc =
                env->vars[env->n] != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for PostgreSQL's environment");
            env->n += rc == 0;
        }
    }
    return rc;
}

int pg_env_make(struct pg_env *env, const char *url, struct err *e)
{
    char *why = NULL;
    int rc = 0;
    *env = (struct pg_env){.n = 0};
    PQconninfoOption *options = PQconninfoParse(url, &why);
    if (options == NULL) {
        PQfreemem(why); /* it may quote the password */
        return err_set(e, ERR_BAD_CONFIG, "postgres.url is no valid connection URI");
    }
    rc = add_inherited(env, options, e);
    for (const PQconninfoOption *o = options; rc == 0 && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "dbname") == 0)
            (void)snprintf(env->database, sizeof env->database, "%s", o->val);
        if (o->envvar != NULL)
            rc = add(env, o->envvar, o->val, e);
    }
    PQconninfoFree(options);
    if (rc < 0)
        pg_env_fini(env);
    return rc;
}

void pg_env_fini(struct pg_env *env)
{
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->vars[i], "PGPASSWORD=", 11) == 0)
            explicit_bzero(env->vars[i], strlen(env->vars[i]));
        free(env->vars[i]);
    }
    *env = (struct pg_env){.n = 0};
}

int pg_tools_find(const char *name, int server_major, char ret_path[static PATH_MAX], struct err *e)
{
    int newest = 0;
    DIR *versions = opendir(versions_root);
    for (struct dirent *entry; versions != NULL && (entry = readdir(versions)) != NULL;) {
        char path[PATH_MAX];
        int version = atoi(entry->d_name);
        (void)snprintf(path, sizeof path, "%s/%d/bin/%s", versions_root, version, name);
        if (version > newest && access(path, X_OK) == 0) {
            newest = version;
            (void)snprintf(ret_path, PATH_MAX, "%s", path);
        }
    }
    if (versions != NULL)
        (void)closedir(versions);
    if (newest == 0)
        return err_set(e, ERR_REFUSED,
                       "%s is not installed (looked for %s/*/bin/%s): \"apt-get install postgresql-client\"", name,
                       versions_root, name);
    if (newest < server_major)
        return err_set(
            e, ERR_REFUSED,
            "the newest %s here is of PostgreSQL %d, the server is %d: \"apt-get install postgresql-client-%d\"", name,
            newest, server_major, server_major);
    return 0;
}

int pg_tools_run(const struct tool *t, struct err *e)
{
    int rc = tool_run(t, e);
    bool peer = rc == ERR_REFUSED && strstr(e->message, "Peer authentication failed") != NULL && geteuid() == 0;
    const struct passwd *service = peer ? getpwnam(PG_DIAL_SERVICE_USER) : NULL;
    if (service == NULL || (t->in > 0 && lseek(t->in, 0, SEEK_SET) < 0))
        return rc;
    struct tool again = *t;
    again.uid = service->pw_uid;
    again.gid = service->pw_gid;
    return tool_run(&again, e);
}
