/*
 * ics: the calendar's text, read back line by line and by libical, which had no part in writing it.
 */
#include "ics.h"

#include <libical/ical.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const char TERMS[] =
    "{\"v\":1,\"source\":{\"path\":\"x\"},\"holidays\":[\"2026-02-16\"],\"terms\":{\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"},"
    "\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}";

enum { STAMP_S = 1767225600 };

static json_t *event(const char *kind, bool recurring, const char *semester, const char *day, const char *date, const char *start)
{
    return json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s,s:[s,s],s:{s:i,s:i}}", "uid", "0123", "kind", kind, "recurring", recurring, "semester",
                     semester, "day", day, "date", date, "start", start, "end", start[0] != '\0' ? "09:20" : "", "summary",
                     "COS 214; L1, caf\xc3\xa9 \xe2\x80\x93 a summary long enough to be folded over lines by every writer", "venues", "IT 4-4",
                     "Centenary 6", "src", "page", 1, "row", 2);
}

/* The calendar of one event (taken) under a payload. warnings: how many are expected. revisions: taken, NULL: none. */
static char *write_under(json_t *one, const char *payload, const char *zone_name, json_t *revisions, size_t warnings)
{
    static const struct conf_pdf conf = {.timezone = "Africa/Johannesburg", .max_bytes = 1000, .max_pages = 10, .timeout = 1000, .cpu = 1000,
                                         .memory = 1 << 26};
    static struct ics_zone zone;
    struct pdf_request r;
    struct err e = {0};
    struct buf out;
    json_t *events = json_pack("[o]", one), *warned = json_array();
    buf_init(&out, 16 << 20);
    assert_int_equal(pdf_request_read(&r, payload, strlen(payload), &conf, &e), 0);
    assert_int_equal(ics_zone_load(&zone, zone_name != NULL ? zone_name : r.timezone, &e), 0);
    const struct ics_input in = {.events = events, .request = &r, .zone = &zone, .revisions = revisions, .stamp_s = STAMP_S};
    assert_int_equal(ics_write(&in, &out, warned, &e), 0);
    assert_int_equal(json_array_size(warned), warnings);
    for (size_t i = 0; i < warnings; i++)
        assert_non_null(json_object_get(json_array_get(warned, i), "src"));
    json_decref(events);
    json_decref(revisions);
    json_decref(warned);
    pdf_request_free(&r);
    char *text = buf_take(&out);
    buf_fini(&out);
    return text;
}

static char *write_one(json_t *one, const char *zone_name, size_t warnings)
{
    return write_under(one, TERMS, zone_name, NULL, warnings);
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s is not in:\n%s", part, text);
}

static void expect_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("%s is in:\n%s", part, text);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* Every line as RFC 5545 §3.1 wants it, and libical reads the whole without an error. */
static void expect_well_formed(const char *text)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 75);
        assert_true(((unsigned char)*line & 0xc0) != 0x80); /* no line begins inside a character */
        for (const char *at = line; at < end; at++)
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        line = end + 2;
        if (*line == ' ') /* a folded line goes on with a whole character */
            assert_true(((unsigned char)line[1] & 0xc0) != 0x80);
    }
    icalcomponent *read = icalparser_parse_string(text);
    assert_non_null(read);
    assert_int_equal(icalcomponent_isa(read), ICAL_VCALENDAR_COMPONENT);
    assert_int_equal(icalcomponent_count_errors(read), 0);
    icalcomponent_free(read);
}

static void test_ics_write_lecture_repeats_within_its_term(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("lecture", true, "S1", "Monday", "", "08:30"), NULL, 0);
    expect(text, "DTSTART;TZID=Africa/Johannesburg:20260209T083000\r\nDTEND;TZID=Africa/Johannesburg:20260209T092000\r\n");
    expect(text, "RRULE:FREQ=WEEKLY;UNTIL=20260601T063000Z\r\n"); /* the last Monday, 08:30 there */
    expect(text, "EXDATE;TZID=Africa/Johannesburg:20260216T083000\r\n");
    expect(text, "BEGIN:VTIMEZONE\r\nTZID:Africa/Johannesburg\r\n");
    expect(text, "DTSTAMP:20260101T000000Z\r\nLAST-MODIFIED:20260101T000000Z\r\nSEQUENCE:0\r\n");
    expect(text, "UID:0123@stint\r\n");
    expect(text, "COS 214\\; L1\\, caf");
    expect(text, "LOCATION:IT 4-4\\, Centenary 6\r\n");
    expect(text, "CATEGORIES:lecture\r\nSTATUS:CONFIRMED\r\n");
    expect_well_formed(text);
}

static void test_ics_write_first_day_on_a_holiday_is_not_the_start(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_under(event("lecture", true, "S1", "Monday", "", "08:30"),
                                       "{\"v\":1,\"source\":{\"path\":\"x\"},\"holidays\":[\"2026-02-09\",\"2026-06-01\"],"
                                       "\"terms\":{\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"}}}",
                                       NULL, NULL, 0);
    expect(text, "DTSTART;TZID=Africa/Johannesburg:20260216T083000\r\n");
    expect(text, "UNTIL=20260525T063000Z");
    expect_not(text, "EXDATE");
    expect_well_formed(text);
}

