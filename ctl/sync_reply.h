/*
 * sync_reply - what a Redis master sends after PSYNC: a line that opens the copy, then its RDB in one of two forms.
 *
 *   "\n" …  "+FULLRESYNC <id> <offset>\r\n"  "\n" …  "$<bytes>\r\n" <that many bytes>
 *                                                  or "$EOF:<mark>\r\n" <bytes> <mark>
 *
 * Runs in: ctl. Pure: bytes in, RDB bytes out through a function. It keeps at most SYNC_MARK bytes.
 */
#pragma once

#include "base.h"
#include "err.h"

enum { SYNC_MARK = 40, SYNC_LINE_MAX = 512, SYNC_REPLID = 41 };

/* Takes RDB bytes, borrowed for the call. 0, or an error that ends the copy. */
typedef int (*sync_sink_fn)(void *arg, const char *bytes, size_t len, struct err *e);

enum sync_state { SYNC_LINES, SYNC_COUNTED, SYNC_MARKED, SYNC_DONE };

struct sync_reply {
    enum sync_state state;
    bool opened;              /* FULLRESYNC was seen: the copy's moment is now, or a little before */
    char replid[SYNC_REPLID]; /* of the master */
    int64_t offset;           /* of the copy in the master's stream */
    uint64_t size;            /* announced; 0: not known before its end */
    uint64_t taken;           /* RDB bytes handed on */
    char line[SYNC_LINE_MAX];
    size_t line_len;
    char mark[SYNC_MARK], tail[SYNC_MARK]; /* tail: the last bytes seen, which may be the mark */
    size_t tail_len;
};

/* Nothing was read yet. */
void sync_reply_init(struct sync_reply *r);
/* Takes the next bytes of the connection. 0; the sink's error; ERR_REFUSED when the server refuses to give a copy (e
 * quotes it); ERR_PROTOCOL for what is no such reply. Bytes after the end are ignored. */
int sync_reply_feed(struct sync_reply *r, const char *bytes, size_t len, sync_sink_fn sink, void *arg, struct err *e);
