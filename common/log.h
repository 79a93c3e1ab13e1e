/*
 * log - structured log lines: one JSON object a line on a file descriptor, logfmt-like text on a terminal, or entries
 * of systemd's journal with a field STINT_<KEY> for each key.
 *
 * Runs in: every process. Thread-safe: a line is one write(2), at most LOG_LINE_MAX bytes, cut with "…" beyond.
 * The job's id, kind and trace id set with log_job() are added to every line of the calling thread until
 * log_job(NULL…).
 */
#pragma once

#include "base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON, LOG_TEXT, LOG_JOURNAL };
enum { LOG_LINE_MAX = 4096 };

/* One extra field. Make them with the KV_* macros. Keys are literals; values are borrowed for the call. */
struct log_kv {
    const char *key;
    enum { LOG_KV_STR, LOG_KV_INT, LOG_KV_DBL } type;
    const char *s;
    int64_t i;
    double d;
};
#define KV_S(k, v) ((struct log_kv){.key = (k), .type = LOG_KV_STR, .s = (v)})
#define KV_I(k, v) ((struct log_kv){.key = (k), .type = LOG_KV_INT, .i = (int64_t)(v)})
#define KV_D(k, v) ((struct log_kv){.key = (k), .type = LOG_KV_DBL, .d = (v)})

/* Sets where and how: program name ("supervisor"), descriptor (not owned), lowest level. Call once, early. LOG_JOURNAL
 * needs a descriptor that leads to the journal; else lines are JSON. */
void log_init(const char *program, int fd, enum log_level lowest, enum log_format format);
/* Format by its configured name; "auto": text on a terminal, entries where fd leads to the journal, else JSON. */
enum log_format log_format_by_name(const char *name, int fd);
void log_set_level(enum log_level lowest);
/* Level by name ("debug", "info", "warn", "error"); -1 when unknown. */
int log_level_by_name(const char *name);
/* A field put on every line of this process ("pool", "instance"); key and value are copied; at most 4. */
void log_set_field(const char *key, const char *value);
/* The calling thread's current job; id NULL clears. Strings are copied. trace may be NULL. */
void log_job(const char *id, const char *kind, const char *trace);

/* From now on `hear` gets what each written line says, as short text: "message key=value …", cut at 300 bytes. Called
 * on the logging thread; keeps nothing. */
void log_on_line(void (*hear)(const char *text));

/* One line with n extra fields (kv may be NULL when n is 0); nothing below the lowest level. Keeps errno. Use the
 * macros. */
void log_write(enum log_level level, const char *message, const struct log_kv *kv, size_t n);

/* log_info("worker ready", KV_I("slot", 3), KV_S("pool", name)); at least one KV, or the *0 form. */
#define LOG_AT(level, message, ...)                                                                                    \
    log_write(level, message, (const struct log_kv[]){__VA_ARGS__},                                                    \
              sizeof((const struct log_kv[]){__VA_ARGS__}) / sizeof(struct log_kv))
#define log_debug(message, ...) LOG_AT(LOG_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...)  LOG_AT(LOG_INFO, message, __VA_ARGS__)
#define log_warn(message, ...)  LOG_AT(LOG_WARN, message, __VA_ARGS__)
#define log_error(message, ...) LOG_AT(LOG_ERROR, message, __VA_ARGS__)
#define log_info0(message)      log_write(LOG_INFO, message, NULL, 0)
#define log_warn0(message)      log_write(LOG_WARN, message, NULL, 0)
#define log_error0(message)     log_write(LOG_ERROR, message, NULL, 0)
