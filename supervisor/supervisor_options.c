/*
 * supervisor_options - see supervisor_options.h. Refuses an argument it does not know instead of starting without it.
 */
#include "supervisor_options.h"

#include <fcntl.h>

enum { FD_MAX = 1023 };

const char *supervisor_options_help(void)
{
    return "usage: stint-supervisor [--config FILE] [--pool NAME]... [--check]\n"
           "\n"
           "Keeps the pools of stint workers of one host running, in the foreground.\n"
           "\n"
           "  --config FILE  configuration; default: $STINT_CONFIG, /etc/stint/stint.conf\n"
           "  --pool NAME    run this pool of it alone; may be given again; default: all pools\n"
           "  --check        read and check the configuration, then exit\n"
           "  --version      print version and build\n"
           "  --help         print this\n"
           "\n"
           "example: stint-supervisor --config /etc/stint/stint.conf\n"
           "         stint-supervisor --pool pdf --pool pdf-large\n"
           "signals: TERM drain and stop, INT the same (twice: at once), HUP reload, USR1 reopen logs and write the "
           "state,\n"
           "         USR2 hand over to the installed stint-supervisor, TTIN/TTOU one worker more/less, TSTP quiet, CONT resume\n"
           "exit codes: 0 stopped as asked, 1 failed, 2 usage\n";
}

/* The value of "--name VALUE" or "--name=VALUE" at *i, which moves past it; NULL: it is another argument, or the value is missing. */
static const char *value_of(const char *name, int argc, char *const argv[], int *i)
{
    size_t len = strlen(name);
    const char *arg = argv[*i];
    if (strncmp(arg, name, len) == 0 && arg[len] == '=')
        return arg + len + 1;
    return strcmp(arg, name) == 0 && *i + 1 < argc ? argv[++*i] : NULL;
}

static int refuse(const char *arg, struct err *e)
{
    if (strcmp(arg, "--config") == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--config needs a file: --config /etc/stint/stint.conf");
    if (strcmp(arg, "--pool") == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--pool needs the name of a pool: --pool pdf for [pool.pdf]");
    return err_set(e, ERR_BAD_ARGUMENT,
                   "unknown argument \"%s\"; allowed: --config FILE, --pool NAME, --check, --version, --help", arg);
}

/* A descriptor we were born with, above the standard ones. */
static int read_fd(const char *text, int *ret_fd, struct err *e)
{
    char *end = NULL;
    long fd = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || fd < 3 || fd > FD_MAX || fcntl((int)fd, F_GETFD) < 0)
        return err_set(e, ERR_BAD_ARGUMENT, "\"%s\" is no open descriptor: --successor-of and --hold-fd are not for people",
                       text);
    *ret_fd = (int)fd;
    return 0;
}

int supervisor_options_read(struct supervisor_options *o, int argc, char *const argv[], struct err *e)
{
    struct supervisor_options read = {.successor_fd = -1, .hold_fd = -1};
    int rc = 0;
    for (int i = 1; i < argc && rc == 0; i++) {
        const char *arg = argv[i], *value;
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            read.help = true;
        else if (strcmp(arg, "--version") == 0)
            read.version = true;
        else if (strcmp(arg, "--check") == 0)
            read.check = true;
        else if ((value = value_of("--config", argc, argv, &i)) != NULL)
            read.config = value;
        else if ((value = value_of("--repro", argc, argv, &i)) != NULL)
            read.repro = value;
        else if ((value = value_of("--wrap", argc, argv, &i)) != NULL)
            read.wrap = value;
        else if ((value = value_of("--successor-of", argc, argv, &i)) != NULL)
            rc = read_fd(value, &read.successor_fd, e);
        else if ((value = value_of("--hold-fd", argc, argv, &i)) != NULL)
            rc = read_fd(value, &read.hold_fd, e);
        else if ((value = value_of("--pool", argc, argv, &i)) == NULL)
            rc = refuse(arg, e);
        else
            rc = pool_choice_add(&read.pools, value, e);
    }
    if (rc == 0)
        *o = read;
    return rc;
}