static void test_ics_write_whole_year_leaves_out_the_recess(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("lecture", true, "Y", "Monday", "", "08:30"), NULL, 0);
    expect(text, "UNTIL=20261102T063000Z");
    expect(text, ":20260608T083000");
    expect(text, ":20260713T083000");
    expect_not(text, ":20260720T083000");
    expect_well_formed(text);
}

static void test_ics_write_term_over_the_new_year(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_under(event("lecture", true, "S1", "Friday", "", "23:00"),
                                       "{\"v\":1,\"source\":{\"path\":\"x\"},\"timezone\":\"America/New_York\",\"holidays\":[\"2026-12-25\","
                                       "\"2027-01-01\"],\"terms\":{\"S1\":{\"start\":\"2026-10-01\",\"end\":\"2027-03-31\"}}}",
                                       NULL, NULL, 0);
    expect(text, "DTSTART;TZID=America/New_York:20261002T230000\r\nDTEND;TZID=America/New_York:20261003T092000\r\n");
    expect(text, "UNTIL=20270327T030000Z"); /* Friday 26 March, 23:00 EDT: its own offset, not DTSTART's */
    expect(text, "EXDATE;TZID=America/New_York:20270101T230000\r\n");
    expect(text, "BEGIN:DAYLIGHT\r\nDTSTART:20260308T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nTZNAME:EDT\r\nEND:DAYLIGHT\r\n");
    expect(text, "BEGIN:STANDARD\r\nDTSTART:20261101T020000\r\n");
    expect(text, "BEGIN:DAYLIGHT\r\nDTSTART:20270314T020000\r\n");
    expect_well_formed(text);
}

static void test_ics_write_weeks_become_a_rule_with_exceptions(void **state)
{
    (void)state;
    json_t *one = event("lecture", true, "", "Wednesday", "", "08:30");
    (void)json_object_set_new(one, "weeks", json_pack("[i,i,i,i]", 1, 3, 5, 9));
    AUTO_FREE char *text = write_under(one,
                                       "{\"v\":1,\"source\":{\"path\":\"x\"},\"terms\":{\"T\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\","
                                       "\"week1\":\"2026-02-18\"}}}",
                                       NULL, NULL, 0);
    expect(text, "DTSTART;TZID=Africa/Johannesburg:20260218T083000\r\n");
    expect(text, "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260415T063000Z\r\nEXDATE;TZID=Africa/Johannesburg:20260401T083000\r\nSUMMARY");
    expect_well_formed(text);
}

static void test_ics_write_skipped_hour_is_no_occurrence(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_under(event("lecture", true, "S1", "Sunday", "", "02:30"),
                                       "{\"v\":1,\"source\":{\"path\":\"x\"},\"timezone\":\"Europe/Berlin\",\"terms\":{\"S1\":{\"start\":"
                                       "\"2026-03-16\",\"end\":\"2026-04-12\"}}}",
                                       NULL, NULL, 0);
    expect(text, "DTSTART;TZID=Europe/Berlin:20260322T023000\r\n");
    expect(text, "UNTIL=20260412T003000Z\r\nEXDATE;TZID=Europe/Berlin:20260329T023000\r\n");
    expect_well_formed(text);
}

static void test_ics_write_exam_over_midnight_ends_the_next_day(void **state)
{
    (void)state;
    json_t *one = event("exam", false, "", "", "2026-12-31", "22:00");
    (void)json_object_set_new(one, "end", json_string("01:00"));
    (void)json_object_set_new(one, "end_estimated", json_true());
    (void)json_object_set_new(one, "unfinalised", json_true());
    AUTO_FREE char *text = write_one(one, "Pacific/Apia", 0);
    expect(text, "DTSTART;TZID=Pacific/Apia:20261231T220000\r\nDTEND;TZID=Pacific/Apia:20270101T010000\r\n");
    expect(text, "DESCRIPTION:The end is an estimate");
    expect(text, "STATUS:TENTATIVE\r\nX-STINT-END-ESTIMATED:TRUE\r\n");
    expect_well_formed(text);
}

static void test_ics_write_cancelled_is_a_status(void **state)
{
    (void)state;
    json_t *one = event("exam", false, "", "", "2026-11-12", "07:30");
    (void)json_object_set_new(one, "status", json_string("Cancelled"));
    AUTO_FREE char *text = write_one(one, NULL, 0);
    expect(text, "STATUS:CANCELLED\r\n");
    expect_well_formed(text);
}

static void test_ics_write_revision_is_told(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_under(event("exam", false, "", "", "2026-11-12", "07:30"), TERMS, NULL,
                                       json_pack("{s:[i,i]}", "0123", 3, STAMP_S + 60), 0);
    expect(text, "DTSTAMP:20260101T000100Z\r\nLAST-MODIFIED:20260101T000100Z\r\nSEQUENCE:3\r\n");
}

