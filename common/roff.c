/*
 * roff - see roff.h. Hyphens are written as minus signs: what a page shows can be copied to a shell.
 */
#include "roff.h"

/* One line's bytes with everything that means something to roff made harmless. */
static void add_harmless(struct buf *out, const char *text, size_t n)
{
    if (n > 0 && (text[0] == '.' || text[0] == '\''))
        (void)buf_adds(out, "\\&");
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\\')
            (void)buf_adds(out, "\\e");
        else if (text[i] == '-')
            (void)buf_adds(out, "\\-");
        else if (text[i] == '\'')
            (void)buf_adds(out, "\\(aq");
        else if (text[i] == '"')
            (void)buf_adds(out, "\\(dq");
        else if (text[i] == '\n')
            (void)buf_adds(out, " ");
        else
            (void)buf_add(out, &text[i], 1);
    }
}

void roff_title(struct buf *out, const char *page, int section, const char *version)
{
    (void)buf_adds(out, ".TH ");
    for (const char *p = page; *p != '\0'; p++) {
        char upper = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
        add_harmless(out, &upper, 1);
    }
    (void)buf_addf(out, " %d \"\" \"stint %s\"\n", section, version);
}

void roff_heading(struct buf *out, const char *text)
{
    (void)buf_adds(out, ".SH \"");
    add_harmless(out, text, strlen(text));
    (void)buf_adds(out, "\"\n");
}

void roff_subheading(struct buf *out, const char *text)
{
    (void)buf_adds(out, ".SS \"");
    add_harmless(out, text, strlen(text));
    (void)buf_adds(out, "\"\n");
}

void roff_text(struct buf *out, const char *text)
{
    add_harmless(out, text, strlen(text));
    (void)buf_adds(out, "\n");
}

void roff_paragraph(struct buf *out)
{
    (void)buf_adds(out, ".PP\n");
}

void roff_term(struct buf *out, const char *term, const char *argument)
{
    (void)buf_adds(out, ".TP\n\\fB");
    add_harmless(out, term, strlen(term));
    (void)buf_adds(out, "\\fR");
    if (*argument != '\0') {
        (void)buf_adds(out, " \\fI");
        add_harmless(out, argument, strlen(argument));
        (void)buf_adds(out, "\\fR");
    }
    (void)buf_adds(out, "\n");
}

void roff_example(struct buf *out, const char *lines)
{
    (void)buf_adds(out, ".PP\n.RS 4\n.nf\n");
    while (*lines != '\0') {
        size_t n = strcspn(lines, "\n");
        add_harmless(out, lines, n);
        (void)buf_adds(out, "\n");
        lines += n + (lines[n] == '\n' ? 1 : 0);
    }
    (void)buf_adds(out, ".fi\n.RE\n");
}
