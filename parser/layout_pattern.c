/*
 * layout_pattern - see layout_pattern.h. A backtracking match with a bound on its steps: a text that needs more does not fit.
 */
#include "layout_pattern.h"

#include "schedule_value.h"
#include <ctype.h>
#include <glib.h>
#include <stdio.h>

enum { PATTERN_TOKENS_MAX = 128, PATTERN_SHAPE_MAX = 32 };

enum pattern_type { PATTERN_TEXT, PATTERN_SPACE, PATTERN_BREAK, PATTERN_FIELD, PATTERN_OPEN, PATTERN_CLOSE };

struct pattern_token {
    enum pattern_type type;
    char byte;               /* TEXT */
    bool needed;             /* SPACE: at least one blank; it parts two fields */
    enum layout_field field; /* FIELD */
    char shape[PATTERN_SHAPE_MAX]; /* FIELD; "": any */
    size_t close;            /* OPEN: index of its CLOSE */
};

struct layout_pattern {
    struct pattern_token tokens[PATTERN_TOKENS_MAX];
    size_t n;
};

/* A match under way. */
struct pattern_match {
    const struct layout_pattern *p;
    const struct layout_values *v;
    const char *end;
    size_t steps;
    struct layout_parts parts;
};

void layout_pattern_free(struct layout_pattern *p)
{
    g_free(p);
}

static const char *pattern_field(struct pattern_token *t, const char *at, char *why, size_t size)
{
    size_t len = strcspn(at, "}"), name = strcspn(at, ":}");
    t->type = PATTERN_FIELD;
    t->field = name == 1 && *at == '*' ? LAYOUT_IGNORE : layout_field_of(at, name);
    if (at[len] != '}') {
        (void)snprintf(why, size, "\"{%.40s\" has no closing }", at);
        return NULL;
    }
    if (t->field == LAYOUT_FIELD_COUNT) {
        (void)snprintf(why, size, "{%.*s} is no field", (int)MIN_OF(name, (size_t)40), at);
        return NULL;
    }
    if (len - name > PATTERN_SHAPE_MAX) {
        (void)snprintf(why, size, "the shape in {%.40s is longer than %d characters", at, PATTERN_SHAPE_MAX - 1);
        return NULL;
    }
    if (name < len)
        memcpy(t->shape, at + name + 1, len - name - 1);
    return at + len + 1;
}

/* Reads one token; NULL with why. */
static const char *pattern_token(struct layout_pattern *p, const char *at, size_t *open, char *why, size_t size)
{
    struct pattern_token *t = &p->tokens[p->n];
    *t = (struct pattern_token){.type = PATTERN_TEXT, .byte = *at};
    if (*at == '{') {
        at = pattern_field(t, at + 1, why, size);
    } else if (*at == '[') {
        t->type = PATTERN_OPEN;
        t->close = *open; /* the enclosing one, until it is closed */
        *open = p->n;
        at++;
    } else if (*at == ']') {
        if (*open == SIZE_MAX) {
            (void)snprintf(why, size, "] closes no [ (write \\] for the character)");
            return NULL;
        }
        t->type = PATTERN_CLOSE;
        size_t outer = p->tokens[*open].close;
        p->tokens[*open].close = p->n;
        *open = outer;
        at++;
    } else if (*at == ' ') {
        t->type = PATTERN_SPACE;
        at += strspn(at, " ");
    } else if (at[0] == '\\' && at[1] == 'n') {
        t->type = PATTERN_BREAK;
        at += 2;
    } else if (at[0] == '\\' && at[1] != '\0') {
        t->byte = at[1];
        at += 2;
    } else {
        at++;
    }
    p->n += at != NULL;
    return at;
}

/* A blank between two fields, or between a field and a letter, must be there: else nothing parts them. */
static void pattern_need_spaces(struct layout_pattern *p)
{
    const struct pattern_token *before = NULL;
    for (size_t i = 0; i < p->n; i++) {
        struct pattern_token *t = &p->tokens[i];
        if (t->type == PATTERN_SPACE) {
            const struct pattern_token *next = t + 1;
            while (next < p->tokens + p->n && (next->type == PATTERN_OPEN || next->type == PATTERN_CLOSE))
                next++;
            bool after = next < p->tokens + p->n && (next->type == PATTERN_FIELD || (next->type == PATTERN_TEXT && isalnum((unsigned char)next->byte)));
            t->needed = after && before != NULL && (before->type == PATTERN_FIELD || (before->type == PATTERN_TEXT && isalnum((unsigned char)before->byte)));
        }
        if (t->type != PATTERN_OPEN && t->type != PATTERN_CLOSE)
            before = t;
    }
}

