/*
 * log - see log.h. Builds each line in a buffer on the stack and writes it with one write(2), so lines of several
 * processes on one descriptor never mix. It refuses to fail: what does not fit is cut with "…", what cannot be written
 * is lost.
 *
 * State: where and how to log is set once by main (log_init, log_set_field) before there are other threads; only the
 * level may change later. The current job belongs to its thread.
 */
#include "log.h"

#include "clock.h"
#include "log_journal.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

enum { LOG_FIELDS_MAX = 4, LOG_NAME_MAX = 32, LOG_VALUE_MAX = 128, LOG_TAIL = 8, LOG_HEARD_MAX = 300 };
#define LOG_CUT "\xe2\x80\xa6" /* … */

static struct {
    char program[LOG_NAME_MAX];
    int fd;
    int journal; /* socket; -1: lines go to fd */
    enum log_format format;
    _Atomic int lowest;
    void (*hear)(const char *text);
    size_t n_fields;
    struct {
        char key[LOG_NAME_MAX], value[LOG_VALUE_MAX];
    } fields[LOG_FIELDS_MAX];
} log_state = {.program = "stint", .fd = STDERR_FILENO, .journal = -1, .format = LOG_JSON, .lowest = LOG_INFO};

static _Thread_local struct {
    char id[JOB_ID_MAX], kind[KIND_MAX], trace[TRACE_MAX];
} log_current;

static const char *const log_level_names[] = {"debug", "info", "warn", "error"};

/* One line being built. LOG_TAIL bytes stay free for the cut mark, a closing quote, brace and newline. */
struct log_line {
    char data[LOG_LINE_MAX];
    size_t len;
    enum log_format format;
};

static bool log_fits(const struct log_line *l, size_t n)
{
    return l->len + n + LOG_TAIL <= sizeof l->data;
}

static bool log_put(struct log_line *l, const char *s, size_t n)
{
    if (!log_fits(l, n))
        return false;
    memcpy(l->data + l->len, s, n);
    l->len += n;
    return true;
}

/* Bytes of the well-formed UTF-8 character at s, 0 when there is none. */
static size_t log_utf8_len(const unsigned char *s)
{
    static const struct {
        unsigned char lo, hi, second_lo, second_hi;
        size_t len;
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    if (*s < 0x80)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (*s < rows[i].lo || *s > rows[i].hi)
            continue;
        if (s[1] < rows[i].second_lo || s[1] > rows[i].second_hi)
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].len;
    }
    return 0;
}

/* Appends s inside a JSON string: escaped, bytes that are not UTF-8 replaced. On a terminal the same escapes keep
 * foreign text from moving the cursor. */
static void log_put_escaped(struct log_line *l, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        char escaped[8];
        size_t n = log_utf8_len(s);
        bool ok;
        if (n == 0) {
            ok = log_put(l, "\xef\xbf\xbd", 3);
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            ok = log_put(l, *s == '"' ? "\\\"" : "\\\\", 2);
        } else if (*s < 0x20 || *s == 0x7f) {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", *s);
            ok = log_put(l, escaped, 6);
        } else {
            ok = log_put(l, (const char *)s, n);
        }
        if (!ok) {
            memcpy(l->data + l->len, LOG_CUT, 3);
            l->len += 3;
            return;
        }
        s += n;
    }
}

