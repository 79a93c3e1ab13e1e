/*
 * calendar_lines - see calendar_lines.h. Knows no way to write a calendar, so that writer and reader cannot share a mistake.
 */
#include "calendar_lines.h"

#include <stdio.h>

enum { LINE_OCTETS = 75, DEPTH_MAX = 4 };

static const char *const COMPONENTS[] = {"VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT", "VEVENT", "VALARM"};
/* What stint's calendars may hold; a line that begins otherwise was put there by somebody else. */
static const char *const PROPERTIES[] = {"BEGIN",       "END",         "VERSION",       "PRODID",       "CALSCALE",   "METHOD",    "TZID",
                                         "TZNAME",      "TZOFFSETFROM", "TZOFFSETTO",   "DTSTART",      "DTEND",      "DTSTAMP",   "UID",
                                         "SUMMARY",     "LOCATION",    "DESCRIPTION",   "RRULE",        "EXDATE",     "RDATE",     "CATEGORIES",
                                         "STATUS",      "SEQUENCE",    "TRANSP",        "LAST-MODIFIED", "DURATION",  "CREATED",   "COMMENT",
                                         "REFRESH-INTERVAL", "NAME",   "URL",           "CLASS",        "PRIORITY",   "ACTION",
                                         "TRIGGER",     "X-WR-CALNAME", "X-WR-TIMEZONE", "X-STINT-END-ESTIMATED", "ORGANIZER", "COLOR"};

bool calendar_lines_utf8(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        unsigned c = s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xc2 && c <= 0xdf ? 1 : c >= 0xe0 && c <= 0xef ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 4;
        if (more == 4 || length - i <= more)
            return false;
        if (more > 1 && ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) || (c == 0xf0 && s[i + 1] < 0x90) ||
                         (c == 0xf4 && s[i + 1] > 0x8f)))
            return false;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xc0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

static bool calendar_is_one_of(const char *const names[], size_t n, const char *text, size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
            return true;
    return false;
}

struct calendar_stack {
    char names[DEPTH_MAX][16];
    size_t depth;
    bool ended; /* the outermost component was closed */
};

static bool calendar_component(struct calendar_stack *stack, bool begins, const char *name, size_t length)
{
    if (!calendar_is_one_of(COMPONENTS, ARRAY_LEN(COMPONENTS), name, length) || stack->ended)
        return false;
    if (begins) {
        if (stack->depth == DEPTH_MAX || (stack->depth == 0) != (length == 9 && memcmp(name, "VCALENDAR", 9) == 0))
            return false;
        (void)snprintf(stack->names[stack->depth++], sizeof stack->names[0], "%.*s", (int)length, name);
        return true;
    }
    if (stack->depth == 0 || strlen(stack->names[stack->depth - 1]) != length || memcmp(stack->names[stack->depth - 1], name, length) != 0)
        return false;
    stack->ended = --stack->depth == 0;
    return true;
}

/* One unfolded line's beginning: enough of it to know its property. */
static const char *calendar_content(struct calendar_lines *ret, struct calendar_stack *stack, const char *line, size_t length)
{
    size_t name = 0;
    while (name < length && line[name] != ':' && line[name] != ';')
        name++;
    if (name == length)
        return "a line without a value";
    if (!calendar_is_one_of(PROPERTIES, ARRAY_LEN(PROPERTIES), line, name))
        return "a property that no calendar of stint has";
    bool begins = name == 5 && memcmp(line, "BEGIN", 5) == 0;
    if (begins || (name == 3 && memcmp(line, "END", 3) == 0)) {
        if (!calendar_component(stack, begins, line + name + 1, length - name - 1))
            return "components out of balance";
        ret->events += begins && length == 12 && memcmp(line, "BEGIN:VEVENT", 12) == 0;
    } else if (stack->depth == 0) {
        return "a property outside the calendar";
    }
    ret->lines++;
    return NULL;
}

static const char *calendar_octets(const char *line, size_t length)
{
    if (length > LINE_OCTETS)
        return "a line above 75 octets";
    if (!calendar_lines_utf8(line, length))
        return "a line that is no UTF-8 by itself";
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return "a control character";
    return NULL;
}

void calendar_lines_read(struct calendar_lines *ret, const char *text, size_t length)
{
    struct calendar_stack stack = {.depth = 0};
    const char *fault = NULL;
    size_t at = 0, number = 0;
    *ret = (struct calendar_lines){0};
    while (at < length && fault == NULL) {
        const char *line = text + at, *end = memmem(line, length - at, "\r\n", 2);
        number++;
        if (end == NULL) {
            fault = "a line without CRLF";
            break;
        }
        size_t n = (size_t)(end - line);
        fault = calendar_octets(line, n);
        if (fault == NULL && n > 0 && line[0] != ' ' && line[0] != '\t')
            fault = calendar_content(ret, &stack, line, n);
        else if (fault == NULL && (n == 0 || number == 1))
            fault = n == 0 ? "an empty line" : "a continuation of nothing";
        at += n + 2;
    }
    if (fault == NULL && !stack.ended)
        fault = "no whole VCALENDAR";
    if (fault != NULL)
        (void)snprintf(ret->fault, sizeof ret->fault, "line %zu: %s", number, fault);
}
