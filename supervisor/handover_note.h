/*
 * handover_note - what two lives of a supervisor say to each other: one JSON object a packet, with its word in "say".
 *
 * Runs in: supervisor. Thread: loop only. Never blocks.
 * Members that are not known are not read, so that either side may be the newer one.
 *
 *   the old one                                     the new one
 *     hello  who we are, our pools, systemd's ways,
 *            with the metrics' listening socket  ──►  (it is there before the new one is)
 *                                                ◄──  forked  pid: whom to end, should it say nothing more
 *                                                ◄──  born    pid, instance, version, build
 *                                                ◄──  waits   for what: words
 *                                                ◄──  ready
 *     take   the sockets are yours               ──►
 *                                                ◄──  taken
 *     yours  the service manager knows you       ──►
 *     drains workers, jobs: what we have in hand ──►
 *                                                ◄──  stop    kill what you have
 *     end    leave: we go on                     ──►
 *                                                ◄──  failed  words; leaving
 */
#pragma once

#include "base.h"
#include <jansson.h>

enum { HANDOVER_NOTE_MAX = 65536 };

/* Sends {"say":word, …fields}. fields: an object that is taken, or NULL. pass_fd: -1, or a descriptor that goes along
 * and stays the caller's. 0, or -errno. */
int handover_note_send(int fd, const char *word, json_t *fields, int pass_fd);
/* 1 with *ret_note (the caller's; it has a "say") and *ret_fd (the caller's, -1: none); 0: nothing there; -ENODATA: the
 * other end is closed; -EBADMSG: no note, dropped. */
int handover_note_receive(int fd, json_t **ret_note, int *ret_fd);
/* Somebody's words as a member, whatever bytes they were cut to; the caller's. */
json_t *handover_note_words(const char *text);
/* A member's text, "" when it is absent or no text. Borrowed. */
const char *handover_note_text(const json_t *note, const char *key);
/* A member's whole number, otherwise the default. */
int64_t handover_note_number(const json_t *note, const char *key, int64_t otherwise);