/* "\nSTINT_JOB=" of "job": a journal's field names are capitals, digits and underscores. */
static void log_put_journal_key(struct log_line *l, const char *key)
{
    (void)log_put(l, "\nSTINT_", 7);
    for (; *key != '\0'; key++) {
        char c = (char)(*key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key);
        (void)log_put(l, (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? &c : "_", 1);
    }
    (void)log_put(l, "=", 1);
}

/* Opens `,"key":` or ` key=`; false when not even the key and an empty value fit. */
static bool log_put_key(struct log_line *l, const char *key)
{
    size_t n = strlen(key);
    if (!log_fits(l, n + 40))
        return false;
    if (l->format == LOG_JOURNAL) {
        log_put_journal_key(l, key);
    } else if (l->format == LOG_JSON) {
        (void)log_put(l, l->len == 1 ? "\"" : ",\"", l->len == 1 ? 1 : 2);
        (void)log_put(l, key, n);
        (void)log_put(l, "\":", 2);
    } else {
        (void)log_put(l, " ", 1);
        (void)log_put(l, key, n);
        (void)log_put(l, "=", 1);
    }
    return true;
}

static void log_put_str(struct log_line *l, const char *key, const char *value)
{
    if (value == NULL || !log_put_key(l, key))
        return;
    bool quote = l->format == LOG_JSON ||
                 (l->format == LOG_TEXT && (value[strcspn(value, " =\"\\")] != '\0' || value[0] == '\0'));
    if (quote)
        l->data[l->len++] = '"';
    log_put_escaped(l, value);
    if (quote)
        l->data[l->len++] = '"';
}

static void log_put_kv(struct log_line *l, const struct log_kv *kv)
{
    char number[40];
    switch (kv->type) {
    case LOG_KV_STR:
        log_put_str(l, kv->key, kv->s);
        return;
    case LOG_KV_INT:
        (void)snprintf(number, sizeof number, "%lld", (long long)kv->i);
        break;
    case LOG_KV_DBL: /* JSON knows no infinity */
        if (isfinite(kv->d))
            (void)snprintf(number, sizeof number, "%.9g", kv->d);
        else
            (void)snprintf(number, sizeof number, "null");
        break;
    }
    if (log_put_key(l, kv->key))
        (void)log_put(l, number, strlen(number));
}

static void log_put_head(struct log_line *l, enum log_level level, const char *message)
{
    char when[25];
    (void)clock_iso8601(clock_wall_ms(), when);
    if (l->format == LOG_JSON) {
        (void)log_put(l, "{", 1);
        log_put_str(l, "ts", when);
        log_put_str(l, "level", log_level_names[level]);
        log_put_str(l, "program", log_state.program);
        log_put_kv(l, &KV_I("pid", getpid()));
        log_put_str(l, "msg", message);
        return;
    }
    char head[LOG_NAME_MAX + 64];
    int n =
        snprintf(head, sizeof head, "%s %-5s %s[%d] ", when, log_level_names[level], log_state.program, (int)getpid());
    (void)log_put(l, head, (size_t)n);
    log_put_escaped(l, message);
}

static void log_hear(const char *message, const struct log_kv *kv, size_t n)
{
    char text[LOG_HEARD_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", message);
    for (size_t i = 0; i < n && len < sizeof text; i++) {
        if (kv[i].type == LOG_KV_STR && kv[i].s != NULL && kv[i].s[0] != '\0')
            len += (size_t)snprintf(text + len, sizeof text - len, " %s=%s", kv[i].key, kv[i].s);
        else if (kv[i].type == LOG_KV_INT)
            len += (size_t)snprintf(text + len, sizeof text - len, " %s=%lld", kv[i].key, (long long)kv[i].i);
    }
    log_state.hear(text);
}

void log_on_line(void (*hear)(const char *text))
{
    log_state.hear = hear;
}

/* The fields of a line: the process', the current job's, the line's own. */
static void log_put_fields(struct log_line *l, const struct log_kv *kv, size_t n)
{
    for (size_t i = 0; i < log_state.n_fields; i++)
        log_put_str(l, log_state.fields[i].key, log_state.fields[i].value);
    if (log_current.id[0] != '\0') {
        log_put_str(l, "job", log_current.id);
        log_put_str(l, "kind", log_current.kind);
        if (log_current.trace[0] != '\0')
            log_put_str(l, "trace", log_current.trace);
    }
    for (size_t i = 0; i < n; i++)
        log_put_kv(l, &kv[i]);
}

/* The journal knows time, process and unit by itself. Its message is the text form, its fields are the same once more.
 */
static bool log_to_journal(enum log_level level, const char *message, const struct log_kv *kv, size_t n)
{
    static const int priorities[] = {[LOG_DEBUG] = 7, [LOG_INFO] = 6, [LOG_WARN] = 4, [LOG_ERROR] = 3};
    struct log_line text = {.format = LOG_TEXT}, fields = {.format = LOG_JOURNAL};
    char entry[2 * LOG_LINE_MAX + 128];
    log_put_escaped(&text, message);
    log_put_fields(&text, kv, n);
    log_put_fields(&fields, kv, n);
    int len = snprintf(entry, sizeof entry, "PRIORITY=%d\nSYSLOG_IDENTIFIER=stint-%s\nMESSAGE=%.*s%.*s\n",
                       priorities[level], log_state.program, (int)text.len, text.data, (int)fields.len, fields.data);
    return len > 0 && (size_t)len < sizeof entry && log_journal_send(log_state.journal, entry, (size_t)len);
}

static void log_to_fd(enum log_level level, const char *message, const struct log_kv *kv, size_t n)
{
    struct log_line l = {.format = log_state.format == LOG_TEXT ? LOG_TEXT : LOG_JSON};
    log_put_head(&l, level, message);
    log_put_fields(&l, kv, n);
    if (l.format == LOG_JSON)
        l.data[l.len++] = '}';
    l.data[l.len++] = '\n';
    ssize_t written UNUSED = write(log_state.fd, l.data, l.len);
}

void log_write(enum log_level level, const char *message, const struct log_kv *kv, size_t n)
{
    if ((int)level < atomic_load_explicit(&log_state.lowest, memory_order_relaxed))
        return;
    int saved_errno = errno;
    if (log_state.journal < 0 || !log_to_journal(level, message, kv, n))
        log_to_fd(level, message, kv, n);
    if (log_state.hear != NULL)
        log_hear(message, kv, n);
    errno = saved_errno;
}

void log_init(const char *program, int fd, enum log_level lowest, enum log_format format)
{
    (void)snprintf(log_state.program, sizeof log_state.program, "%s", program);
    log_state.fd = fd;
    log_state.format = format;
    if (log_state.journal >= 0)
        (void)close(log_state.journal);
    log_state.journal = format == LOG_JOURNAL ? log_journal_open(fd) : -1;
    log_set_level(lowest);
}

enum log_format log_format_by_name(const char *name, int fd)
{
    if (strcmp(name, "auto") != 0)
        return strcmp(name, "text") == 0 ? LOG_TEXT : strcmp(name, "journal") == 0 ? LOG_JOURNAL : LOG_JSON;
    int journal = log_journal_open(fd);
    if (journal >= 0)
        (void)close(journal);
    return journal >= 0 ? LOG_JOURNAL : isatty(fd) ? LOG_TEXT : LOG_JSON;
}

void log_set_level(enum log_level lowest)
{
    atomic_store_explicit(&log_state.lowest, (int)lowest, memory_order_relaxed);
}

int log_level_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(log_level_names); i++)
        if (strcmp(log_level_names[i], name) == 0)
            return (int)i;
    return -1;
}

void log_set_field(const char *key, const char *value)
{
    size_t i = 0;
    while (i < log_state.n_fields && strcmp(log_state.fields[i].key, key) != 0)
        i++;
    if (i == LOG_FIELDS_MAX)
        return;
    (void)snprintf(log_state.fields[i].key, sizeof log_state.fields[i].key, "%s", key);
    (void)snprintf(log_state.fields[i].value, sizeof log_state.fields[i].value, "%s", value);
    log_state.n_fields = MAX_OF(log_state.n_fields, i + 1);
}

void log_job(const char *id, const char *kind, const char *trace)
{
    (void)snprintf(log_current.id, sizeof log_current.id, "%s", id != NULL ? id : "");
    (void)snprintf(log_current.kind, sizeof log_current.kind, "%s", id != NULL && kind != NULL ? kind : "");
    (void)snprintf(log_current.trace, sizeof log_current.trace, "%s", id != NULL && trace != NULL ? trace : "");
}
