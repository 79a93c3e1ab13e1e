/*
 * Why: effects and fences are proved against a real PostgreSQL, never a fake one, and never one that somebody else
 * uses. Refuses to: listen on a TCP port, share a folder, or wait without a deadline.
 */
#include "pg_server.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { PROBE_EVERY_MS = 10, FOLDER_DEPTH = 16, PATH_BYTES = 256, ARGV_MAX = 32 };

static int64_t monotonic_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Folder of the newest PostgreSQL's programs. */
static bool find_bin(char out[static PATH_BYTES])
{
    static const char root[] = "/usr/lib/postgresql";
    DIR *d = opendir(root);
    int newest = 0;
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char path[PATH_BYTES];
        int version = atoi(entry->d_name);
        snprintf(path, sizeof path, "%s/%.32s/bin/postgres", root, entry->d_name);
        if (version > newest && access(path, X_OK) == 0) {
            newest = version;
            snprintf(out, PATH_BYTES, "%s/%.32s/bin", root, entry->d_name);
        }
    }
    if (d)
        closedir(d);
    return newest > 0;
}

/* The user the server runs as: ourselves, or "postgres" for root. */
static bool service_user(uid_t *ret_uid, gid_t *ret_gid)
{
    *ret_uid = geteuid();
    *ret_gid = getegid();
    if (*ret_uid != 0)
        return true;
    const struct passwd *user = getpwnam("postgres");
    if (!user)
        user = getpwnam("nobody");
    if (!user)
        return false;
    *ret_uid = user->pw_uid;
    *ret_gid = user->pw_gid;
    return true;
}

/* Starts argv as the service user, its output in log_path. The child dies with this thread by SIGQUIT. */
static pid_t launch(const char *const argv[], const char *log_path)
{
    uid_t uid;
    gid_t gid;
    if (!service_user(&uid, &gid))
        return -ENOENT;
    AUTO_CLOSE int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return -errno;
    bool drop = geteuid() == 0;
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid > 0 ? pid : -errno;
    if (drop && (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it */
    if (getppid() != parent || chdir("/") < 0)
        _exit(127);
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static bool reap_within(pid_t pid, int timeout_ms, int *ret_status)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd >= 0) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        (void)poll(&p, 1, timeout_ms);
        close(pidfd);
    }
    return waitpid(pid, ret_status, WNOHANG) == pid;
}

