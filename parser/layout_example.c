/*
 * layout_example - see layout_example.h. Keeps the texts as they stand: layout_draw draws them, layout_check compares.
 */
#include "layout_example.h"

#include <glib.h>
#include <stdio.h>

int layout_examples_add(struct layout *layout, const char *section, size_t line)
{
    if (layout->n_examples == LAYOUT_EXAMPLES_MAX)
        return -ENOSPC;
    layout->examples = g_renew(struct layout_example, layout->examples, layout->n_examples + 1);
    layout->examples[layout->n_examples++] = (struct layout_example){.section = g_strdup(section), .line = line, .ruled = true, .plain = true};
    return 0;
}

struct layout_example *layout_examples_last(struct layout *layout)
{
    return &layout->examples[layout->n_examples - 1];
}

static int example_append(struct example_line lines[], size_t *n, size_t max, enum example_type type, const char *text, size_t line,
                          char *why, size_t size)
{
    if (*n == max) {
        (void)snprintf(why, size, "an example has at most %zu of these lines", max);
        return -EINVAL;
    }
    lines[(*n)++] = (struct example_line){type, g_strdup(text), line};
    return 0;
}

static int example_drawn(struct layout_example *x, const char *value, char *why, size_t size)
{
    x->ruled = strcmp(value, "plain") != 0;
    x->plain = strcmp(value, "ruled") != 0;
    if (strcmp(value, "both") == 0 || x->ruled != x->plain)
        return 0;
    (void)snprintf(why, size, "drawn is \"%.40s\"; allowed: ruled, plain, both", value);
    return -EINVAL;
}

int layout_example_set(struct layout_example *x, const char *key, const char *value, size_t line, char *why, size_t size)
{
    static const struct {
        const char *key;
        enum example_type type;
    } shown[] = {{"above", EXAMPLE_ABOVE}, {"header", EXAMPLE_HEADER}, {"row", EXAMPLE_ROW}, {"break", EXAMPLE_BREAK}, {"below", EXAMPLE_BELOW}};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (strcmp(key, shown[i].key) == 0)
            return example_append(x->lines, &x->n_lines, EXAMPLE_LINES_MAX, shown[i].type, value, line, why, size);
    if (strcmp(key, "event") == 0)
        return example_append(x->events, &x->n_events, EXAMPLE_EVENTS_MAX, EXAMPLE_ROW, value, line, why, size);
    if (strcmp(key, "warning") == 0)
        return example_append(x->warnings, &x->n_warnings, EXAMPLE_EVENTS_MAX, EXAMPLE_ROW, value, line, why, size);
    if (strcmp(key, "drawn") == 0)
        return example_drawn(x, value, why, size);
    if (strcmp(key, "title") == 0)
        x->title = g_strdup(value);
    else if (strcmp(key, "rows") == 0)
        x->rows = (struct example_line){EXAMPLE_ROW, g_strdup(value), line};
    else if (strcmp(key, "fails") == 0)
        x->fails = (struct example_line){EXAMPLE_ROW, g_strdup(value), line};
    return 0; /* about: for who reads the file */
}

int layout_examples_check(const struct layout *layout, size_t *ret_line)
{
    for (size_t i = 0; i < layout->n_examples; i++) {
        const struct layout_example *x = &layout->examples[i];
        if (x->n_events > 0 || x->n_warnings > 0 || x->fails.text != NULL)
            continue;
        *ret_line = x->line;
        return -EINVAL;
    }
    return 0;
}

static void example_lines_free(struct example_line lines[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_free(lines[i].text);
}

void layout_examples_free(struct layout_example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct layout_example *x = &examples[i];
        example_lines_free(x->lines, x->n_lines);
        example_lines_free(x->events, x->n_events);
        example_lines_free(x->warnings, x->n_warnings);
        g_free(x->section);
        g_free(x->title);
        g_free(x->rows.text);
        g_free(x->fails.text);
    }
    g_free(examples);
}
