/* The limits of a container are found whatever the kernel shows: cgroup v2, v1, both, nested, none, nonsense; and they
 * are divided among workers. The kernel's side is played by planted files in a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "container_limits.h"
#include "memory_share.h"

#include <stdio.h>

#define MIB(n) ((int64_t)(n) << 20)

static char root[64];

static int set_up(void **arg)
{
    (void)arg;
    (void)snprintf(root, sizeof root, "/tmp/stint-container-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int tear_down(void **arg)
{
    (void)arg;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* The file root/name with the text; folders are made. */
static void plant(const char *name, const char *text)
{
    char path[512], command[600];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    (void)snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
    assert_int_equal(system(command), 0);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void plant_machine(void)
{
    plant("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n");
}

static void plant_v2(const char *path)
{
    char text[CGROUP_PATH_MAX + 16];
    plant_machine();
    (void)snprintf(text, sizeof text, "0::%s\n", path);
    plant("proc/self/cgroup", text);
    plant("proc/self/mountinfo", "29 23 0:26 / /proc rw - proc proc rw\n"
                                 "30 23 0:27 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n");
}

static struct container_limits look(void)
{
    struct container_limits l;
    container_limits_read(&l, root);
    return l;
}

static void test_container_limits_v2_in_a_namespace_of_its_own(void **arg)
{
    (void)arg;
    plant_v2("/");
    plant("sys/fs/cgroup/memory.max", "536870912\n");
    plant("sys/fs/cgroup/memory.current", "104857600\n");
    plant("sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 52428800\n");
    plant("sys/fs/cgroup/cpu.max", "150000 100000\n");
    plant("sys/fs/cgroup/cpu.stat", "usage_usec 1234567\nuser_usec 1\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, MIB(512));
    assert_int_equal(l.memory_free_bytes, MIB(512 - 50));
    assert_string_equal(l.memory_from, "/sys/fs/cgroup/memory.max");
    assert_int_equal(l.cpu_percent, 150);
    assert_int_equal(l.cpu_used_us, 1234567);
    assert_string_equal(l.cpu_from, "/sys/fs/cgroup/cpu.max");
    assert_int_equal(l.machine_bytes, MIB(16384));
    char text[CONTAINER_TEXT_MAX];
    assert_string_equal(container_limits_text(&l, text),
                        "memory 512 MiB (/sys/fs/cgroup/memory.max), CPU 1.50 (/sys/fs/cgroup/cpu.max)");
}

static void test_container_limits_v2_the_least_of_all_above_decides(void **arg)
{
    (void)arg;
    plant_v2("/kube.slice/pod7.slice/stint.service/supervisor");
    plant("sys/fs/cgroup/kube.slice/memory.max", "8589934592\n");
    plant("sys/fs/cgroup/kube.slice/cpu.max", "400000 100000\n");
    plant("sys/fs/cgroup/kube.slice/pod7.slice/memory.max", "1073741824\n");
    plant("sys/fs/cgroup/kube.slice/pod7.slice/memory.current", "1073000000\n");
    plant("sys/fs/cgroup/kube.slice/pod7.slice/cpu.max", "50000 100000\n");
    plant("sys/fs/cgroup/kube.slice/pod7.slice/stint.service/memory.max", "2147483648\n");
    plant("sys/fs/cgroup/kube.slice/pod7.slice/stint.service/memory.current", "1\n");
    plant("sys/fs/cgroup/kube.slice/pod7.slice/stint.service/cpu.max", "max 100000\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, MIB(1024));
    assert_string_equal(l.memory_from, "/sys/fs/cgroup/kube.slice/pod7.slice/memory.max");
    assert_int_equal(l.memory_free_bytes, 1073741824 - 1073000000);
    assert_int_equal(l.cpu_percent, 50);
    assert_string_equal(l.cpu_from, "/sys/fs/cgroup/kube.slice/pod7.slice/cpu.max");
    assert_int_equal(container_limits_cpu(&l), 50);
    assert_int_equal(container_limits_cpus(&l), 1);
}

/* Docker with the host's cgroup namespace: the path is the host's, the mount begins at the container's own group. */
static void plant_v1(const char *quota, const char *limit)
{
    plant_machine();
    plant("proc/self/cgroup",
          "9:name=systemd:/docker/abc\n5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/docker/abc\n");
    plant("proc/self/mountinfo", "40 23 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
                                 "41 23 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
                                 "42 23 0:32 /docker/abc /sys/fs/cgroup/memories ro - cgroup cgroup rw,memories\n");
    plant("sys/fs/cgroup/memory/memory.limit_in_bytes", limit);
    plant("sys/fs/cgroup/memory/memory.usage_in_bytes", "20971520\n");
    plant("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", quota);
    plant("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    plant("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "5000000\n");
}

static void test_container_limits_v1_shows_the_containers_own_group(void **arg)
{
    (void)arg;
    plant_v1("250000\n", "268435456\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, MIB(256));
    assert_int_equal(l.memory_free_bytes, MIB(236));
    assert_string_equal(l.memory_from, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
    assert_int_equal(l.cpu_percent, 250);
    assert_int_equal(l.cpu_used_us, 5000);
    assert_string_equal(l.cpu_from, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us");
}

static void test_container_limits_v1_unlimited_but_for_a_group_that_is_not_shown(void **arg)
{
    (void)arg;
    plant_v1("-1\n", "9223372036854771712\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, 0);
    assert_int_equal(l.memory_free_bytes, MIB(8192));
    assert_int_equal(l.cpu_percent, 0);
    assert_string_equal(l.memory_from, "");
    plant("sys/fs/cgroup/memory/memory.stat",
          "cache 1\nhierarchical_memory_limit 1073741824\ntotal_inactive_file 4096\n");
    l = look();
    assert_int_equal(l.memory_bytes, MIB(1024));
    assert_string_equal(l.memory_from, "/sys/fs/cgroup/memory/memory.stat");
}

static void test_container_limits_v1_paths_that_are_not_shown_are_the_mounts_own(void **arg)
{
    (void)arg;
    plant_v1("100000\n", "134217728\n");
    plant("proc/self/cgroup", "5:memory:/kubepods/pod1/xyz\n3:cpu,cpuacct:/kubepods/pod1/xyz\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, MIB(128));
    assert_int_equal(l.cpu_percent, 100);
}

static void test_container_limits_v1_and_v2_side_by_side(void **arg)
{
    (void)arg;
    plant_v1("-1\n", "268435456\n");
    plant("proc/self/mountinfo", "41 23 0:31 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
                                 "43 23 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    plant("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "100000000\n");
    plant("sys/fs/cgroup/unified/docker/abc/cpu.max", "20000 100000\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, 100000000);
    assert_string_equal(l.memory_from, "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes");
    assert_int_equal(l.cpu_percent, 20);
}

static void test_container_limits_none(void **arg)
{
    (void)arg;
    plant_v2("/user.slice");
    plant("sys/fs/cgroup/user.slice/memory.max", "max\n");
    plant("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, 0);
    assert_int_equal(l.cpu_percent, 0);
    assert_int_equal(l.memory_free_bytes, MIB(8192));
    assert_true(l.cpus >= 1);
    assert_int_equal(container_limits_cpu(&l), l.cpus * 100);
    char text[CONTAINER_TEXT_MAX], want[CONTAINER_TEXT_MAX];
    (void)snprintf(want, sizeof want, "memory: no limit below the machine's 16384 MiB, CPU: no quota, %d to run on",
                   (int)l.cpus);
    assert_string_equal(container_limits_text(&l, text), want);
}

static void test_container_limits_a_limit_above_the_machine_is_none(void **arg)
{
    (void)arg;
    plant_v2("/");
    plant("sys/fs/cgroup/memory.max", "17179869184\n");
    assert_int_equal(look().memory_bytes, 0);
    plant("sys/fs/cgroup/memory.max", "17179869183\n");
    assert_int_equal(look().memory_bytes, INT64_C(17179869183));
}

static void test_container_limits_nonsense_is_no_limit(void **arg)
{
    (void)arg;
    static const char *const memory[] = {"", "\n", "plenty\n", "-5\n", "0\n", "99999999999999999999999\n", "12x\n"};
    static const char *const cpu[] = {
        "", "100000\n", "100000 0\n", "-1 100000\n", "0 100000\n", "a b\n", "9223372036854775807 1\n"};
    plant_v2("/");
    for (size_t i = 0; i < ARRAY_LEN(memory); i++) {
        plant("sys/fs/cgroup/memory.max", memory[i]);
        plant("sys/fs/cgroup/cpu.max", cpu[i]);
        struct container_limits l = look();
        assert_int_equal(l.memory_bytes, 0);
        assert_int_equal(l.cpu_percent, 0);
    }
    plant("sys/fs/cgroup/memory.max", "1048576000"); /* without a newline */
    plant("sys/fs/cgroup/memory.current", "none\n");
    plant("sys/fs/cgroup/cpu.max", "1 100000000\n"); /* less than a percent */
    struct container_limits l = look();
    assert_int_equal(l.memory_bytes, 1048576000);
    assert_int_equal(l.memory_free_bytes, MIB(8192));
    assert_int_equal(l.cpu_percent, 1);
    plant("sys/fs/cgroup/memory.current", "2000000000\n"); /* above its limit: nothing is left, and no less */
    assert_int_equal(look().memory_free_bytes, 0);
}

static void test_container_limits_files_that_are_missing_or_strange(void **arg)
{
    (void)arg;
    struct container_limits l = look(); /* nothing at all */
    assert_int_equal(l.memory_bytes, 0);
    assert_int_equal(l.memory_free_bytes, -1);
    assert_int_equal(l.machine_bytes, 0);
    assert_true(l.cpus >= 1);
    plant("proc/meminfo", "XMemTotal: 5 kB\nMemTotal: lots\nMemAvailable: -3 kB\n");
    plant("proc/self/cgroup", "garbage\n\n:::\n4:memory:\n0::/../outside\n");
    plant("proc/self/mountinfo", "30 23 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\nshort\n");
    plant("sys/fs/cgroup/memory.max", "1\n");
    l = look(); /* a path outside our namespace is not followed */
    assert_int_equal(l.memory_bytes, 0);
    assert_int_equal(l.memory_free_bytes, -1);
    plant("proc/self/cgroup", "0::/deep\n");
    plant("sys/fs/cgroup/deep/memory.max", "104857600\n");
    plant("sys/fs/cgroup/memory.max", "max\n");
    assert_int_equal(look().memory_bytes, MIB(100)); /* also where the machine's memory is unknown */
}

static void test_container_limits_very_deep_paths_are_climbed_to_the_top(void **arg)
{
    (void)arg;
    char path[CGROUP_PATH_MAX] = "";
    for (int i = 0; i < 120; i++)
        (void)strcat(path, "/aaa");
    plant_v2(path);
    plant("sys/fs/cgroup/memory.max", "104857600\n");
    assert_int_equal(look().memory_bytes, MIB(100));
}

static void test_container_limits_of_this_machine(void **arg)
{
    (void)arg;
    struct container_limits l;
    container_limits_read(&l, "");
    assert_true(l.machine_bytes > 0);
    assert_true(l.memory_bytes >= 0 && l.memory_bytes < l.machine_bytes);
    assert_true(l.memory_free_bytes > 0);
    assert_true(container_limits_cpu(&l) >= 1);
}

/* -- dividing --------------------------------------------------------------------------------------------------------
 */

static struct conf *two_pools(int64_t workers_a, int64_t memory_a, int64_t workers_b, int64_t memory_b)
{
    struct conf *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->n_pools = 2;
    c->pools[0].workers = workers_a;
    c->pools[0].memory = memory_a;
    c->pools[1].workers = workers_b;
    c->pools[1].memory = memory_b;
    return c;
}

static void test_memory_share_enough_changes_nothing(void **arg)
{
    (void)arg;
    struct memory_share share;
    struct conf *c = two_pools(2, MIB(256), 1, MIB(448));
    assert_int_equal(memory_share_apply(c, 0, false, 4, &share, NULL), 0);
    assert_string_equal(share.text, "");
    assert_int_equal(memory_share_apply(c, MIB(1024), false, 4, &share, NULL), 0);
    assert_false(share.lowered);
    assert_int_equal(c->pools[0].memory, MIB(256));
    assert_int_equal(c->pools[1].memory, MIB(448));
    assert_int_equal(share.asked_bytes, MIB(960));
    assert_string_equal(share.text, "workers: 3, which ask for 960 MiB of 960");
    free(c);
}

static void test_memory_share_lowers_in_proportion(void **arg)
{
    (void)arg;
    struct memory_share share;
    struct conf *c = two_pools(2, MIB(2048), 1, MIB(4096));
    assert_int_equal(memory_share_apply(c, MIB(1024 + 64), false, 4, &share, NULL), 0);
    assert_true(share.lowered);
    assert_int_equal(c->pools[0].memory, MIB(256));
    assert_int_equal(c->pools[1].memory, MIB(512));
    assert_int_equal(share.given_bytes, MIB(1024));
    assert_string_equal(share.text,
                        "workers: 3, which ask for 8192 MiB where 1024 are left to them: each gets 12 % of its memory");
    int64_t again = c->pools[0].memory; /* what was divided once is not divided again */
    assert_int_equal(memory_share_apply(c, MIB(1024 + 64), false, 4, &share, NULL), 0);
    assert_int_equal(c->pools[0].memory, again);
    free(c);
}

static void test_memory_share_small_pools_keep_what_they_need(void **arg)
{
    (void)arg;
    struct memory_share share;
    struct conf *c = two_pools(2, MIB(128), 1, MIB(8192));
    assert_int_equal(memory_share_apply(c, MIB(64 + 512), false, 4, &share, NULL), 0);
    assert_int_equal(c->pools[0].memory, MIB(64));
    assert_int_equal(c->pools[1].memory, MIB(384));
    free(c);
    c = two_pools(4, MIB(16), 1, MIB(8192)); /* one that asks for less than others need gets no more */
    assert_int_equal(memory_share_apply(c, MIB(64 + 256), false, 4, &share, NULL), 0);
    assert_int_equal(c->pools[0].memory, MIB(16));
    assert_int_equal(c->pools[1].memory, MIB(192));
    free(c);
}

static void test_memory_share_none_means_all_there_is(void **arg)
{
    (void)arg;
    struct memory_share share;
    struct conf *c = two_pools(1, 0, 1, 0);
    assert_int_equal(memory_share_apply(c, MIB(64 + 512), false, 4, &share, NULL), 0);
    assert_int_equal(c->pools[0].memory, MIB(256));
    assert_int_equal(c->pools[1].memory, MIB(256));
    free(c);
}

static void test_memory_share_groups_hold_instead_of_address_space(void **arg)
{
    (void)arg;
    struct memory_share share;
    struct conf *c = two_pools(2, MIB(4096), 0, MIB(2048));
    c->pools[0].cgroup_memory = MIB(512);
    c->pools[0].cgroup_memory_high = MIB(400);
    assert_int_equal(memory_share_apply(c, MIB(64 + 512), true, 4, &share, NULL), 0);
    assert_int_equal(c->pools[0].cgroup_memory, MIB(256));
    assert_int_equal(c->pools[0].memory, MIB(4096));
    assert_int_equal(c->pools[0].cgroup_memory_high, 0);
    free(c);
    c = two_pools(2, MIB(4096), 0, MIB(2048)); /* without groups the key says nothing */
    c->pools[0].cgroup_memory = MIB(512);
    assert_int_equal(memory_share_apply(c, MIB(64 + 512), false, 4, &share, NULL), 0);
    assert_int_equal(c->pools[0].memory, MIB(256));
    assert_int_equal(c->pools[0].cgroup_memory, MIB(256));
    free(c);
}

static void test_memory_share_too_little_is_refused_with_the_remedy(void **arg)
{
    (void)arg;
    struct memory_share share;
    struct err e = {0};
    struct conf *c = two_pools(2, MIB(2048), 2, MIB(2048));
    assert_int_equal(memory_share_apply(c, MIB(300), false, 4, &share, &e), ERR_BAD_CONFIG);
    assert_string_equal(
        e.message,
        "the memory limit here is 300 MiB, of which the supervisor keeps 64: too little for 4 workers, which need 256 "
        "MiB; raise the limit (docker run --memory, mem_limit, MemoryMax=), or lower workers or workers_max");
    assert_int_equal(c->pools[0].memory, MIB(2048));
    assert_int_equal(memory_share_apply(c, MIB(320), false, 4, &share, &e), 0);
    assert_int_equal(c->pools[0].memory, MIB(64));
    free(c);
    c = two_pools(1, MIB(2048), 0, MIB(2048));
    assert_int_equal(memory_share_apply(c, MIB(10), false, 4, &share, &e), ERR_BAD_CONFIG);
    free(c);
    c = two_pools(0, MIB(2048), 0, MIB(2048)); /* a supervisor without workers starts anywhere */
    assert_int_equal(memory_share_apply(c, MIB(10), false, 4, &share, &e), 0);
    free(c);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_container_limits_v2_in_a_namespace_of_its_own),
        CASE(test_container_limits_v2_the_least_of_all_above_decides),
        CASE(test_container_limits_v1_shows_the_containers_own_group),
        CASE(test_container_limits_v1_unlimited_but_for_a_group_that_is_not_shown),
        CASE(test_container_limits_v1_paths_that_are_not_shown_are_the_mounts_own),
        CASE(test_container_limits_v1_and_v2_side_by_side),
        CASE(test_container_limits_none),
        CASE(test_container_limits_a_limit_above_the_machine_is_none),
        CASE(test_container_limits_nonsense_is_no_limit),
        CASE(test_container_limits_files_that_are_missing_or_strange),
        CASE(test_container_limits_very_deep_paths_are_climbed_to_the_top),
        CASE(test_container_limits_of_this_machine),
        cmocka_unit_test(test_memory_share_enough_changes_nothing),
        cmocka_unit_test(test_memory_share_lowers_in_proportion),
        cmocka_unit_test(test_memory_share_small_pools_keep_what_they_need),
        cmocka_unit_test(test_memory_share_none_means_all_there_is),
        cmocka_unit_test(test_memory_share_groups_hold_instead_of_address_space),
        cmocka_unit_test(test_memory_share_too_little_is_refused_with_the_remedy),
    };
    return cmocka_run_group_tests_name("container_limits", tests, NULL, NULL);
}
