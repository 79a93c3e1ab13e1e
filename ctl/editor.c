/*
 * editor - see editor.h. The editor is the operator's shell command, so a shell runs it; nothing of a job reaches that command
 * line but the name of a file this process made.
 */
#include "editor.h"

#include "payload_edit.h"
#include "payload_in.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>

enum { PATH_BYTES = 512 };

extern char **environ;

static const char *editor_command(void)
{
    static const char *const names[] = {"VISUAL", "EDITOR"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *command = getenv(names[i]);
        if (command != NULL && *command != '\0')
            return command;
    }
    return "vi";
}

/* Numbers stay as they are typed: only text that reads back equal is shown indented. */
static char *indented(const char *bytes, size_t len, size_t *ret_len)
{
    json_t *json = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    AUTO_FREE char *compact = json != NULL ? payload_edit_text(json) : NULL;
    char *text = NULL;
    for (size_t digits = 15; compact != NULL && text == NULL && digits <= 17; digits++) {
        AUTO_FREE char *pretty = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        json_t *again = pretty != NULL ? json_loads(pretty, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
        if (again != NULL && json_equal(again, json))
            text = TAKE(pretty);
        json_decref(again);
    }
    json_decref(json);
    if (text == NULL && (text = malloc(len + 1)) != NULL) {
        memcpy(text, bytes, len);
        text[len] = '\0';
        *ret_len = len;
        return text;
    }
    *ret_len = text != NULL ? strlen(text) : 0;
    return text;
}

/* A name nobody can foretell, under $TMPDIR. */
static int make_file(char path[static PATH_BYTES], int *ret_fd, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return err_set_errno(e, errno, "no random bytes");
    int n = snprintf(path, PATH_BYTES, "%s/stint-edit-%016llx.json", dir != NULL && *dir != '\0' ? dir : "/tmp",
                     (unsigned long long)number);
    int fd = n < PATH_BYTES ? open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return err_set_errno(e, n < PATH_BYTES ? errno : ENAMETOOLONG, "cannot make a file to edit");
    *ret_fd = fd;
    return 0;
}

static int write_file(char path[static PATH_BYTES], const char *bytes, size_t len, struct err *e)
{
    AUTO_FREE char *text = indented(bytes, len, &len);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the payload");
    AUTO_CLOSE int fd = -1;
    int rc = make_file(path, &fd, e);
    if (rc < 0)
        return rc;
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        if (n < 0 && errno != EINTR)
            return err_set_errno(e, errno, "cannot write the file to edit");
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int run_editor(const char *path, struct err *e)
{
    AUTO_FREE char *script = NULL;
    if (asprintf(&script, "%s \"$1\"", editor_command()) < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the editor's command");
    char *const argv[] = {(char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", script, (char *)(uintptr_t)"sh",
                          (char *)(uintptr_t)path, NULL};
    pid_t pid;
    int status = 0, rc = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
    if (rc != 0)
        return err_set_errno(e, rc, "cannot start the editor");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, ERR_REFUSED, "the editor (%.100s) failed; nothing was changed, the text is in %s", editor_command(), path);
    return 0;
}

int editor_edit(struct session *s, const char *title, const char *bytes, size_t len, char **ret_bytes, size_t *ret_len,
                struct err *e)
{
    char path[PATH_BYTES], argument[PATH_BYTES + 1];
    if (isatty(STDIN_FILENO) != 1 && getenv("VISUAL") == NULL && getenv("EDITOR") == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "no terminal for an editor: say what to change in %.100s with --patch or --payload", title);
    int rc = write_file(path, bytes, len, e);
    (void)snprintf(argument, sizeof argument, "@%s", path);
    while (rc == 0) {
        struct err why = {.code = 0};
        rc = run_editor(path, e);
        if (rc == 0 && payload_in_read("the edited text", argument, ret_bytes, ret_len, NULL, &why) == 0) {
            (void)unlink(path);
            return 0;
        }
        if (rc < 0)
            break;
        out_remark(&s->out, "%s", why.message);
        if (!session_confirm(s, "Open the editor again?"))
            rc = err_set(e, ERR_REFUSED, "%.700s; nothing was changed, the text is in %s", why.message, path);
    }
    return rc;
}
