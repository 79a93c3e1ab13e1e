/*
 * verb_help - help texts made from the verb table.
 *
 * Runs in: ctl. Prints only.
 */
#pragma once

#include "verb.h"

/* The overview: every verb with its line. Returns EXIT_DONE. */
int verb_help_all(struct out *o);
/* One verb: usage, options, example. Returns EXIT_DONE. */
int verb_help_one(struct out *o, const struct verb *v);
/* argv opens with no verb: says so, with what was perhaps meant or what the group holds. Returns EXIT_USAGE, or
 * EXIT_DONE when only a group was named together with --help. */
int verb_help_unknown(struct session *s, int argc, char *const argv[]);
