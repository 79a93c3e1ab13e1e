/*
 * Why: folders of backups and temporary folders are removed by programs that run unwatched at night. What goes must be
 * what was meant: never the backup just made, never what somebody still uses, never what a link points at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backup_folder.h"
#include "temporary_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

static char root[64];

static int make_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/stint-folders-XXXXXX");
    return mkdtemp(root) != NULL && setenv("TMPDIR", root, 1) == 0 ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    backup_folder_remove(root);
    return 0;
}

static const char *in_root(const char *name)
{
    static char path[4][256];
    static size_t turn;
    char *out = path[turn++ % ARRAY_LEN(path)];
    (void)snprintf(out, sizeof path[0], "%s/%s", root, name);
    return out;
}

static bool there(const char *name)
{
    struct stat st;
    return lstat(in_root(name), &st) == 0;
}

static void write_file(const char *name)
{
    int fd = open(in_root(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void test_remove_follows_no_link(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_root("kept"), 0700), 0);
    write_file("kept/file");
    assert_int_equal(mkdir(in_root("goes"), 0700), 0);
    assert_int_equal(mkdir(in_root("goes/deep"), 0700), 0);
    write_file("goes/deep/file");
    assert_int_equal(symlink("../kept", in_root("goes/link")), 0);
    backup_folder_remove(in_root("goes"));
    assert_false(there("goes"));
    assert_true(there("kept/file"));
}

/* The clock was ahead when the others were made: the one just made sorts first, and is kept. */
static void test_prune_keeps_what_was_just_made(void **state)
{
    (void)state;
    static const char *const names[] = {"stint-20300101T000000Z", "stint-20300102T000000Z", "stint-2-my-own-Things-3-Z",
                                        "stint-20261122T031500Z"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(mkdir(in_root(names[i]), 0700), 0);
    struct backup_folder f = {.named_here = true, .fd = -1};
    (void)snprintf(f.parent, sizeof f.parent, "%s", root);
    (void)snprintf(f.name, sizeof f.name, "stint-20261122T031500Z");
    assert_int_equal(backup_folder_prune(&f, 2), 0);
    assert_int_equal(backup_folder_prune(&f, 1), 1);
    assert_true(there("stint-20261122T031500Z"));
    assert_true(there("stint-20300102T000000Z"));
    assert_false(there("stint-20300101T000000Z"));
    assert_true(there("stint-2-my-own-Things-3-Z"));
}

static void test_temporary_of_the_dead_goes(void **state)
{
    (void)state;
    char held[PATH_MAX], next[PATH_MAX];
    int held_lock = -1, next_lock = -1;
    struct err e;
    assert_int_equal(mkdir(in_root("stint-private-abcdef"), 0711), 0);
    assert_int_equal(mkdir(in_root("stint-unpack-abcdef"), 0700), 0);
    write_file("stint-unpack-abcdef/postgres.dump");
    assert_int_equal(mkdir(in_root("stint-private-of-mine"), 0700), 0);
    assert_int_equal(temporary_folder_make("private", held, &held_lock, &e), 0);
    assert_false(there("stint-private-abcdef"));
    assert_false(there("stint-unpack-abcdef"));
    assert_true(there("stint-private-of-mine"));
    assert_int_equal(temporary_folder_make("unpack", next, &next_lock, &e), 0);
    assert_int_equal(access(held, F_OK), 0); /* its owner lives */
    (void)close(held_lock);
    (void)close(next_lock);
    assert_int_equal(temporary_folder_make("unpack", next, &next_lock, &e), 0);
    assert_int_equal(access(held, F_OK), -1);
    (void)close(next_lock);
    assert_int_equal(setenv("TMPDIR", in_root("nowhere"), 1), 0);
    assert_int_equal(temporary_folder_make("unpack", next, &next_lock, &e), -ENOENT);
    assert_string_equal(next, "");
    assert_non_null(strstr(e.message, "TMPDIR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_remove_follows_no_link, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_prune_keeps_what_was_just_made, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_temporary_of_the_dead_goes, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
