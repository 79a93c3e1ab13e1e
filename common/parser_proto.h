/*
 * parser_proto - what a worker and its parser zygote say to each other.
 *
 * Runs in: worker and parser. A SOCK_SEQPACKET pair, the zygote's end is PARSER_FD; one struct a packet, in both directions.
 *
 *   worker → zygote   PARSE   + SCM_RIGHTS: document (memfd sealed against every change), reply (empty memfd, writable)
 *                     CANCEL  kills the cell of that id
 *   zygote → worker   READY   once, after warm-up; then a REPORT for every PARSE
 *
 * The reply memfd holds a struct parser_reply_head and JSON text, written by the cell: foreign bytes to whoever reads it.
 * The report may come before the cell is dead: the worker seals the reply against writing before it looks at it.
 * A cell that dies of a signal leaves its crash page (crash_page.h) there instead. The report is the
 * zygote's own, which has read no byte of the document. EOF on either side: the other is dead.
 */
#pragma once

#include "base.h"

enum { PARSER_FDS = 2 }; /* of a PARSE: document, reply */
enum { PARSER_FD = 3, PARSER_OPTIONS_MAX = 1024, PARSER_TEXT_MAX = 480, PARSER_IDENTITY_MAX = 80, PARSER_CELLS_MAX = 8 };
enum { PARSER_MAGIC = 0x53504431, PARSER_REPLY_MAGIC = 0x53504432 };

enum parser_type { PARSER_READY = 1, PARSER_PARSE, PARSER_CANCEL, PARSER_REPORT, PARSER_BOOT_FAILED };

/* Exit codes of a cell besides 0 (a reply was written). */
enum {
    PARSER_EXIT_MEM_LIMIT = 71,
    PARSER_EXIT_SANDBOX = 72, /* a protection could not be set up; nothing was read */
    PARSER_EXIT_REPLY = 73,   /* the reply could not be written */
};

struct parser_request {
    uint32_t magic; /* PARSER_MAGIC */
    uint32_t type;  /* enum parser_type */
    uint64_t id;
    uint64_t memory_bytes;  /* address space beyond the library's own */
    uint32_t cpu_s;
    uint32_t wall_ms;
    uint64_t reply_bytes;   /* longest reply, head included */
    uint32_t max_pages;
    uint32_t probe;         /* 0; test builds: enum parser_probe, a cell that misbehaves on purpose */
    uint32_t hold;          /* 1: the cell stops itself before it looks at the document, for a debugger */
    char expect[32];        /* "auto", "table", "text" or a layout's name */
    char password[128];     /* "" when none is given */
    uint64_t unpacked_bytes; /* most that its streams may become, as parser/unpack.h counts them; 0: no bound but CPU time and memory */
};

/* Misbehaviours of a cell, for tests of its walls; a release build refuses them. */
enum parser_probe {
    PARSER_PROBE_NONE,
    PARSER_PROBE_OPEN,
    PARSER_PROBE_SOCKET,
    PARSER_PROBE_FORK,
    PARSER_PROBE_SPIN,
    PARSER_PROBE_ALLOC,
    PARSER_PROBE_CRASH,
    PARSER_PROBE_HANG,
    PARSER_PROBE_WRITE,
    PARSER_PROBE_ABORT,
    PARSER_PROBE_OVERFLOW,
    PARSER_PROBE_LIE, /* counts a row that it neither parsed nor named */
    /* Attacks told by the request's password, words between spaces; a word of a call is a number, or S (4 KiB of scratch), V (its iovec), P (its own
     * pid), D (the document). They answer {"returned":N,"errno":N,"count":N} when they are let. */
    PARSER_PROBE_CALL,       /* NR ARG…: one system call */
    PARSER_PROBE_BARE_CALL,  /* the same without the filter: what the other walls do */
    PARSER_PROBE_BARE_SWEEP, /* the same, for every pid but its own as its first P; counts those it reached */
    PARSER_PROBE_COMPAT,     /* NR: a call by the numbers of 32-bit programs */
    PARSER_PROBE_REPLY,      /* MAGIC LENGTH TIMES TEXT: a reply of its own making, TEXT repeated */
    PARSER_PROBE_DOCUMENT,   /* writes where the document is mapped */
    PARSER_PROBE_DEAF,       /* blocks every signal and spins */
    PARSER_PROBE_NOTES,      /* writes to its notes without end */
    PARSER_PROBE_FDS,        /* counts descriptors that are open */
    PARSER_PROBE_DONE,       /* TEXT: "done" says that its reply is whole and goes on, rewriting it, deaf to signals; "early" says so without a reply;
                              * "babble" says anything without end */
    PARSER_PROBE_SECRETS,    /* looks through heap and stack for TEXT, given with each letter one too high */
};

struct parser_report {
    uint32_t magic; /* PARSER_MAGIC */
    uint32_t type;  /* PARSER_READY, PARSER_REPORT or PARSER_BOOT_FAILED */
    uint64_t id;
    int32_t wait_status; /* of waitpid; 0 when the cell said that its reply is whole: it may live for a moment, but is killed already */
    uint32_t timed_out;  /* the zygote killed it at wall_ms */
    uint32_t cancelled;  /* the zygote killed it because the worker asked */
    uint32_t unread;     /* it died before it took its request: the document had no part in it */
    uint32_t cpu_spent;  /* it used all its CPU seconds */
    uint32_t wall_us, cpu_us;
    uint64_t rss_bytes;  /* peak; of a cell that gave its reply as it said itself, within what it was allowed */
    char text[PARSER_TEXT_MAX]; /* READY: which walls hold; BOOT_FAILED and failed starts: why. NUL-terminated */
    char layouts[72]; /* READY: the digest of the layouts it knows, NUL-terminated */
    char identity[PARSER_IDENTITY_MAX]; /* READY: which parser this is, hex; "": not known. NUL-terminated */
};

struct parser_reply_head {
    uint32_t magic;  /* PARSER_REPLY_MAGIC */
    uint32_t length; /* bytes of JSON after the head */
};
