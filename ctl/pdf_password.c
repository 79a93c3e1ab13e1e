/*
 * pdf_password - see pdf_password.h. Asks on /dev/tty, so that a document may come by standard input meanwhile.
 */
#include "pdf_password.h"

#include "payload_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <termios.h>

static int ask(char ret[static PDF_PASSWORD_BYTES], struct err *e)
{
    static const char question[] = "Password of the documents: ";
    struct termios before, silent;
    AUTO_CLOSE int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0 || tcgetattr(tty, &before) < 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--password-file prompt: there is no terminal to ask on; name a file");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(tty, TCSAFLUSH, &silent);
    ssize_t n = write(tty, question, sizeof question - 1);
    n = n < 0 ? n : read(tty, ret, PDF_PASSWORD_BYTES - 1);
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    (void)!write(tty, "\n", 1);
    if (n < 0)
        return err_set(e, -errno, "the terminal cannot be read: %s", strerror(errno));
    ret[n] = '\0';
    ret[strcspn(ret, "\r\n")] = '\0';
    return 0;
}

int pdf_password_read(const char *from, char ret[static PDF_PASSWORD_BYTES], struct err *e)
{
    if (strcmp(from, "prompt") == 0)
        return ask(ret, e);
    AUTO_FREE char *text = NULL;
    size_t len;
    int rc = payload_in_file(from, PDF_PASSWORD_BYTES - 1, &text, &len, e);
    if (rc < 0)
        return rc;
    (void)snprintf(ret, PDF_PASSWORD_BYTES, "%.*s", (int)strcspn(text, "\r\n"), text);
    explicit_bzero(text, len);
    return 0;
}
