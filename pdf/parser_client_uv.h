/*
 * parser_client_uv - the worker's end of its parser: starts the zygote, hands it documents, tells how each ended.
 *
 * Runs in: worker, ctl. Thread: the loop's only. Never blocks, but for the start of a zygote (milliseconds). A zygote that died is started
 * again for the next document; what ran in it ends as ERR_CRASH.
 */
#pragma once

#include "err.h"
#include "parser_proto.h"
#include <jansson.h>
#include <uv.h>

struct parser_client;

/* How one document ended. */
struct parser_outcome {
    int code;       /* 0, or why not: a permanent code of the document, or a limit or death of the cell */
    struct err e;   /* message when code < 0 */
    json_t *reply;  /* when code is 0: the cell's JSON object, foreign; borrowed for the call (json_incref to keep) */
    char cause[32];     /* "signal:SIGSEGV", "boot_failure"; "": follows from the code */
    int exit_status;    /* of the cell; -1: a signal ended it, or there was none */
    int page_fd;        /* its crash page, borrowed for the call; -1: it left none */
    const char *signal; /* signal that ended the cell, "SIGSEGV"; NULL: none. Static storage */
    uint32_t wall_us, cpu_us;
    uint64_t rss_bytes;
    bool cancelled; /* by parser_client_cancel */
};
typedef void (*parser_done_fn)(void *arg, const struct parser_outcome *outcome);

/* Starts a zygote that knows the compiled-in layouts and those of the folder (or file) layouts, "" for none, and
 * waits until it is ready (at most PARSER_CLIENT_BOOT_MS). 0, or ERR_BOOT_FAILURE with e. */
enum { PARSER_CLIENT_BOOT_MS = 10000 };
int parser_client_new(uv_loop_t *loop, const char *layouts, struct parser_client **ret_client, struct err *e);
/* The digest of the layouts its parser knows, "" before it was ready; valid until the next call. */
const char *parser_client_layouts(const struct parser_client *c);
/* Ends the zygote and its cells; documents under way are dropped without a call. The handles are closed on the loop. */
void parser_client_close(struct parser_client *c);
/* Parses document_fd (borrowed for the call). Fills request's magic, type and id. on_done is called once, later. 0 and *ret_id, or a negative code
 * with e: on_done is then not called. */
int parser_client_parse(struct parser_client *c, struct parser_request *request, int document_fd, parser_done_fn on_done, void *arg,
                        uint64_t *ret_id, struct err *e);
/* Kills the cell; on_done still comes, with cancelled set. */
void parser_client_cancel(struct parser_client *c, uint64_t id);
/* Which of the cell's walls this host allows and which it does not, for a log. As long as the client. */
const char *parser_client_walls(const struct parser_client *c);
/* Which parser the last zygote said it is: another build, library or set of layouts is another. Hex, "" when it is not known. As long as the client. */
const char *parser_client_identity(const struct parser_client *c);
/* The zygote's pid, 0 when none runs; for tests. */
int parser_client_pid(const struct parser_client *c);

/* "SIGSEGV"; "SIG?" for those a cell does not die of. Static storage. */
const char *parser_signal_name(int number);
/* Whether JSON text is divided and nested no more than a document's reply can be, so that its tree takes at most some twenty times its
 * length of memory. Pure; does not check the text's form. */
enum { PARSER_DEPTH_MAX = 16 };
bool parser_outcome_bounded(const char *text, size_t length);
/* A memory file for a reply of at most reply_bytes, or a crash page: of its full size at once (sparse) and sealed against another. Its descriptor,
 * close-on-exec, or -errno. */
int parser_outcome_file(uint64_t reply_bytes);
/* What report and reply_fd (of parser_outcome_file) say. Seals the reply against every change before it reads the first byte.
 * reply_bytes: most the cell was allowed. The caller frees outcome->reply. */
void parser_outcome_read(struct parser_outcome *outcome, const struct parser_report *report, int reply_fd, uint64_t reply_bytes);