static void test_ics_write_options_name_and_alarm(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_under(event("exam", false, "", "", "2026-11-12", "07:30"),
                                       "{\"v\":1,\"source\":{\"path\":\"x\"},\"calendar\":{\"name\":\"Exams, 2026\",\"alarm_minutes\":15}}", NULL, NULL, 0);
    expect(text, "X-WR-CALNAME:Exams\\, 2026\r\n");
    expect(text, "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\n");
    expect_well_formed(text);
}

static void test_ics_write_hostile_text_stays_text(void **state)
{
    static const char hostile[] = "a\r\nBEGIN:VEVENT\r\nUID:evil\nEND:VCALENDAR\r\x01\x1b[2J\x7f\xc2\x85\xe2\x80\xa8;,:\\\"\t\xed\xa0\x80\xff\xc0\xaf"
                                  "\xf0\x9f\x8e\x93";
    struct buf text_long;
    (void)state;
    buf_init(&text_long, 1 << 20);
    while (text_long.len < 100000)
        (void)buf_adds(&text_long, hostile);
    json_t *one = event("exam", false, "", "", "2026-11-12", "07:30");
    static const char *const members[] = {"uid", "kind", "summary", "campus", "comments", "status"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        (void)json_object_set_new(one, members[i], json_string_nocheck(text_long.data));
    (void)json_object_set_new(one, "venues", json_pack("[o,i]", json_string_nocheck(text_long.data), 5));
    AUTO_FREE char *text = write_one(one, NULL, 0);
    assert_int_equal(count(text, "\r\nBEGIN:VEVENT\r\n"), 1);
    assert_int_equal(count(text, "\nEND:VCALENDAR\r\n"), 1);
    assert_int_equal(count(text, "\nUID:"), 1);
    expect_well_formed(text);
    buf_fini(&text_long);
}

static void test_ics_write_event_without_a_place_in_time_is_named(void **state)
{
    (void)state;
    AUTO_FREE char *no_time = write_one(event("exam", false, "", "", "2026-11-12", ""), NULL, 1);
    AUTO_FREE char *no_date = write_one(event("exam", false, "", "", "", "07:30"), NULL, 1);
    AUTO_FREE char *no_term = write_one(event("lecture", true, "Q3", "Monday", "", "08:30"), NULL, 1);
    AUTO_FREE char *which_term = write_one(event("lecture", true, "", "Monday", "", "08:30"), NULL, 1);
    AUTO_FREE char *no_day = write_one(event("lecture", true, "S1", "Someday", "", "08:30"), NULL, 1);
    AUTO_FREE char *bare = write_one(json_pack("{s:{s:i}}", "src", "page", 1), NULL, 1);
    expect_not(no_time, "BEGIN:VEVENT");
    expect_not(no_date, "BEGIN:VEVENT");
    expect_not(no_term, "BEGIN:VEVENT");
    expect_not(which_term, "BEGIN:VEVENT");
    expect_not(no_day, "BEGIN:VEVENT");
    expect_well_formed(bare);
}

static void test_ics_write_beyond_its_buffer_is_named(void **state)
{
    static struct ics_zone zone;
    struct pdf_request r;
    struct err e = {0};
    struct buf out;
    static const struct conf_pdf conf = {.timezone = "UTC", .max_bytes = 1000, .max_pages = 10, .timeout = 1000, .cpu = 1000, .memory = 1 << 26};
    (void)state;
    json_t *events = json_pack("[o]", event("exam", false, "", "", "2026-11-12", "07:30")), *warned = json_array();
    buf_init(&out, 200);
    assert_int_equal(pdf_request_read(&r, TERMS, sizeof TERMS - 1, &conf, &e), 0);
    assert_int_equal(ics_zone_load(&zone, "UTC", &e), 0);
    const struct ics_input in = {.events = events, .request = &r, .zone = &zone, .stamp_s = STAMP_S};
    assert_int_equal(ics_write(&in, &out, warned, &e), ERR_DECOMPRESSION_LIMIT);
    buf_fini(&out);
    json_decref(events);
    json_decref(warned);
    pdf_request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ics_write_lecture_repeats_within_its_term),
        cmocka_unit_test(test_ics_write_first_day_on_a_holiday_is_not_the_start),
        cmocka_unit_test(test_ics_write_whole_year_leaves_out_the_recess),
        cmocka_unit_test(test_ics_write_term_over_the_new_year),
        cmocka_unit_test(test_ics_write_weeks_become_a_rule_with_exceptions),
        cmocka_unit_test(test_ics_write_skipped_hour_is_no_occurrence),
        cmocka_unit_test(test_ics_write_exam_over_midnight_ends_the_next_day),
        cmocka_unit_test(test_ics_write_cancelled_is_a_status),
        cmocka_unit_test(test_ics_write_revision_is_told),
        cmocka_unit_test(test_ics_write_options_name_and_alarm),
        cmocka_unit_test(test_ics_write_hostile_text_stays_text),
        cmocka_unit_test(test_ics_write_event_without_a_place_in_time_is_named),
        cmocka_unit_test(test_ics_write_beyond_its_buffer_is_named),
    };
    return cmocka_run_group_tests_name("ics", tests, NULL, NULL);
}
