/*
 * supervisor_options - see supervisor_options.h. Refuses an argument it does not know instead of starting without it.
 */
#include "supervisor_options.h"

const char *supervisor_options_help(void)
{
    return "usage: stint-supervisor [--config FILE] [--check]\n"
           "\n"
           "Keeps the pools of stint workers of one host running, in the foreground.\n"
           "\n"
           "  --config FILE  configuration; default: $STINT_CONFIG, /etc/stint/stint.conf\n"
           "  --check        read and check the configuration, then exit\n"
           "  --version      print version and build\n"
           "  --help         print this\n"
           "\n"
           "example: stint-supervisor --config /etc/stint/stint.conf\n"
           "signals: TERM drain and stop, INT the same (twice: at once), HUP reload, USR1 reopen logs and write the "
           "state,\n"
           "         TTIN/TTOU one worker more/less, TSTP quiet, CONT resume\n"
           "exit codes: 0 stopped as asked, 1 failed, 2 usage\n";
}

int supervisor_options_read(struct supervisor_options *o, int argc, char *const argv[], struct err *e)
{
    struct supervisor_options read = {0};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            read.help = true;
        else if (strcmp(arg, "--version") == 0)
            read.version = true;
        else if (strcmp(arg, "--check") == 0)
            read.check = true;
        else if (strncmp(arg, "--config=", strlen("--config=")) == 0)
            read.config = arg + strlen("--config=");
        else if (strcmp(arg, "--config") == 0 && i + 1 < argc)
            read.config = argv[++i];
        else if (strcmp(arg, "--repro") == 0 && i + 1 < argc)
            read.repro = argv[++i];
        else if (strcmp(arg, "--wrap") == 0 && i + 1 < argc)
            read.wrap = argv[++i];
        else if (strcmp(arg, "--config") == 0)
            return err_set(e, ERR_BAD_ARGUMENT, "--config needs a file: --config /etc/stint/stint.conf");
        else
            return err_set(e, ERR_BAD_ARGUMENT,
                           "unknown argument \"%s\"; allowed: --config FILE, --check, --version, --help", arg);
    }
    *o = read;
    return 0;
}
