/*
 * control_verbs - what the control socket's verbs do; README.md of this folder is their contract.
 *
 * Runs in: supervisor. Thread: loop only.
 */
#pragma once

#include "control_uv.h"

/* Answers one request; arg is the struct supervisor. Logs who asked when it changes something. */
json_t *control_verbs_answer(void *arg, const json_t *request, const struct control_peer *peer);
