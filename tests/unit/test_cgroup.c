/* The kernel's cgroup files are read as they are written, a group is used only when it was delegated, and a leaf's
 * limits land in the right files. The kernel's side is played by planted files in a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char root[] = "/tmp/stint-cgroup-XXXXXX";

static void plant(const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void plant_folder(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void planted(const char *name, char ret_text[static 256])
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(ret_text, 1, 255, f);
    ret_text[n] = '\0';
    assert_int_equal(fclose(f), 0);
}

static void remove_planted(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    (void)remove(path);
}

/* A process in the root of its cgroup namespace, mounted at root/fs, with a leaf that is already limited by nothing. */
static int plant_tree(void **arg)
{
    (void)arg;
    if (mkdtemp(root) == NULL)
        return -1;
    plant_folder("proc");
    plant_folder("fs");
    plant_folder("fs/supervisor");
    plant_folder("fs/leaf");
    char mount[256];
    (void)snprintf(mount, sizeof mount,
                   "22 1 0:20 / /proc rw - proc proc rw\n31 24 0:27 / %s/fs rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
                   root);
    plant("proc/mountinfo", mount);
    plant("proc/cgroup", "1:name=systemd:/x\n0::/\n");
    plant("fs/cgroup.procs", "");
    plant("fs/cgroup.type", "domain\n");
    plant("fs/cgroup.subtree_control", "");
    plant("fs/cgroup.controllers", "cpuset cpu io memory pids\n");
    plant("fs/supervisor/cgroup.procs", "");
    static const char *const leaf[] = {"memory.max", "memory.high", "memory.oom.group", "memory.swap.max",
                                       "pids.max",   "cpu.max",     "cgroup.kill"};
    for (size_t i = 0; i < ARRAY_LEN(leaf); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "fs/leaf/%s", leaf[i]);
        plant(name, "");
    }
    return 0;
}

static int remove_tree(void **arg)
{
    (void)arg;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static const char *proc_self(void)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "%s/proc", root);
    return path;
}

/* -- parsing -- */

static void test_cgroup_parse_self_v2_line_gives_its_path(void **arg)
{
    (void)arg;
    char path[CGROUP_PATH_MAX];
    assert_int_equal(cgroup_parse_self("0::/system.slice/stint-supervisor.service\n", path), 0);
    assert_string_equal(path, "/system.slice/stint-supervisor.service");
    assert_int_equal(cgroup_parse_self("12:pids:/a\n1:name=systemd:/b\n0::/c", path), 0);
    assert_string_equal(path, "/c");
    assert_int_equal(cgroup_parse_self("0::/\n", path), 0);
    assert_string_equal(path, "/");
}

static void test_cgroup_parse_self_own_leaf_gives_its_parent(void **arg)
{
    (void)arg;
    char path[CGROUP_PATH_MAX];
    assert_int_equal(cgroup_parse_self("0::/a.service/supervisor\n", path), 0);
    assert_string_equal(path, "/a.service");
    assert_int_equal(cgroup_parse_self("0::/supervisor\n", path), 0);
    assert_string_equal(path, "/");
    assert_int_equal(cgroup_parse_self("0::/my-supervisor\n", path), 0);
    assert_string_equal(path, "/my-supervisor");
}

static void test_cgroup_parse_self_unusable_is_refused(void **arg)
{
    (void)arg;
    char path[CGROUP_PATH_MAX] = "untouched", long_path[700];
    assert_int_equal(cgroup_parse_self("", path), -ENOENT);
    assert_int_equal(cgroup_parse_self("4:memory:/a\n1:name=systemd:/b\n", path), -ENOENT);
    assert_int_equal(cgroup_parse_self("0::/../other\n", path), -EINVAL);
    (void)memset(long_path, 'a', sizeof long_path - 1);
    (void)memcpy(long_path, "0::/", 4);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(cgroup_parse_self(long_path, path), -EINVAL);
    assert_string_equal(path, "untouched");
}

static void test_cgroup_parse_mount_joins_root_folder_and_path(void **arg)
{
    (void)arg;
    static const char v2[] = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    static const char hybrid[] = "40 24 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                 "41 24 0:36 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    static const char bound[] = "50 24 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    char folder[CGROUP_PATH_MAX];
    assert_int_equal(cgroup_parse_mount(v2, "/a/b", folder), 0);
    assert_string_equal(folder, "/sys/fs/cgroup/a/b");
    assert_int_equal(cgroup_parse_mount(v2, "/", folder), 0);
    assert_string_equal(folder, "/sys/fs/cgroup");
    assert_int_equal(cgroup_parse_mount(hybrid, "/x", folder), 0);
    assert_string_equal(folder, "/sys/fs/cgroup/unified/x");
    assert_int_equal(cgroup_parse_mount(bound, "/docker/abc/y", folder), 0);
    assert_string_equal(folder, "/sys/fs/cgroup/y");
    assert_int_equal(cgroup_parse_mount(bound, "/docker/abcd", folder), -ENOENT);
    assert_int_equal(cgroup_parse_mount("", "/", folder), -ENOENT);
    assert_int_equal(cgroup_parse_mount("nonsense\n- cgroup2\n", "/", folder), -ENOENT);
}

