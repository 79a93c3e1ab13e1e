/*
 * pdfgen_data - invents modules, groups, sessions, sittings and exams. Knows nothing of PDF.
 */
#include "pdfgen.h"

#include <stdio.h>

static const struct pdfgen_column LECTURE_COLUMNS[] = {
    {"Module", 41}, {"Offered", 98},  {"Group", 141}, {"Lang", 183},   {"Activity", 219},
    {"Day", 268},   {"Time", 332},    {"Venue", 403}, {"Campus", 559}, {"Study Prog", 644},
};
static const struct pdfgen_column TEST_COLUMNS[] = {
    {"Module", 41}, {"Test", 98}, {"Day", 141}, {"Date", 219}, {"Time", 297}, {"Campus", 375}, {"Venue", 467},
};
static const struct pdfgen_column EXAM_COLUMNS[] = {
    {"Status", 41},      {"Module", 91},         {"Paper", 149},       {"Activity", 190}, {"Date", 244},
    {"Start Time", 320}, {"Module Campus", 367}, {"Exam Campus", 460}, {"Venue", 552},    {"Exam Comments", 679},
};

static const char *const SUBJECTS[] = {"COS", "WTW", "STK", "EBN", "PHY", "EMK", "INF", "FRK", "BEM", "MLB"};
static const char *const DAYS[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday"};
static const char *const CAMPUSES[] = {"HATFIELD", "GROENKLOOF", "MAMELODI"};
static const char *const VENUES[] = {"Centenary 6",       "Thuto 1-1",         "IT 4-4",           "EMB 4-150",
                                     "Eng III-6",         "Te Water Hall",     "Chancellor's Hall", "Theology 1-22",
                                     "Informatorium Lab", "HSB 4-8",           "AE Annex 10 (West)", "Thuto 3-2",
                                     "Engineering Building 3 Computer Laboratory 4-12"};

static uint64_t data_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15; /* splitmix64, Steele et al. 2014 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static size_t data_pick(uint64_t *state, size_t n)
{
    return (size_t)(data_random(state) % n);
}

static void data_line(struct pdfgen_cell *cell, const char *text)
{
    if (cell->n < PDFGEN_LINES_MAX)
        (void)snprintf(cell->lines[cell->n++], PDFGEN_TEXT_MAX, "%s", text);
}

/* Breaks text at spaces where it would leave the column. Returns the lines it took. */
static size_t data_wrap(const struct pdfgen_sheet *sheet, size_t column, struct pdfgen_cell *cell, const char *text)
{
    double right = column + 1 < sheet->n_columns ? sheet->columns[column + 1].left : 801;
    double room = right - sheet->columns[column].left - 6;
    char line[PDFGEN_TEXT_MAX] = "";
    size_t before = cell->n;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, " ");
        char longer[2 * PDFGEN_TEXT_MAX];
        (void)snprintf(longer, sizeof longer, "%s%s%.*s", line, line[0] != '\0' ? " " : "", (int)len, at);
        if (line[0] != '\0' && pdfgen_page_width(longer, sheet->font_size) > room) {
            data_line(cell, line);
            (void)snprintf(longer, sizeof longer, "%.*s", (int)len, at);
        }
        (void)snprintf(line, sizeof line, "%.*s", PDFGEN_TEXT_MAX - 1, longer);
        at += len + strspn(at + len, " ");
    }
    data_line(cell, line);
    return cell->n - before;
}

static void data_module(uint64_t *state, char out[static 32])
{
    (void)snprintf(out, 32, "%s %zu", SUBJECTS[data_pick(state, ARRAY_LEN(SUBJECTS))], 110 + data_pick(state, 690));
}

static void data_pad(struct pdfgen_row *row, size_t column, size_t lines)
{
    while (row->cells[column].n < lines)
        data_line(&row->cells[column], " ");
}

