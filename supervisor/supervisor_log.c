/*
 * supervisor_log - see supervisor_log.h. Refuses to start without a place to write to: a supervisor that cannot say why
 * a worker died is of no use.
 */
#include "supervisor_log.h"

#include "log.h"
#include <fcntl.h>

int supervisor_log_open(const struct conf *conf, int *ret_fd, struct err *e)
{
    const struct conf_supervisor *c = &conf->supervisor;
    int level = log_level_by_name(c->log_level);
    if (level < 0)
        return err_set(e, ERR_BAD_CONFIG, "[supervisor] log_level is \"%s\"; allowed: debug, info, warn, error",
                       c->log_level);
    int fd = STDERR_FILENO;
    if (c->log_file[0] != '\0') {
        fd = open(c->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (fd < 0)
            return err_set_errno(e, errno, "cannot open [supervisor] log_file %s", c->log_file);
    }
    log_init("supervisor", fd, (enum log_level)level, log_format_by_name(c->log_format, fd));
    *ret_fd = fd;
    return 0;
}
