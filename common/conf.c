/*
 * conf - finds, reads and completes the configuration. The only part of conf_* that opens files. Refuses to go on with
 * a file it did not understand to the last line.
 */
#include "conf_fields.h"

#include "buf.h"
#include "kind_defaults.h"

#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    CONF_FILE_MAX = 1 << 20, /* bytes */
    CONF_LINE_MAX = 2048,    /* bytes */
    CONF_INI_NAME_MAX = 49,  /* inih cuts longer section names and keys silently */
};

void conf_default_dir(char ret_dir[static CONF_STR_MAX])
{
    const char *dir = getenv("STINT_DIR"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (dir != NULL && dir[0] != '\0')
        (void)snprintf(ret_dir, CONF_STR_MAX, "%s", dir);
    else if (geteuid() == 0 || ((xdg == NULL || xdg[0] == '\0') && home == NULL))
        (void)snprintf(ret_dir, CONF_STR_MAX, "/var/lib/stint");
    else if (xdg != NULL && xdg[0] != '\0')
        (void)snprintf(ret_dir, CONF_STR_MAX, "%s/stint", xdg);
    else
        (void)snprintf(ret_dir, CONF_STR_MAX, "%s/.local/state/stint", home);
}

int conf_find(const char *path, char ret_path[static CONF_STR_MAX], struct err *e)
{
    const char *named = path != NULL && path[0] != '\0' ? path : getenv("STINT_CONFIG");
    if (named != NULL && named[0] != '\0') {
        if (strlen(named) >= CONF_STR_MAX)
            return err_set(e, ERR_BAD_CONFIG, "the configuration file's name is longer than %d bytes",
                           CONF_STR_MAX - 1);
        if (access(named, F_OK) != 0)
            return err_set(e, ERR_BAD_CONFIG, "%s: %s; named by %s", named, err_text(-errno),
                           named == path ? "the command line" : "$STINT_CONFIG");
        memcpy(ret_path, named, strlen(named) + 1);
        return 0;
    }
    char dir[CONF_STR_MAX], candidate[CONF_STR_MAX + 16];
    conf_default_dir(dir);
    (void)snprintf(candidate, sizeof candidate, "%s/stint.conf", dir);
    const char *found = access("/etc/stint/stint.conf", F_OK) == 0 ? "/etc/stint/stint.conf"
                        : access(candidate, F_OK) == 0             ? candidate
                                                                   : "";
    (void)snprintf(ret_path, CONF_STR_MAX, "%.*s", CONF_STR_MAX - 1, found);
    return 0;
}

/* pread: siblings share the offset of an inherited descriptor. */
char *conf_slurp(int fd, const char *name, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        (void)err_set(e, ERR_BAD_CONFIG, "%s: %s", name, err_text(-errno));
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > CONF_FILE_MAX) {
        (void)err_set(e, ERR_BAD_CONFIG, "%s: not a regular file of at most %d bytes", name, CONF_FILE_MAX);
        return NULL;
    }
    AUTO_FREE char *text = malloc((size_t)st.st_size + 1);
    if (text == NULL) {
        (void)err_set(e, ERR_OUT_OF_MEMORY, "%s: no memory to read it", name);
        return NULL;
    }
    size_t len = 0;
    while (len < (size_t)st.st_size) {
        ssize_t n = pread(fd, text + len, (size_t)st.st_size - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)err_set(e, ERR_BAD_CONFIG, "%s: %s", name, err_text(-errno));
            return NULL;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    text[len] = '\0';
    if (strlen(text) != len) {
        (void)err_set(e, ERR_BAD_CONFIG, "%s: holds a zero byte; is it a text file?", name);
        return NULL;
    }
    return TAKE(text);
}

/* A walk over an INI text: inih splits the lines, this knows their numbers. */
struct conf_ini {
    struct conf *c;
    const char *name; /* of the file, for messages */
    bool inherited;   /* what a supervisor printed: unknown keys are read past */
    const char *rest; /* not read yet */
    size_t line;
    struct buf seen; /* "\nsection\tkey\tline\n" of every key so far: known keys only, so it stays small */
    struct err *e;
    int rc;
};

static const char *conf_ini_origin(const struct conf_ini *ini, char *out, size_t size)
{
    (void)snprintf(out, size, "%s:%zu", ini->name, ini->line);
    return out;
}

/* Checks a [section] line, which inih would only mention with its first key. */
static int conf_ini_section(const struct conf_ini *ini, const char *line)
{
    char origin[CONF_STR_MAX + 32], section[CONF_INI_NAME_MAX + 1];
    (void)conf_ini_origin(ini, origin, sizeof origin);
    size_t len = strcspn(line + 1, "]\n");
    if (line[1 + len] != ']' || len > CONF_INI_NAME_MAX)
        return err_set(ini->e, ERR_BAD_CONFIG, "%s: a section is written [name], with at most %d characters", origin,
                       CONF_INI_NAME_MAX);
    memcpy(section, line + 1, len);
    section[len] = '\0';
    struct err why = {0};
    if (ini->inherited && conf_section_known(section, origin, &why) < 0)
        return 0;
    int rc = conf_section_known(section, origin, ini->e);
    if (rc == 0 && strncmp(section, "queue.", 6) == 0 && conf_queue_row(ini->c, section + 6, true, &why) == NULL)
        rc = err_set(ini->e, ERR_BAD_CONFIG, "%s: %s", origin, why.message);
    if (rc == 0 && strncmp(section, "pool.", 5) == 0 && conf_pool_row(ini->c, section + 5, true, &why) == NULL)
        rc = err_set(ini->e, ERR_BAD_CONFIG, "%s: %s", origin, why.message);
    if (rc == 0 && strncmp(section, "kind.", 5) == 0 && conf_kind_row(ini->c, section + 5, true, &why) == NULL)
        rc = err_set(ini->e, ERR_BAD_CONFIG, "%s: %s", origin, why.message);
    return rc;
}

/* ini_reader. Leading spaces go, so that an indented key is a key and not the last value continued. */
static char *conf_ini_line(char *out, int size, void *stream)
{
    struct conf_ini *ini = stream;
    if (ini->rc < 0 || *ini->rest == '\0')
        return NULL;
    ini->line++;
    size_t raw = strcspn(ini->rest, "\n");
    const char *start = ini->rest + strspn(ini->rest, " \t");
    size_t len = start < ini->rest + raw ? (size_t)(ini->rest + raw - start) : 0;
    if (len + 2 > (size_t)size) {
        ini->rc =
            err_set(ini->e, ERR_BAD_CONFIG, "%s:%zu: the line is longer than %d bytes", ini->name, ini->line, size - 2);
        return NULL;
    }
    memcpy(out, start, len);
    out[len] = '\n';
    out[len + 1] = '\0';
    ini->rest += raw + (ini->rest[raw] == '\n');
    if (out[0] == '[')
        ini->rc = conf_ini_section(ini, out);
    else if (out[0] != ';' && out[0] != '#' && strspn(out, " \t\r\n") != strlen(out) && strpbrk(out, "=:") == NULL)
        ini->rc = err_set(ini->e, ERR_BAD_CONFIG, "%s:%zu: \"%.*s\" is not \"key = value\"", ini->name, ini->line,
                          (int)MIN_OF(len, (size_t)80), start);
    return ini->rc < 0 ? NULL : out;
}

/* The last of two values would win silently: a setting added at the end of a file would undo one further up. */
static int conf_ini_once(struct conf_ini *ini, const char *section, const char *key, const char *origin)
{
    char name[2 * CONF_INI_NAME_MAX + 8];
    (void)snprintf(name, sizeof name, "\n%.*s\t%.*s\t", CONF_INI_NAME_MAX, section, CONF_INI_NAME_MAX, key);
    const char *before = ini->seen.data != NULL ? strstr(ini->seen.data, name) : NULL;
    if (before != NULL)
        return err_set(ini->e, ERR_BAD_CONFIG, "%s: %s of [%s] is set a second time, first in line %d; keep one of them",
                       origin, key, section, atoi(before + strlen(name)));
    return buf_addf(&ini->seen, "%s%zu\n", name, ini->line) < 0
               ? err_set(ini->e, ERR_OUT_OF_MEMORY, "%s: no memory to read it", origin)
               : 0;
}

static int conf_ini_value(void *user, const char *section, const char *key, const char *value)
{
    struct conf_ini *ini = user;
    char origin[CONF_STR_MAX + 32];
    (void)conf_ini_origin(ini, origin, sizeof origin);
    if (ini->rc == 0 && section[0] == '\0')
        ini->rc = err_set(ini->e, ERR_BAD_CONFIG, "%s: %s stands before any [section]", origin, key);
    if (ini->rc == 0 && ini->inherited && strncmp(section, "listed.", strlen("listed.")) == 0) {
        ini->rc = conf_listed_inherit(ini->c, section + strlen("listed."), value, ini->e);
        return ini->rc == 0;
    }
    if (ini->rc == 0 && ini->inherited && !conf_key_known(section, key))
        return 1; /* of a supervisor that is newer or older than this program: what it knows is enough */
    if (ini->rc == 0)
        ini->rc = conf_ini_once(ini, section, key, origin);
    if (ini->rc == 0)
        ini->rc = conf_assign_named(ini->c, section, key, value, origin, ini->e);
    return ini->rc == 0;
}

static int conf_parse_text(struct conf *c, const char *name, bool inherited, const char *text, struct err *e)
{
    struct conf_ini ini = {.c = c, .name = name, .inherited = inherited, .rest = text, .e = e};
    buf_init(&ini.seen, CONF_FILE_MAX);
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        ini.rest += 3;
    ini_max_line = CONF_LINE_MAX; /* the library's own default, 200, cuts URLs */
    int line = ini_parse_stream(conf_ini_line, &ini, conf_ini_value, &ini);
    buf_fini(&ini.seen);
    if (ini.rc < 0)
        return ini.rc;
    return line == 0 ? 0 : err_set(e, ERR_BAD_CONFIG, "%s:%d: not \"key = value\"", name, line);
}

static void conf_defaults(struct conf *c)
{
    static const char *const known[] = {
#define X(name, ...) name,
        KIND_DEFAULTS(X)
#undef X
            "default"};
    *c = (struct conf){.n_pools = 0};
    size_t n;
    const struct conf_section *sections = conf_sections(&n);
    for (size_t i = 0; i < n; i++)
        conf_fields_default(&sections[i], (char *)c + sections[i].offset);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        (void)conf_kind_row(c, known[i], true, NULL);
}

/* One pool per enabled kind, named as its queue. */
static void conf_default_pools(struct conf *c)
{
    static const struct {
        const char *kind, *queue;
    } rows[] = {
#define X(name, queue, ...) {name, queue},
        KIND_DEFAULTS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (conf_kind_of(c, rows[i].kind)->enabled == 0)
            continue;
        struct conf_pool *pool = conf_pool_row(c, rows[i].queue, true, NULL);
        assert(pool != NULL);
        (void)snprintf(pool->kinds, sizeof pool->kinds, "%s", rows[i].kind);
    }
}

int conf_load(struct conf *c, const char *path, struct err *e)
{
    int rc;
    conf_defaults(c);
    if (path[0] != '\0') {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_set(e, ERR_BAD_CONFIG, "%s: %s", path, err_text(-errno));
        AUTO_FREE char *text = conf_slurp(fd, path, e);
        if (text == NULL)
            return ERR_BAD_CONFIG;
        if ((rc = conf_parse_text(c, path, false, text, e)) < 0)
            return rc;
        (void)snprintf(c->path, sizeof c->path, "%s", path);
    }
    if ((rc = conf_env_fixed(c, environ, e)) < 0)
        return rc;
    conf_finish(c);
    if (c->n_pools == 0)
        conf_default_pools(c);
    if ((rc = conf_env_pools(c, environ, e)) < 0 || (rc = conf_secrets(c, e)) < 0 || (rc = conf_listed_read(c, e)) < 0)
        return rc;
    conf_finish(c);
    return conf_check(c, e);
}

int conf_load_fd(struct conf *c, int fd, struct err *e)
{
    conf_defaults(c);
    AUTO_FREE char *text = conf_slurp(fd, "inherited configuration", e);
    if (text == NULL)
        return ERR_BAD_CONFIG;
    int rc = conf_parse_text(c, "inherited configuration", true, text, e);
    if (rc < 0)
        return rc;
    conf_finish(c);
    return conf_check(c, e);
}

/* Values that may stand in a file of their own instead: KEY and KEY_file. */
#define CONF_SECRETS(X)                                                                                                \
    X(redis, url) X(postgres, url) X(pdf, s3_access_key) X(pdf, s3_secret_key) X(pdf, s3_session_token)

struct conf_secret_row {
    const char *section, *key;
    size_t value, file; /* offsets in struct conf */
};

static const struct conf_secret_row conf_secret_rows[] = {
#define X(section, key) {#section, #key, offsetof(struct conf, section.key), offsetof(struct conf, section.key##_file)},
    CONF_SECRETS(X)
#undef X
};

/* A bare name is a credential of the service; for an operator's command, which is given none, the file of that name beside the
 * configuration; else a file of the working folder. */
static void conf_secret_path(const struct conf *c, const char *file, char ret_path[static CONF_STR_MAX * 2])
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"), *slash = strrchr(c->path, '/');
    (void)snprintf(ret_path, CONF_STR_MAX * 2, "%.500s/%s", credentials != NULL ? credentials : "", file);
    if (strchr(file, '/') == NULL && credentials != NULL && access(ret_path, F_OK) == 0)
        return;
    (void)snprintf(ret_path, CONF_STR_MAX * 2, "%.*s%s", slash != NULL ? (int)(slash - c->path + 1) : 0, c->path, file);
    if (strchr(file, '/') == NULL && slash != NULL && access(ret_path, F_OK) == 0)
        return;
    (void)snprintf(ret_path, CONF_STR_MAX * 2, "%s", file);
}

