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
 * A cell that dies of a signal leaves its crash page (crash_page.h) there instead. The report is the
 * zygote's own, which has read no byte of the document. EOF on either side: the other is dead.
 */
#pragma once

#include "base.h"

enum { PARSER_FD = 3, PARSER_OPTIONS_MAX = 1024, PARSER_TEXT_MAX = 480, PARSER_CELLS_MAX = 8 };
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
    char expect[16];        /* "auto", "lecture", "test", "exam", "table", "text" */
    char password[128];     /* "" when none is given */
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
};

struct parser_report {
    uint32_t magic; /* PARSER_MAGIC */
    uint32_t type;  /* PARSER_READY, PARSER_REPORT or PARSER_BOOT_FAILED */
    uint64_t id;
    int32_t wait_status; /* of waitpid */
    uint32_t timed_out;  /* the zygote killed it at wall_ms */
    uint32_t cancelled;  /* the zygote killed it because the worker asked */
    uint32_t wall_us, cpu_us;
    uint64_t rss_bytes;  /* peak */
    char text[PARSER_TEXT_MAX]; /* BOOT_FAILED and failed starts: why; NUL-terminated */
};

struct parser_reply_head {
    uint32_t magic;  /* PARSER_REPLY_MAGIC */
    uint32_t length; /* bytes of JSON after the head */
};
