/*
 * stint-fetch against servers that misbehave, on the loopback: every source.url ends in a document or in its named failure, and nothing that the
 * configuration does not allow is connected to. The real program, the worker's real end of it.
 */
#include "source_bench.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
static void get_url(struct bench *b, const char *url, const char *more, struct outcome *o)
{
    char payload[8192];
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"source\":{\"url\":\"%s\"%s}}", url, more);
    get(b, payload, o);
}

/* The failure `code` with `words` in its message, and no query of the URL in it. */
static void expect(struct bench *b, const char *url, const char *more, int code, const char *words)
{
    struct outcome o;
    get_url(b, url, more, &o);
    if (o.rc != code || (code != 0 && strstr(o.e.message, words) == NULL))
        fail_msg("%s: expected %s with \"%s\", got %s: %s", url, err_name(code), words, err_name(o.rc), o.e.message);
    if (strstr(o.e.message, "SIGNATURE") != NULL)
        fail_msg("%s: a secret is told: %s", url, o.e.message);
    pdf_source_close(&o.input);
}

static const char *at(const char *scheme, const char *host, const char *which, const char *path)
{
    static char url[4096];
    (void)snprintf(url, sizeof url, "%s://%s:%d%s", scheme, host, port(which), path);
    return url;
}

static const char *http(const char *path)
{
    return at("http", "127.0.0.1", "http", path);
}

/* The loopback's two plain servers and the TLS ones, by exactly their ports. */
static const char *const *open_settings(void)
{
    static char ranges[512], ca[128], allow[512];
    static const char *settings[16];
    (void)snprintf(ranges, sizeof ranges, "127.0.0.1:%d, 127.0.0.1/32:%d, 127.0.0.1:%d, 127.0.0.1:%d, 127.0.0.1:%d, [::1]:%d", port("http"),
                   port("tls"), port("tls_expired"), port("tls_wrong"), port("closed"), port("http6") != 0 ? port("http6") : 1);
    (void)snprintf(allow, sizeof allow, "127.0.0.1:%d, 127.0.0.1:%d, localhost:%d, localhost:%d, localhost:%d, 127.0.0.1:%d, 127.0.0.1:%d, [::1]:%d",
                   port("http"), port("http2"), port("tls"), port("tls_expired"), port("tls_wrong"), port("closed"), port("tls"), port("http6"));
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    const char *const all[] = {"pdf.url", "list", "pdf.url_allow", allow, "pdf.url_http", "yes", "pdf.url_private_ranges", ranges, "pdf.url_ca_file", ca,
                               "pdf.max_bytes", "100000", NULL};
    memcpy(settings, all, sizeof all);
    return settings;
}

static void test_fetch_document_arrives_sealed_and_digested(void **state)
{
    static const char *const paths[] = {"/ok", "/chunked", "/hops/3", "/to?to=/ok&status=307", "/to?to=/ok&status=308"};
    struct bench b;
    struct outcome o;
    struct stat st;
    (void)state;
    open_bench(&b, open_settings());
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        get_url(&b, http(paths[i]), ",\"size\":10009", &o);
        if (o.rc != 0)
            fail_msg("%s: %s", paths[i], o.e.message);
        assert_int_equal(fstat(o.input.fd, &st), 0);
        assert_int_equal(st.st_size, 10009);
        assert_int_equal(o.input.size, 10009);
        assert_int_equal(write(o.input.fd, "x", 1), -1);
        assert_string_equal(o.input.sha256, "68de00521392361089de2da50a8e902cbf062f6800e2d942c496d1ec72cd5402");
        pdf_source_close(&o.input);
    }
    expect(&b, at("https", "localhost", "tls", "/ok"), "", 0, "");
    expect(&b, at("https", "127.0.0.1", "tls", "/ok"), "", 0, "");
    expect(&b, at("https", "LOCALHOST", "tls", "/ok"), "", 0, "");
    if (port("http6") != 0)
        expect(&b, at("http", "[::1]", "http6", "/ok"), "", 0, "");
    close_bench(&b);
}

