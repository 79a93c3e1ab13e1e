/*
 * parser_outcome - how a cell ended, as a code and a sentence. What the cell wrote is foreign: its length is checked against the file and
 * the limit before one byte is interpreted, and an error it names must be one that a document can have.
 */
#include "parser_client_uv.h"

#include "alloc.h"
#include "crash_page.h"
#include "sandbox.h"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

static int outcome_error(struct parser_outcome *o, const json_t *error)
{
    const char *name = json_string_value(json_object_get(error, "code")), *message = json_string_value(json_object_get(error, "message"));
    int code = name != NULL ? err_code_by_name(name) : 0;
    bool of_documents = code <= ERR_EMPTY_FILE && code >= ERR_NO_EVENTS;
    if (!of_documents || message == NULL)
        return err_set(&o->e, ERR_CRASH, "the parser's reply names no failure a document can have");
    return err_set(&o->e, code, "%s", message);
}

static int outcome_reply(struct parser_outcome *o, int fd, uint64_t reply_bytes)
{
    struct parser_reply_head head;
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof head || (uint64_t)st.st_size > reply_bytes ||
        pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head || head.magic != PARSER_REPLY_MAGIC ||
        (uint64_t)head.length + sizeof head != (uint64_t)st.st_size)
        return err_set(&o->e, ERR_CRASH, "the parser ended well but left no whole reply");
    AUTO_FREE char *text = alloc_must(malloc((size_t)head.length + 1));
    if (pread(fd, text, head.length, sizeof head) != (ssize_t)head.length)
        return err_set(&o->e, ERR_CRASH, "the parser's reply cannot be read");
    json_t *reply = json_loadb(text, head.length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(reply)) {
        json_decref(reply);
        return err_set(&o->e, ERR_CRASH, "the parser's reply is no JSON object");
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

static int outcome_signal(struct parser_outcome *o, int number, int reply_fd)
{
    struct crash_head head;
    char name[64] = "an unknown system call";
    o->signal = parser_signal_name(number);
    if (crash_page_read(reply_fd, &head))
        o->page_fd = reply_fd;
    if (number == SIGXCPU)
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
    if (WIFEXITED(status))
        o->exit_status = WEXITSTATUS(status);
    if (report->cancelled != 0)
        o->code = err_set(&o->e, ERR_CANCELLED, "parsing was stopped on request");
    else if (report->timed_out != 0)
        o->code = err_set(&o->e, ERR_TIMEOUT, "parsing took %u ms, all it was allowed", report->wall_us / 1000);
    else if (WIFSIGNALED(status))
        o->code = outcome_signal(o, WTERMSIG(status), reply_fd);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        o->code = outcome_reply(o, reply_fd, reply_bytes);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == PARSER_EXIT_MEM_LIMIT)
        o->code = err_set(&o->e, ERR_MEM_LIMIT, "parsing needed more memory than it was allowed");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == PARSER_EXIT_REPLY)
        o->code = err_set(&o->e, ERR_DECOMPRESSION_LIMIT, "what the document holds is longer than the largest reply (pdf.max_reply)");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == PARSER_EXIT_SANDBOX)
        o->code = err_set(&o->e, ERR_SANDBOX_VIOLATION, "the sandbox could not be set up, so nothing was parsed%s%.200s",
                          report->text[0] != '\0' ? ": " : "", report->text);
    else
        o->code = err_set(&o->e, ERR_CRASH, "the parser of this document ended with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : status);
}