static void test_cgroup_parse_key_finds_whole_keys_only(void **arg)
{
    (void)arg;
    static const char events[] = "low 0\nhigh 12\nmax 9\noom 2\noom_kill 3\noom_group_kill 1\n";
    assert_int_equal(cgroup_parse_key(events, "oom_kill"), 3);
    assert_int_equal(cgroup_parse_key(events, "oom"), 2);
    assert_int_equal(cgroup_parse_key(events, "kill"), -1);
    assert_int_equal(cgroup_parse_key("", "oom"), -1);
    assert_int_equal(cgroup_parse_key("oom_kill x\n", "oom_kill"), -1);
}

static void test_cgroup_parse_number_and_words(void **arg)
{
    (void)arg;
    assert_int_equal(cgroup_parse_number("4096\n"), 4096);
    assert_int_equal(cgroup_parse_number("max\n"), -1);
    assert_int_equal(cgroup_parse_number("12 34"), -1);
    assert_int_equal(cgroup_parse_number(""), -1);
    assert_true(cgroup_parse_has_word("cpuset cpu io memory pids\n", "pids"));
    assert_true(cgroup_parse_has_word("cpu", "cpu"));
    assert_false(cgroup_parse_has_word("cpuset io\n", "cpu"));
    assert_false(cgroup_parse_has_word("", "cpu"));
}

/* -- the tree -- */

static void test_cgroup_open_delegated_enables_controllers(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    assert_int_equal(cgroup_open(&t, proc_self(), &e), 0);
    assert_true(t.fd >= 0);
    assert_true(t.has[CGROUP_MEMORY] && t.has[CGROUP_PIDS] && t.has[CGROUP_CPU]);
    assert_string_equal(t.why, "cgroup v2, delegated: a group per worker (memory, pids, cpu)");
    cgroup_close(&t);
    assert_int_equal(t.fd, -1);
    cgroup_close(&t);
    cgroup_close(NULL);
}

static void test_cgroup_open_without_memory_controller_says_what_is_offered(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    plant("fs/cgroup.controllers", "cpuset hugetlb\n");
    assert_true(cgroup_open(&t, proc_self(), &e) < 0);
    plant("fs/cgroup.controllers", "cpuset cpu io memory pids\n");
    assert_int_equal(t.fd, -1);
    assert_non_null(strstr(t.why, "no memory controller"));
    assert_non_null(strstr(t.why, "cpuset hugetlb"));
}

static void test_cgroup_open_not_delegated_names_the_remedy(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    remove_planted("fs/cgroup.type"); /* the root of the whole hierarchy: nobody gave it to us */
    plant("cgroup.procs", "");        /* and a user who may write here may write above */
    int rc = cgroup_open(&t, proc_self(), &e);
    plant("fs/cgroup.type", "domain\n");
    assert_true(rc < 0);
    assert_int_equal(t.fd, -1);
    assert_non_null(strstr(t.why, "not delegated"));
    assert_non_null(strstr(t.why, "Delegate=yes"));
}

static void test_cgroup_open_busy_group_is_not_used(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    plant("fs/cgroup.procs", "1\n2\n"); /* a folder's file does not lose a process that was moved */
    int rc = cgroup_open(&t, proc_self(), &e);
    plant("fs/cgroup.procs", "");
    assert_int_equal(rc, -EBUSY);
    assert_int_equal(t.fd, -1);
}

static void test_cgroup_open_without_cgroups_says_so(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    assert_true(cgroup_open(&t, "/nonexistent", &e) < 0);
    assert_int_equal(t.fd, -1);
    assert_string_equal(t.why, e.message);
}

/* -- a leaf -- */

