/*
 * redis_reply - what an error reply of Redis means for its caller.
 *
 * Runs in: every process that talks to Redis. Pure.
 */
#pragma once

#include "base.h"
#include "err.h"

enum redis_trouble {
    REDIS_TROUBLE_NONE,      /* the command itself was refused: the connection is fine */
    REDIS_TROUBLE_NOT_READY, /* the server cannot serve now (LOADING, READONLY, NOAUTH, MASTERDOWN): connect anew later
                              */
    REDIS_TROUBLE_NO_FUNCTIONS, /* the server lost the Functions library: load it again */
};

/* Which of the above the text of an error reply ("READONLY You can't write…") shows. */
enum redis_trouble redis_reply_trouble(const char *text);

/* Fills e for an error reply and returns its code: ERR_NOT_FOUND, ERR_REFUSED or ERR_BAD_ARGUMENT for the STINT_ codes
 * of docs/protocol.md (the code itself is cut off the message), ERR_REDIS_UNAVAILABLE for a server that is not ready,
 * else ERR_REDIS_REFUSED with a remedy where one is known. */
int redis_reply_error(const char *text, struct err *e);
