/*
 * err - see err.h. Expands err_table.h once; formats a message once. Refuses to allocate: an error must be reportable
 * when memory is what ran out.
 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>

struct err_row {
    int code;
    enum err_class class_;
    const char *name;
    const char *text;
};

static const struct err_row err_rows[] = {
#define X(name, number, class_, text) {number, ERR_CLASS_##class_, #name, text},
    ERR_TABLE(X)
#undef X
};

static const struct err_row *err_row_of(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(err_rows); i++)
        if (err_rows[i].code == code)
            return &err_rows[i];
    return NULL;
}

/* A message ends up in one log line and one JSON string: control characters become spaces, and a cut does not leave
 * half a UTF-8 character behind. */
static void err_tidy(char *message)
{
    size_t len = strlen(message);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)message[i] < 0x20 || message[i] == 0x7f)
            message[i] = ' ';
    if (len + 1 < ERR_MESSAGE_MAX)
        return;
    size_t start = len;
    while (start > 0 && ((unsigned char)message[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)message[start - 1] >= 0xc0)
        message[start - 1] = '\0';
}

static void err_format(struct err *e, int code, const char *format, va_list ap) __attribute__((format(printf, 3, 0)));
static void err_format(struct err *e, int code, const char *format, va_list ap)
{
    e->code = code;
    if (vsnprintf(e->message, sizeof e->message, format, ap) < 0)
        e->message[0] = '\0';
}

int err_set(struct err *e, int code, const char *format, ...)
{
    if (e == NULL)
        return code;
    va_list ap;
    va_start(ap, format);
    err_format(e, code, format, ap);
    va_end(ap);
    err_tidy(e->message);
    return code;
}

int err_set_errno(struct err *e, int sys_errno, const char *format, ...)
{
    if (e == NULL)
        return -sys_errno;
    va_list ap;
    va_start(ap, format);
    err_format(e, -sys_errno, format, ap);
    va_end(ap);
    size_t len = strlen(e->message);
    (void)snprintf(e->message + len, sizeof e->message - len, ": %s", err_text(-sys_errno));
    err_tidy(e->message);
    return -sys_errno;
}

bool err_is_descriptors(int sys_errno)
{
    return sys_errno == EMFILE || sys_errno == ENFILE;
}

int err_set_descriptors(struct err *e, int sys_errno, const char *what)
{
    return err_set(e, ERR_NO_DESCRIPTORS, "%s: %s; raise %s", what, err_text(-sys_errno),
                   sys_errno == ENFILE ? "fs.file-max of this host" : "[pool.NAME] files, or LimitNOFILE of stint's service");
}

const char *err_name(int code)
{
    if (code == 0)
        return "OK";
    const struct err_row *row = err_row_of(code);
    if (row != NULL)
        return row->name;
    const char *name = strerrorname_np(-code);
    return name != NULL ? name : "UNKNOWN";
}

const char *err_text(int code)
{
    if (code == 0)
        return "no error";
    const struct err_row *row = err_row_of(code);
    if (row != NULL)
        return row->text;
    const char *text = strerrordesc_np(-code);
    return text != NULL ? text : "unknown error";
}

enum err_class err_class(int code)
{
    const struct err_row *row = err_row_of(code);
    return row != NULL ? row->class_ : ERR_CLASS_TRANSIENT;
}

const char *err_class_name(enum err_class class_)
{
    static const char *const names[] = {"transient", "permanent", "resource", "fatal"};
    assert((size_t)class_ < ARRAY_LEN(names));
    return names[class_];
}

int err_code_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(err_rows); i++)
        if (strcmp(err_rows[i].name, name) == 0)
            return err_rows[i].code;
    return 0;
}