static int open_leaf(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/fs/leaf", root);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_cgroup_leaf_limit_writes_the_kernels_units(void **arg)
{
    (void)arg;
    const struct cgroup_tree t = {.has = {true, true, true}};
    const struct cgroup_limits l = {
        .memory_max_bytes = 67108864, .memory_high_bytes = 0, .cpu_percent = 150, .tasks = 64};
    AUTO_CLOSE int fd = open_leaf();
    const char *file = "";
    char text[256];
    assert_int_equal(cgroup_leaf_limit(&t, fd, &l, &file), 0);
    planted("fs/leaf/memory.max", text);
    assert_string_equal(text, "67108864");
    planted("fs/leaf/memory.high", text);
    assert_string_equal(text, "max");
    planted("fs/leaf/memory.oom.group", text);
    assert_string_equal(text, "1");
    planted("fs/leaf/memory.swap.max", text);
    assert_string_equal(text, "0");
    planted("fs/leaf/pids.max", text);
    assert_string_equal(text, "64");
    planted("fs/leaf/cpu.max", text);
    assert_string_equal(text, "150000 100000");
}

static void test_cgroup_leaf_limit_missing_file_is_named(void **arg)
{
    (void)arg;
    const struct cgroup_tree t = {.has = {true, true, true}};
    const struct cgroup_limits l = {.tasks = 64};
    AUTO_CLOSE int fd = open_leaf();
    const char *file = "";
    remove_planted("fs/leaf/pids.max");
    int rc = cgroup_leaf_limit(&t, fd, &l, &file);
    plant("fs/leaf/pids.max", "");
    assert_int_equal(rc, -ENOENT);
    assert_string_equal(file, "pids.max");
}

static void test_cgroup_leaf_make_failed_leaves_nothing(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    const struct cgroup_limits l = {0};
    int fd = -1;
    assert_int_equal(cgroup_open(&t, proc_self(), &e), 0);
    assert_int_equal(cgroup_leaf_make(&t, "worker-0.1", &l, &fd, &e), -ENOENT); /* only the kernel makes the files */
    assert_int_equal(fd, -1);
    assert_non_null(strstr(e.message, "memory.max"));
    assert_int_equal(faccessat(t.fd, "worker-0.1", F_OK, 0), -1);
    cgroup_close(&t);
}

static void test_cgroup_leaf_read_tells_what_is_there(void **arg)
{
    (void)arg;
    struct cgroup_usage u;
    AUTO_CLOSE int fd = open_leaf();
    plant("fs/leaf/memory.events", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 2\n");
    plant("fs/leaf/memory.peak", "67108864\n");
    plant("fs/leaf/memory.max", "67108864\n");
    plant("fs/leaf/cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nthrottled_usec 20\n");
    cgroup_leaf_read(fd, &u);
    assert_int_equal(u.oom_kills, 2);
    assert_int_equal(u.memory_peak_bytes, 67108864);
    assert_int_equal(u.memory_max_bytes, 67108864);
    assert_int_equal(u.memory_bytes, -1);
    assert_int_equal(u.tasks_refused, -1);
    assert_int_equal(u.cpu_us, 1500);
    assert_int_equal(u.throttled_us, 20);
    assert_int_equal(cgroup_leaf_cpu_us(fd), 1500);
}

static void test_cgroup_sweep_removes_empty_worker_leaves_only(void **arg)
{
    (void)arg;
    struct cgroup_tree t;
    struct err e = {0};
    plant_folder("fs/worker-1.1");
    plant_folder("fs/worker-2.1");
    plant("fs/worker-2.1/busy", ""); /* as a group with a process: rmdir refuses */
    assert_int_equal(cgroup_open(&t, proc_self(), &e), 0);
    assert_int_equal(faccessat(t.fd, "worker-1.1", F_OK, 0), 0); /* perhaps of a supervisor that hands over to us */
    assert_int_equal(cgroup_sweep(&t, ""), 1);
    assert_int_equal(faccessat(t.fd, "worker-1.1", F_OK, 0), -1);
    assert_int_equal(faccessat(t.fd, "worker-2.1", F_OK, 0), 0);
    assert_int_equal(faccessat(t.fd, "supervisor", F_OK, 0), 0);
    assert_int_equal(cgroup_sweep(&t, ""), 0);
    remove_planted("fs/worker-2.1/busy");
    plant_folder("fs/worker-21.1"); /* just ended, not yet read: another slot's start leaves it alone */
    assert_int_equal(cgroup_sweep(&t, "worker-2."), 1);
    assert_int_equal(faccessat(t.fd, "worker-21.1", F_OK, 0), 0);
    assert_int_equal(cgroup_sweep(&t, ""), 1);
    cgroup_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cgroup_parse_self_v2_line_gives_its_path),
        cmocka_unit_test(test_cgroup_parse_self_own_leaf_gives_its_parent),
        cmocka_unit_test(test_cgroup_parse_self_unusable_is_refused),
        cmocka_unit_test(test_cgroup_parse_mount_joins_root_folder_and_path),
        cmocka_unit_test(test_cgroup_parse_key_finds_whole_keys_only),
        cmocka_unit_test(test_cgroup_parse_number_and_words),
        cmocka_unit_test(test_cgroup_open_delegated_enables_controllers),
        cmocka_unit_test(test_cgroup_open_without_memory_controller_says_what_is_offered),
        cmocka_unit_test(test_cgroup_open_not_delegated_names_the_remedy),
        cmocka_unit_test(test_cgroup_open_busy_group_is_not_used),
        cmocka_unit_test(test_cgroup_open_without_cgroups_says_so),
        cmocka_unit_test(test_cgroup_leaf_limit_writes_the_kernels_units),
        cmocka_unit_test(test_cgroup_leaf_limit_missing_file_is_named),
        cmocka_unit_test(test_cgroup_leaf_make_failed_leaves_nothing),
        cmocka_unit_test(test_cgroup_leaf_read_tells_what_is_there),
        cmocka_unit_test(test_cgroup_sweep_removes_empty_worker_leaves_only),
    };
    return cmocka_run_group_tests(tests, plant_tree, remove_tree);
}