static int conf_secret(const struct conf *c, const struct conf_secret_row *row, const char *file, char *value, struct err *e)
{
    char path[CONF_STR_MAX * 2];
    conf_secret_path(c, file, path);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_BAD_CONFIG, "[%s] %s_file %s: %s", row->section, row->key, path, err_text(-errno));
    AUTO_FREE char *text = conf_slurp(fd, path, e);
    if (text == NULL)
        return ERR_BAD_CONFIG;
    char *line = text + strspn(text, " \t");
    line[strcspn(line, "\r\n")] = '\0';
    size_t len = strlen(line);
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        line[--len] = '\0';
    if (len == 0 || len >= CONF_STR_MAX) /* the text is a secret: its length alone may be told */
        return err_set(e, ERR_BAD_CONFIG, "[%s] %s_file %s: its first line has %zu characters; allowed: 1 to %d",
                       row->section, row->key, path, len, CONF_STR_MAX - 1);
    memset(value, 0, CONF_STR_MAX);
    memcpy(value, line, len);
    return 0;
}

int conf_secrets(struct conf *c, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(conf_secret_rows) && rc == 0; i++) {
        const struct conf_secret_row *row = &conf_secret_rows[i];
        const char *file = (const char *)c + row->file;
        if (file[0] != '\0')
            rc = conf_secret(c, row, file, (char *)c + row->value, e);
    }
    return rc;
}

void conf_secret_forget(struct conf *c, const char *section_name, const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(conf_secret_rows); i++)
        if (strcmp(conf_secret_rows[i].section, section_name) == 0 && strcmp(conf_secret_rows[i].key, key) == 0)
            memset((char *)c + conf_secret_rows[i].file, 0, CONF_STR_MAX);
}

bool conf_secret_file(const char *section_name, const char *key)
{
    char file[64];
    for (size_t i = 0; i < ARRAY_LEN(conf_secret_rows); i++) {
        (void)snprintf(file, sizeof file, "%s_file", conf_secret_rows[i].key);
        if (strcmp(conf_secret_rows[i].section, section_name) == 0 && strcmp(file, key) == 0)
            return true;
    }
    return false;
}