static void test_fetch_what_is_sent_names_nobody(void **state)
{
    struct bench b;
    struct outcome o;
    char text[4096] = "";
    (void)state;
    open_bench(&b, open_settings());
    get_url(&b, http("/cookie?k=v"), "", &o);
    assert_int_equal(o.rc, 0);
    assert_true(pread(o.input.fd, text, sizeof text - 1, 0) > 0);
    static const char *const never[] = {"Cookie", "Authorization", "Referer", "Accept-Encoding", "Range", "Proxy"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        assert_null(strcasestr(text, never[i]));
    assert_non_null(strstr(text, "GET /echo HTTP/1.1"));
    pdf_source_close(&o.input);
    close_bench(&b);
}

static void test_fetch_misbehaving_servers_have_names(void **state)
{
    static const struct {
        const char *path;
        int code;
        const char *words;
    } cases[] = {
        {"/endless?X-Amz-Signature=SIGNATURE", ERR_TOO_LARGE, "100000"},
        {"/endless-close", ERR_TOO_LARGE, "100000"},
        {"/huge", ERR_TOO_LARGE, "99999999999"},
        {"/short?X-Amz-Signature=SIGNATURE", ERR_SOURCE_UNAVAILABLE, "127.0.0.1"},
        {"/bad-length", ERR_SOURCE_UNAVAILABLE, ""},
        {"/loop?X-Amz-Signature=SIGNATURE", ERR_SOURCE_REFUSED, "pdf.url_redirects"},
        {"/hops/4", ERR_SOURCE_REFUSED, "pdf.url_redirects"},
        {"/gzip", ERR_NOT_PDF, "compressed"},
        {"/bomb", ERR_NOT_PDF, "compressed"},
        {"/part", ERR_SOURCE_UNAVAILABLE, "a part"},
        {"/empty", ERR_EMPTY_FILE, "no bytes"},
        {"/notpdf", ERR_NOT_PDF, "1024"},
        {"/reset", ERR_SOURCE_UNAVAILABLE, "127.0.0.1"},
        {"/headers", ERR_SOURCE_UNAVAILABLE, "headers"},
        {"/one-header", ERR_SOURCE_UNAVAILABLE, ""},
        {"/continue", ERR_SOURCE_UNAVAILABLE, ""},
        {"/http09", ERR_SOURCE_UNAVAILABLE, ""},
        {"/status/204", ERR_EMPTY_FILE, ""},
        {"/status/304", ERR_SOURCE_UNAVAILABLE, "304"},
        {"/status/400", ERR_SOURCE_REFUSED, "400"},
        {"/status/401", ERR_SOURCE_REFUSED, "login"},
        {"/status/403?X-Amz-Signature=SIGNATURE", ERR_SOURCE_REFUSED, "expired"},
        {"/status/404", ERR_SOURCE_MISSING, "NoSuchKey"},
        {"/status/404?body=nothing", ERR_SOURCE_MISSING, "(404)"},
        {"/status/410", ERR_SOURCE_MISSING, "410"},
        {"/status/500", ERR_SOURCE_UNAVAILABLE, "500"},
        {"/to?to=file:///etc/passwd", ERR_SOURCE_REFUSED, "scheme file"},
        {"/to?to=ftp://127.0.0.1/x", ERR_SOURCE_REFUSED, "scheme ftp"},
        {"/to?to=http://user:pw@127.0.0.1/x", ERR_SOURCE_REFUSED, "user name"},
        {"/to?to=http://169.254.169.254/latest/meta-data/", ERR_SOURCE_REFUSED, "pdf.url_allow"},
        {"/to?to=http:///", ERR_BAD_PAYLOAD, "no URL"},
    };
    struct bench b;
    (void)state;
    open_bench(&b, open_settings());
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(&b, http(cases[i].path), "", cases[i].code, cases[i].words);
    expect(&b, http("/ok"), ",\"size\":3", ERR_HASH_MISMATCH, "announced 3");
    expect(&b, http("/chunked"), ",\"size\":3", ERR_HASH_MISMATCH, "announced 3");
    expect(&b, http("/ok"), ",\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\"", ERR_HASH_MISMATCH, "sha256");
    expect(&b, at("http", "127.0.0.1", "closed", "/ok"), "", ERR_SOURCE_UNAVAILABLE, "127.0.0.1");
    expect(&b, at("http", "127.0.0.1", "tls", "/ok"), "", ERR_SOURCE_UNAVAILABLE, "");
    expect(&b, at("https", "localhost", "tls_expired", "/ok"), "", ERR_SOURCE_UNAVAILABLE, "expired");
    expect(&b, at("https", "localhost", "tls_wrong", "/ok"), "", ERR_SOURCE_UNAVAILABLE, "not trusted");
    close_bench(&b);
}

static void test_fetch_untrusted_authority_is_refused(void **state)
{
    const char *settings[16];
    struct bench b;
    (void)state;
    memcpy(settings, open_settings(), sizeof settings);
    settings[8] = "pdf.url_stall"; /* no ca_file: the system's authorities, which do not know this one */
    settings[9] = "5s";
    open_bench(&b, settings);
    expect(&b, at("https", "localhost", "tls", "/ok"), "", ERR_SOURCE_UNAVAILABLE, "not trusted");
    close_bench(&b);
}

static void test_fetch_retry_after_is_told(void **state)
{
    struct bench b;
    struct outcome o;
    (void)state;
    open_bench(&b, open_settings());
    get_url(&b, http("/status/429?after=7"), "", &o);
    assert_int_equal(o.rc, ERR_SOURCE_UNAVAILABLE);
    assert_int_equal(o.retry_after_ms, 7000);
    get_url(&b, http("/status/503?after=99999999999"), "", &o);
    assert_int_equal(o.rc, ERR_SOURCE_UNAVAILABLE);
    assert_true(o.retry_after_ms <= INT64_C(1000) * FETCHER_RETRY_AFTER_MAX_S);
    get_url(&b, http("/status/503"), "", &o);
    assert_int_equal(o.retry_after_ms, 0);
    close_bench(&b);
}

static void test_fetch_slow_servers_end_in_time(void **state)
{
    const char *settings[20];
    struct bench b;
    (void)state;
    memcpy(settings, open_settings(), 16 * sizeof *settings);
    settings[12] = "pdf.url_timeout";
    settings[13] = "700ms";
    settings[14] = NULL;
    open_bench(&b, settings);
    expect(&b, http("/slow?X-Amz-Signature=SIGNATURE"), "", ERR_SOURCE_UNAVAILABLE, "pdf.url_timeout");
    expect(&b, http("/silent"), "", ERR_SOURCE_UNAVAILABLE, "pdf.url_timeout");
    close_bench(&b);
    settings[12] = "pdf.url_stall";
    settings[13] = "1s";
    open_bench(&b, settings);
    expect(&b, http("/slow"), "", ERR_SOURCE_UNAVAILABLE, "too slow");
    close_bench(&b);
}

/* public: any name, no address that is not public. */
static void test_fetch_private_addresses_are_refused_in_every_form(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "localhost",
        "localhost.", "LOCALHOST", "0", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1",
        "169.254.169.254", "0xa9fea9fe", "2852039166", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "[::1]",
        "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001:0:7f00::1]",
        "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25lo]", "[ff02::1]", "[fec0::1]", "[2001:db8::1]", "[4000::1]",
        "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1", /* circled digits, which IDNA makes 127 of */
        "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", /* full-width digits */
    };
    const char *const settings[] = {"pdf.url", "public", "pdf.url_http", "yes", "pdf.url_connect_timeout", "500ms", NULL};
    struct bench b;
    size_t refused = 0;
    (void)state;
    open_bench(&b, settings);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char url[256];
        struct outcome o;
        (void)snprintf(url, sizeof url, "http://%s/x?X-Amz-Signature=SIGNATURE", hosts[i]);
        get_url(&b, url, "", &o);
        refused += o.rc == ERR_SOURCE_REFUSED && strstr(o.e.message, "pdf.url_private_ranges") != NULL;
        if (o.rc != ERR_SOURCE_REFUSED && o.rc != ERR_BAD_PAYLOAD && strstr(o.e.message, "cannot be resolved") == NULL)
            fail_msg("%s: %s: %s", hosts[i], err_name(o.rc), o.e.message);
    }
    print_message("# %zu forms of addresses that are not public, %zu refused as such\n", ARRAY_LEN(hosts), refused);
    assert_true(refused > 35);
    close_bench(&b);
}

