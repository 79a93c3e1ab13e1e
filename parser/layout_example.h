/*
 * layout_example - a layout file's own examples: a small table as text, and the events it must give.
 *
 * Runs in: parser zygote (read, never run), and stint-parser --layout-check. Owner: the layout.
 */
#pragma once

#include "layout.h"

enum { EXAMPLE_LINES_MAX = 200, EXAMPLE_EVENTS_MAX = 200 };

enum example_type { EXAMPLE_ABOVE, EXAMPLE_HEADER, EXAMPLE_ROW, EXAMPLE_BREAK, EXAMPLE_BELOW };

/* One line of an example: what stands on the page, or what must come of it. */
struct example_line {
    enum example_type type; /* of what stands on the page */
    char *text;             /* owned */
    size_t line;            /* of the file */
};

struct layout_example {
    char *section; /* owned; "example.1" */
    size_t line;   /* of the section */
    char *title;   /* owned; NULL: none */
    bool ruled, plain; /* how it is drawn: with rules, without, or both after each other */
    struct example_line lines[EXAMPLE_LINES_MAX];
    size_t n_lines;
    struct example_line events[EXAMPLE_EVENTS_MAX], warnings[EXAMPLE_EVENTS_MAX];
    size_t n_events, n_warnings;
    struct example_line rows, fails; /* text NULL: not said */
};

/* Adds an empty example. -ENOSPC past LAYOUT_EXAMPLES_MAX. */
int layout_examples_add(struct layout *layout, const char *section, size_t line);
/* The one added last. */
struct layout_example *layout_examples_last(struct layout *layout);
/* Takes over one key of [example.N]. -EINVAL with why. */
int layout_example_set(struct layout_example *x, const char *key, const char *value, size_t line, char *why, size_t size);
/* -EINVAL, and its line, when an example expects nothing. */
int layout_examples_check(const struct layout *layout, size_t *ret_line);
void layout_examples_free(struct layout_example *examples, size_t n);
