/*
 * layout - see layout.h. The order of LAYOUTS is the order in which titles are tested.
 */
#include "layout.h"

#include <ctype.h>

#define LAYOUT(name_, titles_, rows_) static const struct layout layout_##name_ = {#name_, titles_, rows_, {
#define COLUMN(headers_, field_, flags_, tail_) {headers_, LAYOUT_##field_, flags_, tail_},
#define LAYOUT_END {NULL, LAYOUT_FIELD_COUNT, 0, ""}}};
#include "layouts/test.def"
#include "layouts/exam.def"
#include "layouts/lecture.def"
#undef LAYOUT
#undef COLUMN
#undef LAYOUT_END

static const struct layout *const LAYOUTS[] = {&layout_test, &layout_exam, &layout_lecture};

const struct layout *layout_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(LAYOUTS); i++)
        if (strcmp(LAYOUTS[i]->name, name) == 0)
            return LAYOUTS[i];
    return NULL;
}

/* True when title (up to | or the end) is part of text, ignoring case and spaces. */
static bool layout_title_in(const char *title, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *a = title, *b = text;
        while (*a != '\0' && *a != '|' && *b != '\0') {
            if (*a == ' ')
                a++;
            else if (*b == ' ')
                b++;
            else if (tolower((unsigned char)*a) == tolower((unsigned char)*b))
                a++, b++;
            else
                break;
        }
        if (*a == '\0' || *a == '|')
            return true;
    }
    return false;
}

const struct layout *layout_by_title(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(LAYOUTS); i++)
        for (const char *at = LAYOUTS[i]->titles; *at != '\0';) {
            if (layout_title_in(at, text))
                return LAYOUTS[i];
            at += strcspn(at, "|");
            at += *at == '|';
        }
    return NULL;
}

const char *layout_names(void)
{
    return "lecture, test, exam";
}

size_t layout_n_columns(const struct layout *layout)
{
    size_t n = 0;
    while (n < LAYOUT_COLUMNS_MAX && layout->columns[n].headers != NULL)
        n++;
    return n;
}

int layout_column_of(const struct layout *layout, enum layout_field field)
{
    for (size_t i = 0; layout->columns[i].headers != NULL; i++)
        if (layout->columns[i].field == field)
            return (int)i;
    return -1;
}

const char *layout_field_name(enum layout_field field)
{
    static const char *const names[] = {
#define X(id, name) name,
        LAYOUT_FIELDS(X)
#undef X
    };
    return field < LAYOUT_FIELD_COUNT ? names[field] : "";
}

bool layout_alternative(const char *list, const char *text)
{
    const char *t = text;
    for (const char *at = list;; at++) {
        if (*at == ' ')
            continue;
        while (*t == ' ')
            t++;
        if (*at == '\0' || *at == '|') {
            if (*t == '\0')
                return true;
            if (*at == '\0')
                return false;
            t = text;
        } else if (t != NULL && tolower((unsigned char)*at) == tolower((unsigned char)*t)) {
            t++;
        } else {
            at += strcspn(at, "|");
            if (*at == '\0')
                return false;
            t = text;
        }
    }
}
