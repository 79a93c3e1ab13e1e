/*
 * relay_boot - see relay_boot.h. Refuses to run outside a supervisor, which alone limits it, watches it and starts it
 * again.
 */
#include "relay_boot.h"

#include "ipc.h"
#include "log.h"
#include "relay.h"

#include <fcntl.h>
#include <sys/socket.h>

int relay_boot_arguments(int argc, char *const argv[], const char **ret_instance, struct err *e)
{
    if (argc != 3 || strcmp(argv[1], "--instance") != 0 || argv[2][0] == '\0' || strlen(argv[2]) >= RELAY_INSTANCE_MAX)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "the only argument is --instance NAME of 1 to %d characters; stint-relay is started by "
                       "stint-supervisor, not by hand: set [relay] enabled = yes",
                       RELAY_INSTANCE_MAX - 1);
    *ret_instance = argv[2];
    return 0;
}

int relay_boot_descriptors(struct err *e)
{
    int type = 0;
    socklen_t size = sizeof type;
    bool control = getsockopt(WORKER_FD_CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
    if (!control || fcntl(WORKER_FD_CONFIG, F_GETFD) < 0)
        return err_set(e, ERR_BOOT_FAILURE,
                       "descriptors %d and %d are not those a supervisor gives; stint-relay is started by "
                       "stint-supervisor, not by hand: set [relay] enabled = yes",
                       WORKER_FD_CONTROL, WORKER_FD_CONFIG);
    if (close_range(WORKER_FD_END, ~0U, 0) < 0)
        return err_set_errno(e, errno, "cannot close foreign descriptors");
    for (int fd = WORKER_FD_SCOREBOARD; fd < WORKER_FD_END; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return err_set_errno(e, errno, "cannot make descriptor %d close-on-exec", fd);
    return 0;
}

void relay_boot_log(const struct conf *conf, const char *instance)
{
    int level = conf != NULL ? log_level_by_name(conf->supervisor.log_level) : LOG_INFO;
    const char *format = conf != NULL ? conf->supervisor.log_format : "auto";
    log_init("relay", STDERR_FILENO, level < 0 ? LOG_INFO : (enum log_level)level,
             log_format_by_name(format, STDERR_FILENO));
    if (conf != NULL)
        log_set_field("instance", instance);
}
