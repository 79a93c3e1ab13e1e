/*
 * drill_parser - see drill.h: the parsers of this host's workers are killed, then a document must be parsed all the
 * same. Refuses to kill a process that is not a child of a worker the supervisor named.
 */
#include "drill.h"
#include "host_control.h"

#include "clock.h"
#include "enqueue_options.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

/* One page, one word, made for this. */
static const char document_b64[] =
    "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZy9QYWdlcyAyIDAgUj4+CmVuZG9iagoyIDAgb2JqPDwvVHlwZS9QYWdlcy9L"
    "aWRzWzMgMCBSXS9Db3VudCAxPj4KZW5kb2JqCjMgMCBvYmo8PC9UeXBlL1BhZ2UvUGFyZW50IDIgMCBSL01lZGlhQm94WzAgMCAy"
    "MDAgNTBdL0NvbnRlbnRzIDQgMCBSL1Jlc291cmNlczw8L0ZvbnQ8PC9GIDUgMCBSPj4+Pj4+CmVuZG9iago0IDAgb2JqPDwvTGVu"
    "Z3RoIDM0Pj5zdHJlYW0KQlQgL0YgMTIgVGYgOSAyMCBUZCAoZHJpbGwpIFRqIEVUCmVuZHN0cmVhbQplbmRvYmoKNSAwIG9iajw8"
    "L1R5cGUvRm9udC9TdWJ0eXBlL1R5cGUxL0Jhc2VGb250L0hlbHZldGljYT4+CmVuZG9iagp4cmVmCjAgNgowMDAwMDAwMDAwIDY1"
    "NTM1IGYgCjAwMDAwMDAwMDkgMDAwMDAgbiAKMDAwMDAwMDA1MyAwMDAwMCBuIAowMDAwMDAwMTAzIDAwMDAwIG4gCjAwMDAwMDAy"
    "MTIgMDAwMDAgbiAKMDAwMDAwMDI5MSAwMDAwMCBuIAp0cmFpbGVyPDwvU2l6ZSA2L1Jvb3QgMSAwIFI+PgpzdGFydHhyZWYKMzUz"
    "CiUlRU9GCg==";

enum { CHILDREN_MAX = 4096, PARSER_SALTS = 300, PARSER_SALT_FROM = 30 };

static bool is_parser(long pid)
{
    char path[64], name[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, name, sizeof name - 1) > 0 && strcmp(name, "stint-parser\n") == 0;
}

/* Kills the parsers among the worker's children; how many, or -errno. */
static int kill_parsers_of(long worker)
{
    char path[64], text[CHILDREN_MAX];
    int killed = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", worker, worker);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    char *end = text;
    for (long pid; (pid = strtol(end, &end, 10)) > 0;) {
        if (!is_parser(pid))
            continue;
        if (kill((pid_t)pid, SIGKILL) < 0)
            return -errno;
        killed++;
    }
    return killed;
}

static int kill_parsers(struct drill_lab *lab, struct drill_result *ret, int *ret_killed, struct err *e)
{
    json_t *workers = NULL;
    int rc = host_control_workers(lab->s, &workers, e);
    if (rc < 0) {
        drill_set(ret, DRILL_SKIPPED, "it needs the supervisor's control socket: %.380s", e->message);
        *e = (struct err){.code = 0};
        return 0;
    }
    for (size_t i = 0; i < json_array_size(workers); i++) {
        const json_t *w = json_array_get(workers, i);
        if (strcmp(json_text(w, "pool"), lab->pool) != 0 || json_number(w, "pid", 0) <= 0)
            continue;
        int n = kill_parsers_of((long)json_number(w, "pid", 0));
        if (n < 0)
            drill_set(ret, DRILL_SKIPPED,
                      "this user may not kill the parser of worker %lld (%s): run the drill as the "
                      "service's user or root",
                      (long long)json_number(w, "pid", 0), strerror(-n));
        *ret_killed += MAX_OF(n, 0);
    }
    json_decref(workers);
    return 0;
}

/* The drill's payload with the document, and different from run to run: a parsed document is answered from the cache.
 */
static char *payload_of(const struct drill *d)
{
    json_t *payload = json_loads(d->payload, 0, NULL);
    assert(payload != NULL); /* our own table */
    (void)json_object_set_new(payload, "source", json_pack("{s:s}", "inline_b64", document_b64));
    (void)json_object_set_new(payload, "exam_minutes",
                              json_integer(PARSER_SALT_FROM + (json_int_t)(clock_wall_ms() % PARSER_SALTS)));
    char *text = json_dumps(payload, JSON_COMPACT);
    json_decref(payload);
    return text;
}

int drill_act_parser(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e)
{
    char ids[1][JOB_ID_MAX];
    struct drill_lab pdf = {.s = lab->s, .kind = "pdf-parse", .n_sent = lab->n_sent++, .ids = ids};
    (void)snprintf(pdf.run, sizeof pdf.run, "%s", lab->run);
    int rc = enqueue_options_queue(lab->s, pdf.kind, NULL, pdf.queue, e);
    if (rc < 0)
        return rc;
    pdf.pool = drill_pool_of(lab->s->stores.conf, pdf.queue, pdf.kind);
    if (pdf.pool == NULL) {
        drill_set(ret, DRILL_SKIPPED, "no pool of this configuration runs the kind pdf-parse");
        return 0;
    }
    int killed = 0;
    rc = kill_parsers(&pdf, ret, &killed, e);
    if (rc < 0 || ret->verdict == DRILL_SKIPPED)
        return rc;
    if (killed == 0) {
        drill_set(ret, DRILL_SKIPPED, "no worker of pool %s on this host has a parser now", pdf.pool);
        return 0;
    }
    AUTO_FREE char *payload = payload_of(d);
    if (payload == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the document");
    struct drill with_document = *d;
    with_document.payload = payload;
    rc = drill_send_and_judge(&pdf, &with_document, ret, e);
    int64_t purged = 0;
    if (rc == 0 && !args_has(&lab->s->args, "keep"))
        rc = drill_lab_purge(&pdf, &purged, e);
    return rc;
}
