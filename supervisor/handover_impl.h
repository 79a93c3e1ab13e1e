/*
 * handover_impl - what the files of a hand-over share.
 *
 * Runs in: supervisor. Thread: the loop's only. Internal to handover_uv.c, handover_give_uv.c and handover_take_uv.c.
 */
#pragma once

#include "handover_uv.h"

/* The move, logged; false when there is none. */
bool handover_move(struct handover *h, enum handover_event event);
/* Says a word to the other life. fields: taken, or NULL. */
void handover_say(struct handover *h, const char *word, json_t *fields);
/* Listens on h->fd, which is set. 0 or -errno. */
int handover_listen(struct handover *h);
/* The state has so long; 0: no more. */
void handover_deadline(struct handover *h, uint64_t ms);
/* Closes h->fd and what listens on it. */
void handover_part(struct handover *h);
/* Who the other is, from its hello or born. */
void handover_meet(struct handover *h, const json_t *note);

/* A note, or (NULL) the end of the other side, for the side that hands over and the side that takes over. */
void handover_give_hear(struct handover *h, const json_t *note);
void handover_take_hear(struct handover *h, const json_t *note);
/* The state's deadline has passed. */
void handover_give_late(struct handover *h);