/* Runs a program to its end; true when it exited with 0. */
static bool run(const char *const argv[], const char *log_path)
{
    int status = -1;
    pid_t pid = launch(argv, log_path);
    if (pid < 0)
        return false;
    if (!reap_within(pid, 3 * PG_SERVER_DEADLINE_MS, &status)) {
        kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool own(const char *path)
{
    uid_t uid;
    gid_t gid;
    return service_user(&uid, &gid) && chown(path, uid, gid) == 0;
}

/* Path of a data folder fresh from initdb, made by the first test of this machine that asks. */
static bool template_dir(const char *bin, char out[static PATH_BYTES])
{
    char cache[PATH_BYTES / 2], lock_path[PATH_BYTES], initdb[PATH_BYTES + 16], making[PATH_BYTES], log_path[PATH_BYTES];
    const char *given = getenv("STINT_TEST_CACHE");
    if (given && strlen(given) < sizeof cache / 2)
        snprintf(cache, sizeof cache, "%s", given);
    else
        snprintf(cache, sizeof cache, "/tmp/stint-test-cache-%d", (int)geteuid());
    if (mkdir(cache, 0755) < 0 && errno != EEXIST)
        return false;
    (void)own(cache);
    snprintf(lock_path, sizeof lock_path, "%s/lock", cache);
    AUTO_CLOSE int lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0 || flock(lock_fd, LOCK_EX) < 0)
        return false;
    snprintf(out, PATH_BYTES, "%s/pg%d", cache, atoi(bin + strlen("/usr/lib/postgresql/")));
    if (access(out, F_OK) == 0)
        return true;
    snprintf(making, sizeof making, "%s/making-%d", cache, (int)getpid());
    snprintf(initdb, sizeof initdb, "%s/initdb", bin);
    snprintf(log_path, sizeof log_path, "%s/initdb.log", cache);
    const char *const argv[] = {
        initdb, "-D", making, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C", NULL};
    if (!run(argv, log_path)) {
        fprintf(stderr, "initdb failed; see %s\n", log_path);
        return false;
    }
    return rename(making, out) == 0;
}

static int wait_ready(struct pg_server *s)
{
    int64_t deadline = monotonic_ms() + PG_SERVER_DEADLINE_MS;
    while (PQping(s->url) != PQPING_OK) {
        /* The wait doubles as the watch for an early death: it returns at once when the process ends. */
        if (reap_within(s->pid, PROBE_EVERY_MS, NULL)) {
            s->pid = 0;
            return -ECHILD;
        }
        if (monotonic_ms() > deadline)
            return -ETIMEDOUT;
    }
    return 0;
}

static int start_postmaster(struct pg_server *s, const char *bin)
{
    char postgres[PATH_BYTES + 16], data[80], socket_option[112], log_path[80];
    snprintf(postgres, sizeof postgres, "%s/postgres", bin);
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(log_path, sizeof log_path, "%s/log", s->dir);
    snprintf(socket_option, sizeof socket_option, "unix_socket_directories=%s", s->dir);
    const char *const argv[] = {postgres,
                                "-D",
                                data,
                                "-c",
                                socket_option,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                "fsync=off",
                                "-c",
                                "shared_buffers=16MB",
                                "-c",
                                "max_connections=40",
                                "-c",
                                "autovacuum=off",
                                NULL};
    int64_t deadline = monotonic_ms() + PG_SERVER_DEADLINE_MS;
    for (;;) {
        pid_t pid = launch(argv, log_path);
        if (pid < 0)
            return (int)pid;
        s->pid = pid;
        int rc = wait_ready(s);
        /* After a crash the old sessions may still hold the shared memory for a moment: it exits at once, so try again.
         */
        if (rc != -ECHILD || monotonic_ms() > deadline) {
            if (rc < 0)
                fprintf(stderr, "PostgreSQL did not become ready (%s); see %s\n", strerror(-rc), log_path);
            return rc;
        }
        (void)poll(NULL, 0, 10 * PROBE_EVERY_MS);
    }
}

int pg_server_start(struct pg_server *s)
{
    char bin[PATH_BYTES], template[PATH_BYTES], data[80], log_path[80];
    *s = (struct pg_server){0};
    if (!find_bin(bin)) {
        fprintf(stderr, "no /usr/lib/postgresql/*/bin/postgres: install postgresql\n");
        return -ENOENT;
    }
    if (!template_dir(bin, template))
        return -EIO;
    snprintf(s->dir, sizeof s->dir, "/tmp/stint-pg-XXXXXX");
    if (!mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return -errno;
    }
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(log_path, sizeof log_path, "%s/log", s->dir);
    snprintf(s->url, sizeof s->url, "postgresql:///postgres?host=%s&user=postgres", s->dir);
    const char *const copy[] = {"/bin/cp", "-a", template, data, NULL};
    int rc = chmod(s->dir, 0755) == 0 && own(s->dir) && run(copy, log_path) ? 0 : -EIO;
    if (rc == 0)
        rc = start_postmaster(s, bin);
    if (rc < 0)
        pg_server_kill(s);
    return rc;
}

static void end(struct pg_server *s, int signo)
{
    if (s->pid == 0)
        return;
    kill(s->pid, signo);
    if (!reap_within(s->pid, PG_SERVER_DEADLINE_MS, NULL)) {
        kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

void pg_server_stop(struct pg_server *s)
{
    end(s, SIGINT);
}

void pg_server_kill(struct pg_server *s)
{
    end(s, SIGKILL);
}

int pg_server_restart(struct pg_server *s)
{
    char bin[PATH_BYTES];
    pg_server_stop(s);
    return find_bin(bin) ? start_postmaster(s, bin) : -ENOENT;
}

void pg_server_signal_all(const struct pg_server *s, int signo)
{
    char path[64], children[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s->pid, (int)s->pid);
    kill(s->pid, signo);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fgets(children, sizeof children, f)) {
        for (char *p = children, *next; (next = p, strtol(p, &next, 10) > 0); p = next)
            kill((pid_t)strtol(p, NULL, 10), signo);
    }
    fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void pg_server_close(struct pg_server *s)
{
    if (!s || !s->dir[0])
        return;
    end(s, SIGQUIT); /* nobody wants its data any more */
    (void)nftw(s->dir, remove_one, FOLDER_DEPTH, FTW_DEPTH | FTW_PHYS);
    s->dir[0] = '\0';
}

PGconn *pg_server_connect(const struct pg_server *s)
{
    PGconn *conn = PQconnectdb(s->url);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(conn));
    PQfinish(conn);
    return NULL;
}

bool pg_server_query(const struct pg_server *s, const char *sql, char *ret_text, size_t size)
{
    PGconn *conn = pg_server_connect(s);
    if (!conn)
        return false;
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(conn));
    if (ret_text)
        snprintf(ret_text, size, "%s", good && PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    return good;
}