static void test_fetch_rules_name_their_key(void **state)
{
    const char *const off[] = {"pdf.url", "off", NULL};
    const char *const list[] = {"pdf.url", "list", "pdf.url_allow", "files.example.org, *.cdn.example, 127.0.0.1", NULL};
    struct bench b;
    (void)state;
    open_bench(&b, off);
    expect(&b, "https://files.example.org/x?SIGNATURE", "", ERR_SOURCE_REFUSED, "pdf.url");
    close_bench(&b);
    open_bench(&b, list);
    expect(&b, "https://other.example.org/x?SIGNATURE", "", ERR_SOURCE_REFUSED, "pdf.url_allow");
    expect(&b, "https://files.example.org.evil.example/x", "", ERR_SOURCE_REFUSED, "pdf.url_allow");
    expect(&b, "https://cdn.example/x", "", ERR_SOURCE_REFUSED, "pdf.url_allow");
    expect(&b, "https://evilcdn.example/x", "", ERR_SOURCE_REFUSED, "pdf.url_allow");
    expect(&b, "https://evil.example\\\\@files.example.org/x", "", ERR_SOURCE_REFUSED, "user name");
    expect(&b, "https://files.example.org:22/x", "", ERR_SOURCE_REFUSED, "pdf.url_ports");
    expect(&b, "http://files.example.org/x", "", ERR_SOURCE_REFUSED, "pdf.url_http");
    expect(&b, "https://me:SIGNATURE@files.example.org/x", "", ERR_SOURCE_REFUSED, "user name");
    expect(&b, "https://127.0.0.1/x", "", ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    expect(&b, "gopher://files.example.org/x", "", ERR_SOURCE_REFUSED, "scheme");
    expect(&b, "file:///etc/passwd", "", ERR_SOURCE_REFUSED, "scheme");
    expect(&b, "files.example.org/x?SIGNATURE", "", ERR_BAD_PAYLOAD, "no URL");
    expect(&b, "https://", "", ERR_BAD_PAYLOAD, "");
    expect(&b, "https://files.example.org/a b", "", ERR_BAD_PAYLOAD, "no URL");
    expect(&b, "https://files.example.org/a\\r\\nHost: x", "", ERR_BAD_PAYLOAD, "no URL");
    close_bench(&b);
}

/* The first hop is allowed; where it leads is not. */
static void test_fetch_redirects_are_judged_like_the_first(void **state)
{
    const char *const settings[] = {"pdf.url", "public", "pdf.url_http", "yes", "pdf.url_ports", NULL, "pdf.url_private_ranges", NULL, NULL};
    const char *mine[9];
    char list[64], range[64], path[256];
    struct bench b;
    (void)state;
    memcpy(mine, settings, sizeof mine);
    (void)snprintf(list, sizeof list, "%d,%d,80", port("http"), port("http2"));
    (void)snprintf(range, sizeof range, "127.0.0.1:%d", port("http"));
    mine[5] = list;
    mine[7] = range;
    open_bench(&b, mine);
    expect(&b, http("/ok"), "", 0, "");
    (void)snprintf(path, sizeof path, "/to?to=http://127.0.0.1:%d/ok", port("http2"));
    expect(&b, http(path), "", ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    (void)snprintf(path, sizeof path, "/to?to=http://localhost:%d/ok", port("http2"));
    expect(&b, http(path), "", ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    expect(&b, http("/to?to=http://169.254.169.254/latest/meta-data/"), "", ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    expect(&b, http("/to?to=http://[fd00:ec2::254]/latest"), "", ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    expect(&b, http("/to?to=http://127.0.0.1:9/"), "", ERR_SOURCE_REFUSED, "pdf.url_ports");
    close_bench(&b);
    open_bench(&b, open_settings());
    (void)snprintf(path, sizeof path, "/to?to=http://127.0.0.1:%d/ok", port("http"));
    expect(&b, at("https", "localhost", "tls", path), "", ERR_SOURCE_REFUSED, "from https to http");
    (void)snprintf(path, sizeof path, "/to?to=https://localhost:%d/ok", port("tls"));
    expect(&b, http(path), "", 0, "");
    close_bench(&b);
}

/* A connection that storage, exempt by its configuration, has left open is none for a URL that may not go there. */
static void test_fetch_connection_of_storage_is_not_shared(void **state)
{
    char endpoint[64], list[32];
    struct bench b;
    struct outcome o;
    (void)state;
    (void)snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", port("http"));
    (void)snprintf(list, sizeof list, "%d", port("http"));
    const char *const settings[] = {"pdf.url", "public", "pdf.url_http", "yes", "pdf.url_ports", list, "pdf.s3_endpoint", endpoint, "pdf.s3_buckets", "ok", NULL};
    open_bench(&b, settings);
    for (int i = 0; i < 2; i++) {
        get(&b, "{\"v\":1,\"source\":{\"s3\":\"s3://ok/doc.pdf\"}}", &o);
        if (o.rc != 0)
            fail_msg("%s", o.e.message);
        pdf_source_close(&o.input);
        expect(&b, http("/ok"), "", ERR_SOURCE_REFUSED, "pdf.url_private_ranges");
    }
    close_bench(&b);
}

/* A transfer that is under way when this returns. The caller frees the request. */
static void begin(struct bench *b, const char *url, struct pdf_request *r, struct pdf_get *g, struct outcome *o)
{
    char payload[256];
    struct err e = {0};
    *o = (struct outcome){.input.fd = -1};
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"source\":{\"url\":\"%s\"}}", url);
    assert_int_equal(pdf_request_read(r, payload, strlen(payload), &b->conf->pdf, &e), 0);
    pdf_source_get(g, &b->sources, r, clock_mono_ms() + DEADLINE_MS, &o->input, on_done, o);
    assert_false(o->done);
}

static void test_fetch_death_is_transient_and_mended(void **state)
{
    struct pdf_request r;
    struct pdf_get g;
    struct bench b;
    struct outcome o;
    (void)state;
    open_bench(&b, open_settings());
    expect(&b, http("/ok"), "", 0, "");
    begin(&b, http("/silent"), &r, &g, &o);
    assert_int_equal(kill(fetcher_client_pid(b.sources.fetcher), SIGKILL), 0);
    while (!o.done)
        (void)uv_run(&b.loop, UV_RUN_ONCE);
    assert_int_equal(o.rc, ERR_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(o.e.message, "stint-fetch died"));
    pdf_request_free(&r);
    int rc;
    uint64_t until = clock_mono_ms() + DEADLINE_MS; /* paused for a moment, then there again */
    do {
        get_url(&b, http("/ok"), "", &o);
        rc = o.rc;
        pdf_source_close(&o.input);
        (void)poll(NULL, 0, 20);
    } while (rc != 0 && clock_mono_ms() < until);
    assert_int_equal(rc, 0);
    close_bench(&b);
}

static void test_fetch_cancel_ends_at_once(void **state)
{
    struct pdf_request r;
    struct pdf_get g;
    struct bench b;
    struct outcome o;
    (void)state;
    open_bench(&b, open_settings());
    begin(&b, http("/endless"), &r, &g, &o);
    pdf_source_cancel(&g);
    assert_true(o.done);
    assert_int_equal(o.rc, ERR_CANCELLED);
    pdf_request_free(&r);
    expect(&b, http("/ok"), "", 0, "");
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch_document_arrives_sealed_and_digested),
        cmocka_unit_test(test_fetch_what_is_sent_names_nobody),
        cmocka_unit_test(test_fetch_misbehaving_servers_have_names),
        cmocka_unit_test(test_fetch_untrusted_authority_is_refused),
        cmocka_unit_test(test_fetch_retry_after_is_told),
        cmocka_unit_test(test_fetch_slow_servers_end_in_time),
        cmocka_unit_test(test_fetch_private_addresses_are_refused_in_every_form),
        cmocka_unit_test(test_fetch_rules_name_their_key),
        cmocka_unit_test(test_fetch_redirects_are_judged_like_the_first),
        cmocka_unit_test(test_fetch_connection_of_storage_is_not_shared),
        cmocka_unit_test(test_fetch_death_is_transient_and_mended),
        cmocka_unit_test(test_fetch_cancel_ends_at_once),
    };
    return cmocka_run_group_tests_name("fetcher", tests, start_server, stop_server);
}
