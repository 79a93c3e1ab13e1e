/*
 * test_roles - each program links what common/role_table.h allows it and nothing else, is hardened, and answers --version.
 *
 * Reads the ELF files of the build with readelf; a planted violation (this test's own binary held against the parser's row) must
 * be seen first.
 */
#include "base.h"
#include "role_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct role {
    const char *program, *folder, *allowed;
};

static const struct role roles[] = {
#define X(program, folder, allowed) {program, folder, allowed},
    ROLE_TABLE(X)
#undef X
};

/* libc's own, the compiler's, and the sanitizers' of an instrumented build. */
static const char *const always[] = {"libc", "libm", "libgcc_s", "ld-linux-x86-64", "libasan", "libubsan", "libtsan", "libpthread", "libgcov"};

static bool word_in(const char *words, const char *word, size_t len)
{
    for (const char *at = words; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == len && strncmp(at, word, len) == 0)
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static bool is_allowed(const char *allowed, const char *soname)
{
    const char *so = strstr(soname, ".so");
    size_t len = so != NULL ? (size_t)(so - soname) : strlen(soname);
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        if (strlen(always[i]) == len && strncmp(always[i], soname, len) == 0)
            return true;
    return word_in(allowed, soname, len);
}

/* Counts libraries of `path` that `allowed` does not name, printing them; -1 when readelf found none at all. */
static int count_violations(const char *path, const char *allowed)
{
    char command[700], line[512];
    (void)snprintf(command, sizeof command, "readelf -d '%s' 2>/dev/null", path);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    int needed = 0, violations = 0;
    while (fgets(line, sizeof line, out) != NULL) {
        char *open = strstr(line, "(NEEDED)") != NULL ? strchr(line, '[') : NULL;
        if (open == NULL)
            continue;
        open[strcspn(open, "]")] = '\0';
        needed++;
        if (!is_allowed(allowed, open + 1)) {
            violations++;
            print_message("# %s links %s\n", path, open + 1);
        }
    }
    (void)pclose(out);
    return needed > 0 ? violations : -1;
}

static void test_role_table_planted_violation_is_seen(void **state)
{
    (void)state;
    assert_true(count_violations("/proc/self/exe", "libpoppler") > 0);
}

static void test_role_table_every_program_links_only_its_row(void **state)
{
    (void)state;
    const char *build = getenv("STINT_BUILD");
    assert_non_null(build);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/bin/%s", build, roles[i].program);
        assert_int_equal(count_violations(path, roles[i].allowed), 0);
    }
}

static void test_programs_answer_version(void **state)
{
    (void)state;
    const char *build = getenv("STINT_BUILD");
    assert_non_null(build);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        char command[700], line[256] = "";
        (void)snprintf(command, sizeof command, "'%s/bin/%s' --version </dev/null", build, roles[i].program);
        FILE *out = popen(command, "r");
        assert_non_null(out);
        assert_non_null(fgets(line, sizeof line, out));
        assert_int_equal(pclose(out), 0);
        assert_non_null(strstr(line, roles[i].program));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_role_table_planted_violation_is_seen),
        cmocka_unit_test(test_role_table_every_program_links_only_its_row),
        cmocka_unit_test(test_programs_answer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
