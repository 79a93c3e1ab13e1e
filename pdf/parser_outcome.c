/*
 * parser_outcome - how a cell ended, as a code and a sentence. What the cell wrote is foreign: its length is checked against the file and
 * the limit before one byte is interpreted, and an error it names must be one that a document can have.
 */
#include "parser_client_uv.h"

#include "alloc.h"
#include "crash_page.h"
#include "sandbox.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { OUTCOME_FREE_PARTS = 4096, OUTCOME_BYTES_PER_CONTAINER = 16, OUTCOME_BYTES_PER_VALUE = 3, OUTCOME_REASON_MAX = 200 };

const char *parser_signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},
                 {SIGSYS, "SIGSYS"},   {SIGKILL, "SIGKILL"}, {SIGXCPU, "SIGXCPU"}, {SIGTRAP, "SIGTRAP"}, {SIGTERM, "SIGTERM"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].number == number)
            return names[i].name;
    return "SIG?";
}

/* Memory a tree takes is bounded before it is built: how deep it is, and how many bytes of text each part costs its author. */
bool parser_outcome_bounded(const char *text, size_t length)
{
    size_t depth = 0, containers = 0, values = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        containers += c == '{' || c == '[';
        values += c == ',';
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > PARSER_DEPTH_MAX)
            return false;
    }
    return containers <= OUTCOME_FREE_PARTS + length / OUTCOME_BYTES_PER_CONTAINER &&
           values <= OUTCOME_FREE_PARTS + length / OUTCOME_BYTES_PER_VALUE;
}

static int outcome_error(struct parser_outcome *o, const json_t *error)
{
    const char *name = json_string_value(json_object_get(error, "code")), *message = json_string_value(json_object_get(error, "message"));
    int code = name != NULL ? err_code_by_name(name) : 0;
    /* The payload's fault is one too: only the parser knows which layouts there are. */
    bool of_documents = (code <= ERR_EMPTY_FILE && code >= ERR_NO_EVENTS) || code == ERR_BAD_PAYLOAD;
    if (!of_documents || message == NULL)
        return err_set(&o->e, ERR_BAD_REPLY, "the parser's reply names no failure a document can have");
    return err_set(&o->e, code, "%s", message);
}

int parser_outcome_file(uint64_t reply_bytes)
{
    AUTO_CLOSE int fd = memfd_create("stint-reply", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)MAX_OF(reply_bytes, (uint64_t)CRASH_BYTES)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        return -errno;
    int taken = fd;
    fd = -1;
    return taken;
}

static int outcome_reply(struct parser_outcome *o, int fd, uint64_t reply_bytes)
{
    struct parser_reply_head head;
    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head || head.magic != PARSER_REPLY_MAGIC ||
        (uint64_t)head.length + sizeof head > reply_bytes)
        return err_set(&o->e, ERR_BAD_REPLY, "the parser ended well but left no whole reply");
    AUTO_FREE char *text = alloc_must(malloc((size_t)head.length + 1));
    if (pread(fd, text, head.length, sizeof head) != (ssize_t)head.length)
        return err_set(&o->e, ERR_BAD_REPLY, "the parser's reply cannot be read");
    if (!parser_outcome_bounded(text, head.length))
        return err_set(&o->e, ERR_BAD_REPLY, "the parser's reply is nested or divided beyond what a document's can be");
    json_t *reply = json_loadb(text, head.length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(reply)) {
        json_decref(reply);
        return err_set(&o->e, ERR_BAD_REPLY, "the parser's reply is no JSON object");
    }
    const json_t *error = json_object_get(reply, "error");
    if (error != NULL) {
        int rc = outcome_error(o, error);
        json_decref(reply);
        return rc;
    }
    o->reply = reply;
    return 0;
}

/* What a cell that would not begin left as its reason: printed as far as it is plain text. */
static int outcome_refusal(struct parser_outcome *o, const char *zygote_says, int fd)
{
    char text[OUTCOME_REASON_MAX + 1] = "";
    ssize_t n = zygote_says[0] == '\0' && fd >= 0 ? pread(fd, text, OUTCOME_REASON_MAX, 0) : -1;
    for (ssize_t i = 0; i < n; i++)
        if (text[i] != '\0' && (text[i] < ' ' || text[i] > '~'))
            text[i] = '?';
    const char *why = zygote_says[0] != '\0' ? zygote_says : text;
    return err_set(&o->e, ERR_SANDBOX_VIOLATION, "the sandbox could not be set up, so nothing was parsed%s%.200s", why[0] != '\0' ? ": " : "",
                   why);
}

static int outcome_signal(struct parser_outcome *o, int number, int reply_fd, bool cpu_spent)
{
    struct crash_head head;
    char name[64] = "an unknown system call";
    o->signal = parser_signal_name(number);
    if (crash_page_read(reply_fd, &head))
        o->page_fd = reply_fd;
    if (number == SIGXCPU || (number == SIGKILL && cpu_spent))
        return err_set(&o->e, ERR_CPU_LIMIT, "parsing took %u ms of CPU time, all it was allowed", o->cpu_us / 1000);
    if (number == SIGSYS) {
        if (o->page_fd >= 0 && head.syscall >= 0)
            (void)sandbox_syscall_name(head.syscall, name, sizeof name);
        return err_set(&o->e, ERR_SANDBOX_VIOLATION, "the document made its parser call %s, which its sandbox refuses", name);
    }
    (void)snprintf(o->cause, sizeof o->cause, "signal:%s", o->signal);
    return err_set(&o->e, ERR_CRASH, "the parser of this document died of %s after %u ms", o->signal, o->wall_us / 1000);
}

void parser_outcome_read(struct parser_outcome *o, const struct parser_report *report, int reply_fd, uint64_t reply_bytes)
{
    *o = (struct parser_outcome){.wall_us = report->wall_us, .cpu_us = report->cpu_us, .rss_bytes = report->rss_bytes,
                                 .cancelled = report->cancelled != 0, .exit_status = -1, .page_fd = -1};
    int status = report->wait_status;
    /* A cell that said its reply is whole may not be dead yet: a mapping of it would make this fail, and after this every write fails. */
    if (fcntl(reply_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
        o->code = err_set(&o->e, ERR_CRASH, "the parser's reply could not be sealed against changes: %s", err_text(-errno));
        return;
    }
    if (WIFEXITED(status))
        o->exit_status = WEXITSTATUS(status);
    if (report->cancelled != 0)
        o->code = err_set(&o->e, ERR_CANCELLED, "parsing was stopped on request");
    else if (report->timed_out != 0)
        o->code = err_set(&o->e, ERR_TIMEOUT, "parsing took %u ms, all it was allowed", report->wall_us / 1000);
    else if (WIFSIGNALED(status))
        o->code = outcome_signal(o, WTERMSIG(status), reply_fd, report->cpu_spent != 0);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        o->code = outcome_reply(o, reply_fd, reply_bytes);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == PARSER_EXIT_MEM_LIMIT)
        o->code = err_set(&o->e, ERR_MEM_LIMIT, "parsing needed more memory than it was allowed");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == PARSER_EXIT_REPLY)
        o->code = err_set(&o->e, ERR_DECOMPRESSION_LIMIT, "what the document holds is longer than the largest reply (pdf.max_reply)");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == PARSER_EXIT_SANDBOX)
        o->code = outcome_refusal(o, report->text, reply_fd);
    else
        o->code = err_set(&o->e, ERR_CRASH, "the parser of this document ended with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : status);
}
