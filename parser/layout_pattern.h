/*
 * layout_pattern - one text taken apart into fields: "{day} {time}", "{module:A+ 9+} {activity}[ ({group})]\n{venue}".
 *
 * Runs in: parser (compiled by the zygote, matched in a cell). Pure. Bounded: a match takes at most LAYOUT_PATTERN_STEPS steps.
 *
 * A {field} takes the shortest text that lets the rest fit; {day}, {days}, {date}, {time}, {end}, {duration} and {weeks} take only what is
 * one. {field:SHAPE} fixes its letters: A a capital, a any letter, 9 a figure, X a letter or figure, + one or more of the one before,
 * others stand for themselves. [ ] surrounds what may be missing. A space is any blank or line break, \n a line break. \ takes what follows
 * as it is.
 */
#pragma once

#include "layout.h"

enum { LAYOUT_PATTERN_STEPS = 200000, LAYOUT_PARTS_MAX = 12, LAYOUT_PATTERN_TEXT_MAX = 1024 };

/* What a match found: pieces of the text, borrowed from it. */
struct layout_part {
    enum layout_field field;
    const char *start;
    size_t len;
};

struct layout_parts {
    struct layout_part items[LAYOUT_PARTS_MAX];
    size_t n;
};

/* Compiles; NULL with why (a literal or formatted text of at most size bytes) when it is not a pattern. Caller frees. */
struct layout_pattern *layout_pattern_new(const char *text, char *why, size_t size);
void layout_pattern_free(struct layout_pattern *p);
/* True when the whole of text fits; its parts in *ret_parts (may be NULL), which is untouched otherwise. */
bool layout_pattern_match(const struct layout_pattern *p, const struct layout_values *v, const char *text,
                          struct layout_parts *ret_parts);
/* The same for the first pattern of a list that fits. */
bool layout_pattern_any(const struct layout_patterns *list, const struct layout_values *v, const char *text,
                        struct layout_parts *ret_parts);
/* True when some text between brackets or outside of them is taken as field. */
bool layout_pattern_has(const struct layout_pattern *p, enum layout_field field);
