/*
 * redis_reply - what an error reply of Redis, or the loss of a connection to it, means for its caller and what to do.
 *
 * Runs in: every process that talks to Redis. Pure.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "redis_trouble_table.h"

enum redis_trouble {
    REDIS_TROUBLE_NONE,         /* the command itself was refused: the connection is fine */
    REDIS_TROUBLE_NOT_READY,    /* the server cannot serve anybody now (LOADING, READONLY, …): connect anew later */
    REDIS_TROUBLE_NO_FUNCTIONS, /* the server lost the Functions library: load it again */
};

/* Why there is no connection, or not any more. */
enum redis_loss {
#define X(id, remedy) REDIS_LOSS_##id,
    REDIS_LOSS_ROWS(X)
#undef X
        REDIS_LOSS_COUNT
};

/* Which of the above the text of an error reply ("READONLY You can't write…") shows. */
enum redis_trouble redis_reply_trouble(const char *text);

/* True when a cluster says that the key's slot is on another node or being moved: the command did nothing, and can be sent again. */
bool redis_reply_elsewhere(const char *text);

/* Fills e for an error reply and returns its code: ERR_NOT_FOUND, ERR_REFUSED or ERR_BAD_ARGUMENT for the STINT_ codes
 * of docs/protocol.md (the code itself is cut off the message), the code of redis_trouble_table.h with its remedy, else
 * ERR_REDIS_REFUSED. */
int redis_reply_error(const char *text, struct err *e);

/* The kind of loss behind a system's error number (positive). */
enum redis_loss redis_loss_of_errno(int sys_errno);
/* A half-sentence for people: what to look at. Static storage. */
const char *redis_loss_remedy(enum redis_loss loss);
