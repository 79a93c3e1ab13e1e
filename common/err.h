/*
 * err - one error: its code, what happened, and where it was noticed first.
 *
 * Runs in: every process. Pure. Functions return 0 or a negative code: -errno for a failed system call, ERR_* (below
 * -5000) for ours; a function that can explain itself also takes `struct err *`, filled once, where it happened.
 */
#pragma once

#include "base.h"
#include "err_table.h"

enum err_class { ERR_CLASS_TRANSIENT, ERR_CLASS_PERMANENT, ERR_CLASS_RESOURCE, ERR_CLASS_FATAL };

enum err_code {
#define X(name, number, class_, text) ERR_##name = number,
    ERR_TABLE(X)
#undef X
};

enum { ERR_MESSAGE_MAX = 1024 };

struct err {
    int code;                      /* 0, -errno or enum err_code */
    char message[ERR_MESSAGE_MAX]; /* a sentence for people: what was wrong, where, what to do. UTF-8, no newline */
};

/* Fills e (NULL is allowed) and returns code, so that `return err_set(e, ERR_X, "...")` reads well. Cuts long messages. */
int err_set(struct err *e, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set with ": " and the text of errno value `sys_errno` appended; the code is -sys_errno. */
int err_set_errno(struct err *e, int sys_errno, const char *format, ...) PRINTF_LIKE(3, 4);
/* The error of a call that found no descriptor (EMFILE, ENFILE): what was wanted, and the remedy. Returns ERR_NO_DESCRIPTORS. */
int err_set_descriptors(struct err *e, int sys_errno, const char *what);
/* True for the two ways in which descriptors run out: of the process, of the host. */
bool err_is_descriptors(int sys_errno);

/* "BAD_PAYLOAD" for ERR_BAD_PAYLOAD, "EIO" for -EIO, "OK" for 0. Never NULL; static storage. */
const char *err_name(int code);

/* The table's sentence, or strerror's. Never NULL; static storage. */
const char *err_text(int code);

/* Class from the table; -errno codes are TRANSIENT. */
enum err_class err_class(int code);

/* "transient", "permanent", "resource" or "fatal". */
const char *err_class_name(enum err_class class_);

/* Code by its name ("NOT_PDF"), or 0 when no code has that name. */
int err_code_by_name(const char *name);