struct layout_pattern *layout_pattern_new(const char *text, char *why, size_t size)
{
    struct layout_pattern *p = g_new0(struct layout_pattern, 1);
    size_t open = SIZE_MAX, fields = 0;
    const char *at = text;
    while (at != NULL && *at != '\0') {
        if (p->n == PATTERN_TOKENS_MAX) {
            (void)snprintf(why, size, "the pattern is longer than %d characters and fields", PATTERN_TOKENS_MAX);
            at = NULL;
            break;
        }
        at = pattern_token(p, at, &open, why, size);
    }
    for (size_t i = 0; i < p->n; i++)
        fields += p->tokens[i].type == PATTERN_FIELD;
    if (at != NULL && (open != SIZE_MAX || p->n == 0 || fields > LAYOUT_PARTS_MAX)) {
        (void)snprintf(why, size, "%s", open != SIZE_MAX ? "a [ is not closed (write \\[ for the character)"
                                        : p->n == 0      ? "the pattern is empty"
                                                         : "the pattern has more than 12 fields");
        at = NULL;
    }
    if (at == NULL) {
        g_free(p);
        return NULL;
    }
    pattern_need_spaces(p);
    return p;
}

static bool pattern_letter(char shape, const char *at)
{
    unsigned char c = (unsigned char)*at;
    switch (shape) {
    case 'A':
        return isupper(c) || (c >= 128 && g_unichar_isupper(g_utf8_get_char(at)));
    case 'a':
        return isalpha(c) || c >= 128;
    case '9':
        return isdigit(c);
    case 'X':
        return isalnum(c) || c >= 128;
    default:
        return *at == shape;
    }
}

static size_t pattern_letter_len(const char *at)
{
    return (unsigned char)*at < 128 ? 1 : (size_t)g_utf8_skip[(unsigned char)*at];
}

/* True when text up to end has the shape from its start to its end. */
static bool pattern_shaped(struct pattern_match *m, const char *shape, const char *at, const char *end)
{
    if (++m->steps > LAYOUT_PATTERN_STEPS)
        return false;
    if (*shape == '\0')
        return at == end;
    bool many = shape[1] == '+';
    if (at >= end || !pattern_letter(*shape, at))
        return false;
    const char *next = at + pattern_letter_len(at);
    if (many && pattern_shaped(m, shape, next, end))
        return true;
    return pattern_shaped(m, shape + 1 + many, next, end);
}

/* True when the text is one of the field's kind. */
static bool pattern_typed(struct pattern_match *m, const struct pattern_token *t, const char *start, size_t len)
{
    char copy[VALUE_PLAIN_MAX], iso[11], from[6], to[6];
    bool weeks[VALUE_WEEKS_MAX + 1];
    if (t->shape[0] != '\0')
        return pattern_shaped(m, t->shape, start, start + len);
    bool formed = t->field == LAYOUT_DAY || t->field == LAYOUT_DATE || t->field == LAYOUT_TIME_RANGE || t->field == LAYOUT_END_TIME ||
                  t->field == LAYOUT_WEEKS || t->field == LAYOUT_DURATION || t->field == LAYOUT_YEAR || t->field == LAYOUT_WEEK1;
    if (!formed)
        return true;
    if (len >= 64)
        return false;
    memcpy(copy, start, len);
    copy[len] = '\0';
    if (t->field == LAYOUT_DAY)
        return schedule_value_days(copy, m->v) != 0;
    if (t->field == LAYOUT_DATE || t->field == LAYOUT_WEEK1)
        return schedule_value_date(copy, m->v, iso);
    if (t->field == LAYOUT_TIME_RANGE || t->field == LAYOUT_END_TIME)
        return schedule_value_time(copy, from, to) != VALUE_NO_TIME;
    if (t->field == LAYOUT_WEEKS)
        return schedule_value_weeks(copy, m->v, weeks) >= 0;
    if (t->field == LAYOUT_DURATION)
        return schedule_value_minutes(copy) > 0;
    return len == 4 && strspn(copy, "0123456789") == 4 && copy[0] == '2'; /* LAYOUT_YEAR */
}

