/*
 * pdf_lines - see pdf_lines.h. Trusts the parser's order; looks at boxes only to see where a line ends.
 */
#include "pdf_lines.h"

#include "buf.h"
#include "queue_call.h"

enum { LINE_MAX_BYTES = 1024 * 1024 };

struct box {
    double x0, y0, x1, y1;
};

static struct box box_of(const json_t *word)
{
    const json_t *b = json_object_get(word, "box");
    return (struct box){json_number_value(json_array_get(b, 0)), json_number_value(json_array_get(b, 1)), json_number_value(json_array_get(b, 2)),
                        json_number_value(json_array_get(b, 3))};
}

/* Beside the word before: half of the lower one's height is shared, and it is not to its left. */
static bool beside(const struct box *before, const struct box *box)
{
    double shared = MIN_OF(before->y1, box->y1) - MAX_OF(before->y0, box->y0);
    double height = MIN_OF(before->y1 - before->y0, box->y1 - box->y0);
    return shared > height / 2 && box->x0 > before->x0;
}

char *pdf_lines_next(const json_t *words, size_t at, size_t *ret_next)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    const json_t *first = json_array_get(words, at);
    struct box last = box_of(first);
    (void)buf_adds(&line, json_text(first, "text"));
    for (at++; at < json_array_size(words); at++) {
        const json_t *word = json_array_get(words, at);
        struct box box = box_of(word);
        if (json_number(word, "page", 0) != json_number(first, "page", 0) || !beside(&last, &box))
            break;
        bool wide = box.x0 - last.x1 > box.y1 - box.y0;
        (void)buf_addf(&line, "%s%s", wide ? "   " : " ", json_text(word, "text"));
        last = box;
    }
    *ret_next = at;
    char *text = line.failed ? NULL : buf_take(&line);
    buf_fini(&line);
    return text;
}