static void data_lecture(struct pdfgen_sheet *sheet, struct pdfgen_row *row, uint64_t *rng)
{
    char module[32], group[24];
    data_module(rng, module);
    (void)snprintf(group, sizeof group, "G%02zu", 1 + data_pick(rng, 9));
    const char *offered = ((const char *const[]){"S1", "S2", "Y"})[data_pick(rng, 3)];
    const char *lang = data_pick(rng, 5) == 0 ? "A" : "E";
    const char *campus = CAMPUSES[data_pick(rng, 3)];
    const char *prog = data_pick(rng, 3) == 0 ? "BSc (IT) 12130007" : "";
    char class_ = "LPT"[data_pick(rng, 3)];
    bool parallel = class_ == 'P' && data_pick(rng, 2) == 0;
    size_t sessions = 1 + data_pick(rng, 4), day = data_pick(rng, 5), hour = 7 + data_pick(rng, 9);
    data_line(&row->cells[0], module);
    data_line(&row->cells[1], offered);
    data_line(&row->cells[2], group);
    data_line(&row->cells[3], lang);
    row->cells[3].hidden = class_;
    for (size_t i = 0; i < sessions; i++) {
        char activity[24], time[80], start[32], end[32];
        if (!parallel) {
            day = data_pick(rng, 5);
            hour = 7 + data_pick(rng, 9);
        }
        size_t hours = class_ == 'P' ? 3 : 1;
        (void)snprintf(activity, sizeof activity, "%c%zu", class_, parallel ? 1 : i + 1);
        (void)snprintf(start, sizeof start, "%02zu:30", hour % 24);
        (void)snprintf(end, sizeof end, "%02zu:20", (hour + hours) % 24);
        (void)snprintf(time, sizeof time, "%s - %s", start, end);
        const char *venue = VENUES[(data_pick(rng, ARRAY_LEN(VENUES) - 4) + i) % ARRAY_LEN(VENUES)];
        data_line(&row->cells[4], activity);
        data_line(&row->cells[5], DAYS[day]);
        data_line(&row->cells[6], time);
        (void)data_wrap(sheet, 7, &row->cells[7], venue);
        data_line(&row->cells[8], campus);
        data_line(&row->cells[9], prog[0] != '\0' ? prog : " ");
        for (size_t c = 4; c <= 9; c++)
            data_pad(row, c, row->cells[7].n);
        json_array_append_new(sheet->events,
                              json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:[s],s:s,s:s*}", "module", module, "semester",
                                        offered, "group", group, "lang", lang, "activity", activity, "day", DAYS[day],
                                        "start", start, "end", end, "venues", venue, "campus", campus, "study_prog",
                                        prog[0] != '\0' ? prog : NULL));
    }
}

static void data_date(uint64_t *rng, bool capitals, char shown[static 40], char iso[static 40], const char **ret_day)
{
    static const char *const months[] = {"Mar", "May", "Jun", "Aug", "Nov"};
    static const char *const upper[] = {"MAR", "MAY", "JUN", "AUG", "NOV"};
    static const size_t number[] = {3, 5, 6, 8, 11};
    static const size_t first[] = {6, 4, 0, 5, 6}; /* weekday of the month's first in 2025, Sunday is 0 */
    static const char *const week[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    size_t m = data_pick(rng, 5), d = 1 + data_pick(rng, 28);
    (void)snprintf(shown, 40, capitals ? "%zu %s 2025" : "%02zu %s 2025", d, capitals ? upper[m] : months[m]);
    (void)snprintf(iso, 40, "2025-%02zu-%02zu", number[m], d);
    *ret_day = week[(first[m] + d - 1) % 7];
}

static void data_test(struct pdfgen_sheet *sheet, struct pdfgen_row *row, uint64_t *rng)
{
    char module[32], date[40], iso[40], time[80], start[32], end[32], name[32];
    const char *day;
    data_module(rng, module);
    data_date(rng, false, date, iso, &day);
    size_t hour = 8 + data_pick(rng, 9), number = 1 + data_pick(rng, 3);
    (void)snprintf(start, sizeof start, "%02zu:00", hour);
    (void)snprintf(end, sizeof end, "%02zu:30", hour + 1);
    (void)snprintf(time, sizeof time, "%s - %s", start, end);
    bool wrapped = data_pick(rng, 3) == 0;
    (void)snprintf(name, sizeof name, wrapped ? "PTest %zu" : "Test%zu", number);
    size_t n_venues = data_pick(rng, 4) == 0 ? 5 + data_pick(rng, 8) : 1 + data_pick(rng, 3);
    const char *campus = CAMPUSES[data_pick(rng, 3)];
    json_t *venues = json_array();
    data_line(&row->cells[0], module);
    (void)data_wrap(sheet, 1, &row->cells[1], name);
    data_line(&row->cells[2], day);
    data_line(&row->cells[3], date);
    data_line(&row->cells[4], time);
    data_line(&row->cells[5], campus);
    size_t at = data_pick(rng, ARRAY_LEN(VENUES));
    for (size_t i = 0; i < n_venues; i++) {
        const char *venue = VENUES[(at + i) % ARRAY_LEN(VENUES)];
        (void)data_wrap(sheet, 6, &row->cells[6], venue);
        json_array_append_new(venues, json_string(venue));
    }
    json_array_append_new(sheet->events,
                          json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "module", module, "test", name, "day", day, "date",
                                    iso, "start", start, "end", end, "campus", campus, "venues", venues));
}

