/*
 * stint-fetch and names that lie: in a network of its own (a namespace), with a name server of the test's own, so that a name can lead anywhere, and
 * elsewhere a moment later. What counts in the end is at which addresses a request arrived.
 */
#include "source_bench.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

static const char PUBLIC[] = "93.184.216.34"; /* inside the namespace it is this machine */
static int names_in, names_out;
static pid_t names_pid;

static bool own_network(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    struct sockaddr_in address = {.sin_family = AF_INET};
    char file[128];
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return false;
    (void)snprintf(folder, sizeof folder, "/tmp/stint-names-XXXXXX");
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) < 0)
        return false;
    (void)snprintf(file, sizeof file, "%s/resolv.conf", folder);
    FILE *f = fopen(file, "we");
    if (f == NULL || fputs("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", f) < 0 || fclose(f) != 0 || chmod(file, 0644) < 0 ||
        mount(file, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
        return false;
    AUTO_CLOSE int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(s, SIOCSIFFLAGS, &request) < 0)
        return false;
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "lo:1");
    (void)inet_pton(AF_INET, PUBLIC, &address.sin_addr);
    memcpy(&request.ifr_addr, &address, sizeof address);
    return ioctl(s, SIOCSIFADDR, &request) == 0;
}

static int start_names(void **state)
{
    int in[2], out[2];
    char script[512], line[16] = "";
    struct err e = {0};
    (void)state;
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        return -1;
    (void)snprintf(script, sizeof script, "%s/tests/support/sources/names_server.py", getenv("STINT_SOURCE"));
    char *const argv[] = {(char[]){"python3"}, script, NULL};
    const int fds[] = {in[0], out[1], STDERR_FILENO};
    const struct limits limits = {.parent_death_signal = SIGKILL};
    struct spawn spawn = {.path = "/usr/bin/python3", .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds), .limits = &limits};
    if (spawn_exec(&spawn, &names_pid, &e) < 0)
        return -1;
    (void)close(in[0]);
    (void)close(out[1]);
    names_in = in[1];
    names_out = out[0];
    (void)snprintf(script, sizeof script, "%s/bin:%s", getenv("STINT_BUILD"), getenv("PATH"));
    (void)setenv("PATH", script, 1);
    return read(names_out, line, sizeof line) > 0 && strncmp(line, "ready", 5) == 0 ? 0 : -1;
}

static int stop_names(void **state)
{
    char command[128];
    (void)state;
    if (names_in >= 0)
        (void)close(names_in);
    (void)waitpid(names_pid, NULL, 0);
    (void)snprintf(command, sizeof command, "umount /etc/resolv.conf; rm -rf %s", folder);
    return system(command);
}

static const char *const settings[] = {"pdf.url", "public", "pdf.url_http", "yes", "pdf.url_timeout", "5s", NULL};

static void expect(struct bench *b, const char *host, int code, const char *words)
{
    struct outcome o;
    char payload[256];
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"source\":{\"url\":\"http://%s/x.pdf\"}}", host);
    get(b, payload, &o);
    if (o.rc != code || (code != 0 && strstr(o.e.message, words) == NULL))
        fail_msg("%s: expected %s with \"%s\", got %s: %s", host, err_name(code), words, err_name(o.rc), o.e.message);
    if (o.rc == 0) {
        char text[64] = "";
        assert_true(pread(o.input.fd, text, sizeof text - 1, 0) > 0);
        assert_string_equal(text + strlen("%PDF-1.4\n"), PUBLIC);
    }
    pdf_source_close(&o.input);
}

static void test_fetch_names_lead_to_public_addresses_only(void **state)
{
    static const char *const elsewhere[] = {"private.test", "meta.test", "mapped.test", "loop6.test", "nat64.test", "cname.test", "many.test", "PRIVATE.test."};
    struct bench b;
    (void)state;
    open_bench(&b, settings);
    expect(&b, "public.test", 0, "");
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        expect(&b, elsewhere[i], ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    expect(&b, "mixed.test", 0, ""); /* at its public address */
    expect(&b, "nothing.test", ERR_SOURCE_UNAVAILABLE, "cannot be resolved");
    expect(&b, "garbage.test", ERR_SOURCE_UNAVAILABLE, "garbage.test");
    expect(&b, "public.test", 0, "");
    close_bench(&b);
}

static void test_fetch_name_that_changes_gains_nothing(void **state)
{
    struct bench b;
    (void)state;
    for (int i = 0; i < 4; i++) { /* each with a process of its own, which remembers no name */
        open_bench(&b, settings);
        expect(&b, "rebind.test", i == 0 ? 0 : ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
        close_bench(&b);
    }
}

static void test_fetch_name_server_that_is_silent_costs_a_retry(void **state)
{
    const char *const mine[] = {"pdf.url", "public", "pdf.url_http", "yes", "pdf.url_timeout", "600ms", NULL};
    struct bench b;
    (void)state;
    open_bench(&b, mine);
    expect(&b, "hang.test", ERR_SOURCE_UNAVAILABLE, "");
    expect(&b, "public.test", 0, "");
    close_bench(&b);
}

/* Last: what arrived, and where. */
static void test_fetch_requests_arrived_at_the_public_address_alone(void **state)
{
    char text[4096] = "";
    size_t len = 0, lines = 0;
    (void)state;
    (void)close(names_in);
    names_in = -1;
    for (ssize_t n; (n = read(names_out, text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++)
        assert_string_equal(line, PUBLIC);
    print_message("# %zu requests arrived, all at the public address; %zu fetches tried\n", lines, tried);
    assert_true(lines >= 4);
}

int main(void)
{
    if (geteuid() != 0 || !own_network()) {
        print_message("SKIPPED: names that lie need a network namespace of their own, and root to make it\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch_names_lead_to_public_addresses_only),
        cmocka_unit_test(test_fetch_name_that_changes_gains_nothing),
        cmocka_unit_test(test_fetch_name_server_that_is_silent_costs_a_retry),
        cmocka_unit_test(test_fetch_requests_arrived_at_the_public_address_alone),
    };
    return cmocka_run_group_tests_name("fetch_names", tests, start_names, stop_names);
}
