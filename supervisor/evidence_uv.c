/*
 * evidence_uv - see evidence_uv.h. Everything here is late on purpose: a death is told, and its job runs again, before the
 * first symbol is looked up. Refuses to make anybody wait for it: whatever fails leaves a record without a backtrace.
 */
#include "evidence_uv.h"

#include "limits.h"
#include "log.h"
#include "spawn.h"
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
    EVIDENCE_CALM_MS = 100,   /* after a death, before the child is started */
    EVIDENCE_CHILD_MS = 10000, /* longest life of the child */
    EVIDENCE_AGAIN_MS = 500,  /* before telling again: Redis is away, the death is untold, or the record is not there yet */
    EVIDENCE_TRIES = 6,       /* answers that there is no such record, or errors, before giving up */
    EVIDENCE_JSON_MAX = 8192, /* NOTE_MAX of functions/65_crash.lua */
    EVIDENCE_NICE = 19,
};

static void on_timer(uv_timer_t *timer);

static void soon(struct evidence *v, uint64_t ms)
{
    (void)uv_timer_start(&v->timer, on_timer, ms, 0);
}

void evidence_init(struct evidence *v, uv_loop_t *loop, struct queue_links *links)
{
    *v = (struct evidence){.loop = loop, .links = links, .out_fd = -1};
    (void)uv_timer_init(loop, &v->timer);
    v->timer.data = v;
}

static void drop_first(struct evidence *v)
{
    base_close_fd(&v->items[0].page_fd);
    free(v->items[0].json);
    v->n--;
    memmove(v->items, v->items + 1, v->n * sizeof v->items[0]);
    if (v->n > 0)
        soon(v, 1);
}

void evidence_add(struct evidence *v, const struct evidence_item *item)
{
    if (v->loop == NULL || v->n == EVIDENCE_MAX) {
        int fd = item->page_fd;
        base_close_fd(&fd);
        log_info("too many deaths at once: of this one no backtrace is made", KV_S("job", item->job_id));
        return;
    }
    v->items[v->n] = *item;
    v->items[v->n].json = NULL;
    v->items[v->n].tries = 0;
    if (v->n++ == 0)
        soon(v, EVIDENCE_CALM_MS);
}

/* -- the child -------------------------------------------------------------------------------------------------------
 */

static int start_child(struct evidence *v, struct err *e)
{
    char path[4096], name[] = "stint-backtrace";
    int rc = spawn_find_program(name, path, sizeof path, e);
    if (rc < 0)
        return rc;
    AUTO_CLOSE int out = memfd_create("stint-backtrace", MFD_CLOEXEC);
    if (out < 0)
        return err_set_errno(e, errno, "no memory file for a backtrace");
    char *const argv[] = {name, NULL};
    char *const envp[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C.UTF-8"}, NULL};
    const int fds[] = {-1, out, STDERR_FILENO, v->items[0].page_fd};
    const struct limits limits = {.files = 256,
                                  .core_bytes_set = 1,
                                  .file_size_bytes = 1 << 20,
                                  .nice = EVIDENCE_NICE,
                                  .no_new_privs = true,
                                  .parent_death_signal = SIGKILL};
    const struct spawn s = {
        .path = path, .argv = argv, .envp = envp, .fds = fds, .n_fds = ARRAY_LEN(fds), .limits = &limits};
    rc = spawn_exec(&s, &v->child, e);
    if (rc < 0)
        return rc;
    v->out_fd = out;
    out = -1;
    soon(v, EVIDENCE_CHILD_MS);
    return 0;
}

/* Its frames as one line for the log. */
static void log_frames(const struct evidence_item *item, const json_t *out)
{
    char line[2048] = "";
    size_t len = 0;
    json_t *frames = json_object_get(out, "backtrace");
    for (size_t i = 0; i < json_array_size(frames) && len < sizeof line - 1; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, "%s%s", i > 0 ? " < " : "",
                                json_string_value(json_array_get(frames, i)));
    log_warn("where it died", KV_S("of", item->what), KV_S("job", item->job_id), KV_I("epoch", item->epoch),
             KV_S("backtrace", line), KV_S("none_because", json_string_value(json_object_get(out, "no_backtrace"))));
}

bool evidence_reaped(struct evidence *v, pid_t pid)
{
    if (v->child == 0 || pid != v->child)
        return false;
    char text[EVIDENCE_JSON_MAX + 1];
    struct evidence_item *item = &v->items[0];
    ssize_t n = pread(v->out_fd, text, sizeof text - 1, 0);
    v->child = 0;
    base_close_fd(&v->out_fd);
    base_close_fd(&item->page_fd);
    json_t *out = json_loadb(text, n > 0 ? (size_t)n : 0, 0, NULL);
    if (json_is_object(out)) {
        log_frames(item, out);
        if (json_object_get(out, "backtrace") != NULL && item->job_id[0] != '\0')
            item->json = json_dumps(out, JSON_COMPACT);
    } else {
        log_warn("stint-backtrace said nothing that can be read", KV_S("job", item->job_id));
    }
    json_decref(out);
    if (item->json != NULL)
        soon(v, 1);
    else
        drop_first(v);
    return true;
}

/* -- telling ---------------------------------------------------------------------------------------------------------
 */

static void on_told(void *arg, const redisReply *r, const struct err *e)
{
    struct evidence *v = arg;
    (void)e;
    v->telling = false;
    if (v->n == 0)
        return;
    bool taken = r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer != 0;
    bool wait = r == NULL || (!taken && ++v->items[0].tries < EVIDENCE_TRIES);
    if (!wait && r->type == REDIS_REPLY_ERROR)
        log_warn("Redis did not take a backtrace", KV_S("job", v->items[0].job_id), KV_S("answer", r->str));
    if (wait)
        soon(v, EVIDENCE_AGAIN_MS);
    else
        drop_first(v);
}

static void tell(struct evidence *v)
{
    const struct evidence_item *item = &v->items[0];
    char epoch[24];
    (void)snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)item->epoch);
    const char *args[] = {item->job_id, epoch, item->json};
    v->telling = queue_links_call(v->links, item->queue, "stint_note", on_told, v, (int)ARRAY_LEN(args), args);
    if (!v->telling)
        soon(v, EVIDENCE_AGAIN_MS);
}

static void on_timer(uv_timer_t *timer)
{
    struct evidence *v = timer->data;
    struct err e = {0};
    if (v->child != 0) {
        log_warn("stint-backtrace takes too long and is ended", KV_I("child_pid", v->child));
        (void)kill(v->child, SIGKILL);
        return;
    }
    if (v->n == 0 || v->telling)
        return;
    if (v->items[0].json != NULL) {
        tell(v);
    } else if (start_child(v, &e) < 0) {
        log_warn("no backtrace can be made", KV_S("why", e.message));
        drop_first(v);
    }
}

void evidence_close(struct evidence *v)
{
    if (v->loop == NULL)
        return;
    if (v->child != 0) {
        (void)kill(v->child, SIGKILL);
        while (waitpid(v->child, NULL, 0) < 0 && errno == EINTR)
            continue;
        v->child = 0;
    }
    base_close_fd(&v->out_fd);
    for (size_t i = 0; i < v->n; i++) {
        base_close_fd(&v->items[i].page_fd);
        free(v->items[i].json);
    }
    v->n = 0;
    uv_close((uv_handle_t *)&v->timer, NULL);
    v->loop = NULL;
}
