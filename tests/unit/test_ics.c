/*
 * ics: the calendar's text, read back line by line.
 */
#include "ics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const char PAYLOAD[] =
    "{\"v\":1,\"source\":{\"path\":\"x\"},\"holidays\":[\"2026-02-16\"],\"terms\":{\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"},"
    "\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}";

static json_t *event(const char *kind, bool recurring, const char *semester, const char *day, const char *date, const char *start)
{
    return json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s,s:[s,s],s:{s:i,s:i}}", "uid", "0123", "kind", kind, "recurring", recurring, "semester",
                     semester, "day", day, "date", date, "start", start, "end", start[0] != '\0' ? "09:20" : "", "summary",
                     "COS 214; L1, caf\xc3\xa9 \xe2\x80\x93 a summary long enough to be folded over lines by every writer", "venues", "IT 4-4",
                     "Centenary 6", "src", "page", 1, "row", 2);
}

/* The calendar of one event (taken). warnings: how many are expected. */
static char *write_one(json_t *one, const char *timezone, size_t warnings)
{
    static const struct conf_pdf conf = {.timezone = "Africa/Johannesburg", .max_bytes = 1000, .max_pages = 10, .timeout = 1000, .cpu = 1000,
                                         .memory = 1 << 26};
    struct pdf_request r;
    struct err e = {0};
    struct buf out;
    json_t *events = json_pack("[o]", one), *warned = json_array();
    buf_init(&out, 1 << 20);
    ics_init();
    assert_int_equal(pdf_request_read(&r, PAYLOAD, sizeof PAYLOAD - 1, &conf, &e), 0);
    if (timezone != NULL)
        r.timezone = timezone;
    int rc = ics_write(events, &r, 1767225600, &out, warned, &e);
    assert_int_equal(json_array_size(warned), warnings);
    if (rc < 0)
        assert_int_equal(rc, ERR_BAD_PAYLOAD);
    json_decref(events);
    json_decref(warned);
    pdf_request_free(&r);
    char *text = rc < 0 ? NULL : buf_take(&out);
    buf_fini(&out);
    return text;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s is not in:\n%s", part, text);
}

static void test_ics_write_lecture_repeats_within_its_term(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("lecture", true, "S1", "Monday", "", "08:30"), NULL, 0);
    expect(text, "DTSTART;TZID=Africa/Johannesburg:20260209T083000\r\n");
    expect(text, "UNTIL=20260605T215959Z");
    expect(text, "EXDATE;TZID=Africa/Johannesburg:20260216T083000\r\n");
    expect(text, "BEGIN:VTIMEZONE\r\nTZID:Africa/Johannesburg\r\n");
    expect(text, "DTSTAMP:20260101T000000Z\r\n");
    expect(text, "UID:0123@stint\r\n");
    expect(text, "COS 214\\; L1\\, caf");
}

static void test_ics_write_whole_year_leaves_out_the_recess(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("lecture", true, "Y", "Monday", "", "08:30"), NULL, 0);
    expect(text, "UNTIL=20261106T215959Z");
    expect(text, "20260608T083000");
    expect(text, "20260713T083000");
    assert_null(strstr(text, "20260720T083000"));
}

static void test_ics_write_lines_are_folded_at_75_octets(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("exam", false, "", "", "2026-11-12", "07:30"), NULL, 0);
    for (const char *line = text; *line != '\0';) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 75);
        assert_true(((unsigned char)*line & 0xc0) != 0x80); /* no line begins inside a character */
        line = end + 2;
    }
}

static void test_ics_write_event_without_time_is_named(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("exam", false, "", "", "2026-11-12", ""), NULL, 1);
    assert_null(strstr(text, "BEGIN:VEVENT"));
}

static void test_ics_write_semester_without_term_is_named(void **state)
{
    (void)state;
    AUTO_FREE char *text = write_one(event("lecture", true, "Q3", "Monday", "", "08:30"), NULL, 1);
    assert_null(strstr(text, "BEGIN:VEVENT"));
}

static void test_ics_write_unknown_timezone_is_refused(void **state)
{
    (void)state;
    assert_null(write_one(event("exam", false, "", "", "2026-11-12", "07:30"), "Mars/Olympus", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ics_write_lecture_repeats_within_its_term),
        cmocka_unit_test(test_ics_write_whole_year_leaves_out_the_recess),
        cmocka_unit_test(test_ics_write_lines_are_folded_at_75_octets),
        cmocka_unit_test(test_ics_write_event_without_time_is_named),
        cmocka_unit_test(test_ics_write_semester_without_term_is_named),
        cmocka_unit_test(test_ics_write_unknown_timezone_is_refused),
    };
    return cmocka_run_group_tests_name("ics", tests, NULL, NULL);
}
