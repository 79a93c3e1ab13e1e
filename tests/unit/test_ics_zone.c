/*
 * ics_zone, ics_rule: files that are only a rule, damaged files, and readings of a clock that changes. Python's zoneinfo is asked in test_calendar.
 */
#include "ics_zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct ics_zone zone;

/* A file of the database's slim form: one type, no change, and a sentence for all years. Returns its length. */
static size_t slim_file(uint8_t out[static 512], const char *rule)
{
    static const uint8_t head[44] = {'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4};
    static const uint8_t body[10] = {0, 0, 0, 0, 0, 0, 'S', 'T', 'D', 0};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        memcpy(out + n, head, sizeof head);
        memcpy(out + n + sizeof head, body, sizeof body);
        n += sizeof head + sizeof body;
    }
    return n + (size_t)snprintf((char *)out + n, 512 - n, "\n%s\n", rule);
}

static int read_rule(const char *rule)
{
    uint8_t file[512];
    return ics_zone_read(&zone, "Test/Zone", file, slim_file(file, rule));
}

static void expect_offset(int64_t before_s, int32_t offset, int32_t offset_after)
{
    assert_int_equal(ics_zone_offset(&zone, before_s), offset);
    assert_int_equal(ics_zone_offset(&zone, before_s + 1), offset_after);
}

static void test_ics_zone_read_rule_gives_each_years_changes(void **state)
{
    (void)state;
    assert_int_equal(read_rule("EST5EDT,M3.2.0,M11.1.0"), 0);
    expect_offset(1772953199, -18000, -14400); /* 2026-03-08 07:00 UTC */
    expect_offset(1793512799, -14400, -18000); /* 2026-11-01 06:00 UTC */
    assert_int_equal(read_rule("IST-1GMT0,M10.5.0,M3.5.0/1"), 0); /* winter is the other half */
    expect_offset(1774745999, 0, 3600);                            /* 2026-03-29 01:00 UTC */
    expect_offset(1792889999, 3600, 0);                            /* 2026-10-25 01:00 UTC */
    assert_int_equal(read_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), 0);
    expect_offset(1774745999, -7200, -3600); /* Sunday less an hour: Saturday 23:00 there */
    assert_int_equal(read_rule("XXX3YYY,J60/0,300"), 0);
    expect_offset(1709262000 - 1, -10800, -7200); /* day 60 is 1 March, in leap years too: 2024-03-01 03:00 UTC */
    assert_int_equal(read_rule("XXX3EDT4,0/0,J365/23"), 0); /* summer time all year */
    assert_int_equal(zone.n_changes, 1);
}

static void test_ics_zone_read_refuses_what_is_no_rule(void **state)
{
    static const char *const bad[] = {"E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.0.0,M11.1.0",
                                      "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,366,1", "EST99", "<EST5", "EST5EDT,M3.2.0,M11.1.0x",
                                      "EST5EDT,M3.2.0/168,M11.1.0", "EST5:60", "EST5EDT,M", "EST5EDT,M3", "EST5EDT,M3.", "EST5EDT,M3.2",
                                      "ABCDEFGHIJKLMNOPQ5"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (read_rule(bad[i]) == 0)
            fail_msg("%s was read as a rule", bad[i]);
}

static void test_ics_zone_read_damaged_file_is_refused_or_read_whole(void **state)
{
    uint8_t file[65536], damaged[65536];
    struct err e = {0};
    (void)state;
    assert_int_equal(ics_zone_load(&zone, "Europe/Dublin", &e), 0);
    FILE *from = fopen("/usr/share/zoneinfo/Europe/Dublin", "rbe");
    if (from == NULL)
        skip(); /* a database elsewhere (TZDIR) */
    size_t len = fread(file, 1, sizeof file, from);
    (void)fclose(from);
    assert_true(len > 100);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(ics_zone_read(&zone, "x", file, cut), 0);
    for (size_t i = 0; i < len; i++) {
        memcpy(damaged, file, len);
        damaged[i] ^= (uint8_t)(1u << i % 8);
        if (ics_zone_read(&zone, "x", damaged, len) == 0) {
            assert_true(zone.n_changes >= 1 && zone.n_changes <= ICS_ZONE_CHANGES_MAX);
            for (size_t c = 1; c < zone.n_changes; c++)
                assert_true(zone.changes[c].at_s > zone.changes[c - 1].at_s && zone.changes[c].type < zone.n_types);
        }
    }
}

static void test_ics_zone_load_name_stays_in_the_database(void **state)
{
    static const char *const bad[] = {"", "/etc/passwd", "../../../etc/passwd", "Europe/../Europe/Berlin", "Mars/Olympus", "Europe", "Europe//Berlin",
                                      "localtime", "tzdata.zi", "Europe/Berlin\n",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct err e = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(ics_zone_load(&zone, bad[i], &e), ERR_BAD_PAYLOAD);
    assert_int_equal(ics_zone_load(&zone, "Etc/GMT+12", &e), 0);
}

static void test_ics_zone_instant_skipped_and_repeated_readings(void **state)
{
    bool skipped;
    (void)state;
    assert_int_equal(read_rule("EST5EDT,M3.2.0,M11.1.0"), 0);
    assert_int_equal(ics_zone_instant(&zone, 1772953200 - 18000 + 1800, &skipped), 1772953200 + 1800); /* 02:30 is 03:30 EDT */
    assert_true(skipped);
    assert_int_equal(ics_zone_instant(&zone, 1793512800 - 18000 + 1800, &skipped), 1793512800 - 1800); /* 01:30: the first of two */
    assert_false(skipped);
    assert_int_equal(ics_zone_instant(&zone, 1793512800 - 18000 + 3600, &skipped), 1793512800 + 3600);
    assert_false(skipped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ics_zone_read_rule_gives_each_years_changes),
        cmocka_unit_test(test_ics_zone_read_refuses_what_is_no_rule),
        cmocka_unit_test(test_ics_zone_read_damaged_file_is_refused_or_read_whole),
        cmocka_unit_test(test_ics_zone_load_name_stays_in_the_database),
        cmocka_unit_test(test_ics_zone_instant_skipped_and_repeated_readings),
    };
    return cmocka_run_group_tests_name("ics_zone", tests, NULL, NULL);
}
