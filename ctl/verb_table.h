/*
 * verb_table - every verb of `stint`: what help, the dispatcher, "did you mean" and shell completion are made from.
 *
 * X(id, words, group, least, most, positionals, help, example)
 *   id           the handler is verb_<id>(), its options verb_<id>_options[], both in the file of its group
 *   least, most  positionals allowed; most VERB_MANY: any number
 */
#pragma once

#define VERB_MANY (-1)

#define VERB_TABLE(X)                                                                                                  \
    X(help, "help", "Help", 0, 3, "[VERB]", "what there is, or how one verb is used", "stint help dlq replay")