static void data_exam(struct pdfgen_sheet *sheet, struct pdfgen_row *row, uint64_t *rng)
{
    char module[32], date[40], iso[40], start[32];
    const char *day;
    data_module(rng, module);
    data_date(rng, true, date, iso, &day);
    bool open = data_pick(rng, 6) == 0;
    const char *status = open ? "Unfinalised" : "Final";
    const char *paper = data_pick(rng, 4) == 0 ? "P2" : "P1";
    const char *venue = open ? (data_pick(rng, 2) == 0 ? "TBA" : "Consult Department") : VENUES[data_pick(rng, ARRAY_LEN(VENUES))];
    const char *exam_campus = open && data_pick(rng, 2) == 0 ? "" : CAMPUSES[data_pick(rng, 3)];
    const char *comments = data_pick(rng, 4) == 0 ? "Calculators allowed, open book" : "";
    (void)snprintf(start, sizeof start, "%02zu:30", 7 + data_pick(rng, 9));
    const char *cells[PDFGEN_COLUMNS_MAX] = {status,        module,      paper, "Exam Written", date, start,
                                             CAMPUSES[0], exam_campus, venue, comments};
    for (size_t c = 0; c < sheet->n_columns; c++)
        (void)data_wrap(sheet, c, &row->cells[c], cells[c][0] != '\0' ? cells[c] : " ");
    json_array_append_new(sheet->events,
                          json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s*,s:[s],s:s*,s:b}", "status", status, "module", module,
                                    "paper", paper, "activity", "Exam Written", "date", iso, "start", start,
                                    "module_campus", CAMPUSES[0], "campus", exam_campus[0] != '\0' ? exam_campus : NULL,
                                    "venues", venue, "comments", comments[0] != '\0' ? comments : NULL, "unfinalised", open));
}

void pdfgen_data_columns(struct pdfgen_sheet *sheet)
{
    sheet->font_size = sheet->kind == PDFGEN_TEST ? 11 : 10;
    switch (sheet->kind) {
    case PDFGEN_LECTURE:
        sheet->title = "Lectures";
        sheet->columns = LECTURE_COLUMNS;
        sheet->n_columns = ARRAY_LEN(LECTURE_COLUMNS);
        break;
    case PDFGEN_TEST:
        sheet->title = "Semester Tests";
        sheet->columns = TEST_COLUMNS;
        sheet->n_columns = ARRAY_LEN(TEST_COLUMNS);
        break;
    case PDFGEN_EXAM:
        sheet->title = "Exams";
        sheet->columns = EXAM_COLUMNS;
        sheet->n_columns = ARRAY_LEN(EXAM_COLUMNS);
        break;
    }
}

void pdfgen_data_fill(struct pdfgen_sheet *sheet, uint64_t seed)
{
    uint64_t rng = seed * 2654435761u + (uint64_t)sheet->kind;
    for (size_t i = 0; i < sheet->n_rows; i++) {
        if (sheet->kind == PDFGEN_LECTURE)
            data_lecture(sheet, &sheet->rows[i], &rng);
        else if (sheet->kind == PDFGEN_TEST)
            data_test(sheet, &sheet->rows[i], &rng);
        else
            data_exam(sheet, &sheet->rows[i], &rng);
    }
}
