/*
 * parser_client_uv - the worker's end of its parser: starts the zygote, hands it documents, tells how each ended.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks, but for the start of a zygote (milliseconds). A zygote that died is started
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

/* Starts a zygote and waits until it is ready (at most PARSER_CLIENT_BOOT_MS). 0, or ERR_BOOT_FAILURE with e. */
enum { PARSER_CLIENT_BOOT_MS = 10000 };
int parser_client_new(uv_loop_t *loop, struct parser_client **ret_client, struct err *e);
/* Ends the zygote and its cells; documents under way are dropped without a call. The handles are closed on the loop. */
void parser_client_close(struct parser_client *c);
/* Parses document_fd (borrowed for the call). Fills request's magic, type and id. on_done is called once, later. 0 and *ret_id, or a negative code
 * with e: on_done is then not called. */
int parser_client_parse(struct parser_client *c, struct parser_request *request, int document_fd, parser_done_fn on_done, void *arg,
                        uint64_t *ret_id, struct err *e);
/* Kills the cell; on_done still comes, with cancelled set. */
void parser_client_cancel(struct parser_client *c, uint64_t id);
/* The zygote's pid, 0 when none runs; for tests. */
int parser_client_pid(const struct parser_client *c);

/* "SIGSEGV"; "SIG?" for those a cell does not die of. Static storage. */
const char *parser_signal_name(int number);
/* Pure: what report and reply memfd say. reply_bytes: most the cell was allowed. The caller frees outcome->reply. */
void parser_outcome_read(struct parser_outcome *outcome, const struct parser_report *report, int reply_fd, uint64_t reply_bytes);
