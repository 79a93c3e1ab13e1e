/*
 * layout_files - see layout_files.h. Understands nothing of layouts: it starts the parser and passes on what it says.
 */
#include "layout_files.h"

#include "buf.h"
#include "clock.h"
#include "out.h"
#include "queue_call.h"
#include "spawn.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { ARGUMENTS_MAX = 64 };

/* Everything the child prints, until it closes its end. False when it is late or there is no memory. */
static bool read_all(int fd, struct buf *text)
{
    char block[65536];
    uint64_t deadline = clock_mono_ms() + LAYOUT_FILES_MS;
    for (uint64_t now; (now = clock_mono_ms()) < deadline;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(deadline - now)) <= 0)
            continue;
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && buf_add(text, "", 0) == 0;
        if (buf_add(text, block, (size_t)n) < 0)
            return false;
    }
    return false;
}

int layout_files_ask(const char *const arguments[], char **ret_text, size_t *ret_len, int *ret_exit, struct err *e)
{
    char path[PATH_MAX], *argv[ARGUMENTS_MAX];
    int ends[2], status = 0;
    size_t n = 1;
    pid_t pid = 0;
    struct buf text;
    int rc = spawn_find_program("stint-parser", path, sizeof path, e);
    if (rc < 0)
        return rc;
    argv[0] = path;
    for (; arguments[n - 1] != NULL && n + 1 < ARGUMENTS_MAX; n++)
        argv[n] = (char *)(uintptr_t)arguments[n - 1];
    argv[n] = NULL;
    if (arguments[n - 1] != NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "more than %d files at once", ARGUMENTS_MAX - 4);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(e, -errno, "no pipe for stint-parser: %s", strerror(errno));
    const int fds[] = {-1, ends[1], STDERR_FILENO};
    struct spawn spawn = {.path = path, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};
    rc = spawn_exec(&spawn, &pid, e);
    (void)close(ends[1]);
    if (rc < 0) {
        (void)close(ends[0]);
        return rc;
    }
    buf_init(&text, LAYOUT_FILES_TEXT_MAX);
    bool whole = read_all(ends[0], &text);
    (void)close(ends[0]);
    if (!whole)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!whole || !WIFEXITED(status)) {
        buf_fini(&text);
        return err_set(e, ERR_TIMED_OUT, whole ? "stint-parser died while it read layouts" : "stint-parser did not end reading layouts");
    }
    *ret_exit = WEXITSTATUS(status);
    *ret_len = text.len;
    *ret_text = text.data != NULL ? text.data : strdup("");
    return 0;
}

json_t *layout_files_lines(const char *text)
{
    json_t *lines = json_array();
    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, "\n");
        json_t *line = json_loadb(at, n, 0, NULL);
        if (json_is_object(line))
            (void)json_array_append(lines, line);
        json_decref(line);
        at += n + (at[n] == '\n');
    }
    return lines;
}

int layout_files_check(const char *path, bool examples, size_t *ret_layouts, struct err *e)
{
    const char *const arguments[] = {examples ? "--layout-check" : "--layout-read", path, NULL};
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    int code = 0, rc = layout_files_ask(arguments, &text, &len, &code, e);
    if (rc < 0)
        return rc;
    json_t *lines = layout_files_lines(text);
    *ret_layouts = 0;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        const char *message = json_text(line, "message"), *file = json_text(line, "file");
        *ret_layouts += json_object_get(line, "layout") != NULL;
        if (*message == '\0' || rc < 0)
            continue;
        rc = *file == '\0' ? err_set(e, ERR_BAD_CONFIG, "pdf.layouts: %.700s", message)
                           : err_set(e, ERR_BAD_CONFIG, "pdf.layouts: %.300s:%lld: %.400s", file, (long long)json_number(line, "line", 0), message);
    }
    json_decref(lines);
    return rc < 0 || code == 0 ? rc : err_set(e, ERR_BAD_CONFIG, "pdf.layouts: stint-parser refuses %s", path);
}
