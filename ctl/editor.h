/*
 * editor - a JSON text in the operator's own editor.
 *
 * Runs in: ctl. Blocks until the editor ends. The text lies in a file only its owner can read, removed at the end.
 */
#pragma once

#include "session.h"

/* Opens $VISUAL, $EDITOR or vi on the text (indented when it is JSON) and returns what was saved, checked to be JSON;
 * offers to open it again when it is not. ERR_REFUSED without a terminal, when the editor fails, or when the operator gives
 * up: e names the file where the text was left. */
int editor_edit(struct session *s, const char *title, const char *bytes, size_t len, char **ret_bytes, size_t *ret_len,
                struct err *e);
