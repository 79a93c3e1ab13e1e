/*
 * dead_advice - what an operator does next about a dead letter, by its cause and code.
 *
 * Runs in: ctl, console. Pure.
 */
#pragma once

#include "base.h"

enum { DEAD_ADVICE_MAX = 512 };

/* The next step. which: how the letters are named on a command line: an id, or "--fingerprint 5ac1…". kind: for the
 * names of configuration keys. Returns out. */
char *dead_advice(char out[static DEAD_ADVICE_MAX], const char *code, const char *cause, const char *kind,
                  const char *which);