static bool pattern_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static bool pattern_at(struct pattern_match *m, size_t i, const char *at);

static bool pattern_take_field(struct pattern_match *m, size_t i, const char *at)
{
    const struct pattern_token *t = &m->p->tokens[i];
    bool long_first = t->field == LAYOUT_TIME_RANGE || t->field == LAYOUT_DAY || t->field == LAYOUT_WEEKS || t->field == LAYOUT_DATE;
    if (at >= m->end || pattern_blank(*at) || m->parts.n == LAYOUT_PARTS_MAX)
        return false;
    /* What has a form of its own is taken as long as it goes: "08:30 - 09:20" and not "08:30". */
    const char *to = long_first ? MIN_OF(m->end, at + 64) : at + pattern_letter_len(at);
    while (to > at && to <= m->end) {
        bool edge = ((unsigned char)*to & 0xc0) != 0x80;
        if (++m->steps > LAYOUT_PATTERN_STEPS)
            return false;
        if (edge && !pattern_blank(to[-1]) && pattern_typed(m, t, at, (size_t)(to - at))) {
            m->parts.items[m->parts.n++] = (struct layout_part){t->field, at, (size_t)(to - at)};
            if (pattern_at(m, i + 1, to))
                return true;
            m->parts.n--;
        }
        if (to == m->end && !long_first)
            return false;
        to += long_first ? -1 : (ptrdiff_t)pattern_letter_len(to);
    }
    return false;
}

/* True when the tokens from i on fit the text from at on. */
static bool pattern_at(struct pattern_match *m, size_t i, const char *at)
{
    if (++m->steps > LAYOUT_PATTERN_STEPS)
        return false;
    if (i == m->p->n)
        return at[strspn(at, " \n\t")] == '\0' || at == m->end;
    const struct pattern_token *t = &m->p->tokens[i];
    size_t blanks = 0, parts = m->parts.n;
    while (at + blanks < m->end && pattern_blank(at[blanks]))
        blanks++;
    switch (t->type) {
    case PATTERN_TEXT:
        return at < m->end && tolower((unsigned char)*at) == tolower((unsigned char)t->byte) && pattern_at(m, i + 1, at + 1);
    case PATTERN_SPACE:
        return (blanks > 0 || !t->needed) && pattern_at(m, i + 1, at + blanks);
    case PATTERN_BREAK:
        return blanks > 0 && memchr(at, '\n', blanks) != NULL && pattern_at(m, i + 1, at + blanks);
    case PATTERN_OPEN:
        if (pattern_at(m, i + 1, at))
            return true;
        m->parts.n = parts;
        return pattern_at(m, t->close + 1, at);
    case PATTERN_CLOSE:
        return pattern_at(m, i + 1, at);
    case PATTERN_FIELD:
        return pattern_take_field(m, i, at);
    }
    return false;
}

bool layout_pattern_match(const struct layout_pattern *p, const struct layout_values *v, const char *text, struct layout_parts *ret_parts)
{
    struct pattern_match m = {.p = p, .v = v};
    size_t len = strlen(text);
    if (len == 0 || len > LAYOUT_PATTERN_TEXT_MAX || !g_utf8_validate(text, (gssize)len, NULL))
        return false;
    m.end = text + len;
    const char *start = text + strspn(text, " \n\t");
    if (!pattern_at(&m, 0, start))
        return false;
    if (ret_parts != NULL)
        *ret_parts = m.parts;
    return true;
}

bool layout_pattern_any(const struct layout_patterns *list, const struct layout_values *v, const char *text, struct layout_parts *ret_parts)
{
    for (size_t i = 0; i < list->n; i++)
        if (layout_pattern_match(list->items[i], v, text, ret_parts))
            return true;
    return false;
}

bool layout_pattern_has(const struct layout_pattern *p, enum layout_field field)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->tokens[i].type == PATTERN_FIELD && p->tokens[i].field == field)
            return true;
    return false;
}
