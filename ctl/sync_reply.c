/*
 * sync_reply - see sync_reply.h. It refuses a partial resynchronisation, which it never asks for, and a length no file
 * can have.
 */
#include "sync_reply.h"

#include <stdio.h>

static const int64_t rdb_max_bytes = INT64_C(1) << 50;

void sync_reply_init(struct sync_reply *r)
{
    *r = (struct sync_reply){.state = SYNC_LINES};
}

/* A line of the server as a person may read it. */
static int refuse(const char *line, struct err *e)
{
    return err_set(e, ERR_REFUSED, "Redis gives no copy of itself: \"%.200s\"", line);
}

static int read_full(struct sync_reply *r, struct err *e)
{
    char id[SYNC_REPLID];
    long long offset;
    int end = 0;
    if (sscanf(r->line, "+FULLRESYNC %40[0-9a-f] %lld%n", id, &offset, &end) != 2 || r->line[end] != '\0' || offset < 0)
        return err_set(e, ERR_PROTOCOL, "Redis opens its copy with \"%.100s\"; \"+FULLRESYNC id offset\" is expected",
                       r->line);
    memcpy(r->replid, id, sizeof id);
    r->offset = offset;
    r->opened = true;
    return 0;
}

static int read_length(struct sync_reply *r, struct err *e)
{
    const char *text = r->line + 1;
    char *end;
    if (strncmp(text, "EOF:", 4) == 0 && strlen(text + 4) == SYNC_MARK) {
        memcpy(r->mark, text + 4, SYNC_MARK);
        r->state = SYNC_MARKED;
        return 0;
    }
    errno = 0;
    long long size = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || size <= 0 || size > rdb_max_bytes)
        return err_set(e, ERR_PROTOCOL, "Redis announces its copy as \"%.100s\"; a length or EOF:mark is expected",
                       r->line);
    r->size = (uint64_t)size;
    r->state = SYNC_COUNTED;
    return 0;
}

static int take_line(struct sync_reply *r, struct err *e)
{
    if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
        r->line_len--;
    r->line[r->line_len] = '\0';
    r->line_len = 0;
    if (r->line[0] == '\0')
        return 0; /* the server says that it lives */
    if (r->line[0] == '-')
        return refuse(r->line + 1, e);
    if (r->line[0] == '+' && !r->opened)
        return read_full(r, e);
    if (r->line[0] == '$' && r->opened)
        return read_length(r, e);
    return err_set(e, ERR_PROTOCOL, "Redis sent \"%.100s\" where its copy should begin", r->line);
}

static int feed_lines(struct sync_reply *r, const char *bytes, size_t len, size_t *ret_used, struct err *e)
{
    for (size_t i = 0; i < len; i++) {
        *ret_used = i + 1;
        if (bytes[i] == '\n') {
            int rc = take_line(r, e);
            if (rc < 0 || r->state != SYNC_LINES)
                return rc;
        } else if (r->line_len < sizeof r->line - 1) {
            r->line[r->line_len++] = bytes[i];
        } else {
            return err_set(e, ERR_PROTOCOL, "Redis sent a line of more than %zu bytes before its copy",
                           sizeof r->line - 1);
        }
    }
    return 0;
}

static int hand_on(struct sync_reply *r, const char *bytes, size_t len, sync_sink_fn sink, void *arg, struct err *e)
{
    if (len == 0)
        return 0;
    r->taken += len;
    return sink(arg, bytes, len, e);
}

static int feed_counted(struct sync_reply *r, const char *bytes, size_t len, sync_sink_fn sink, void *arg,
                        struct err *e)
{
    size_t n = (size_t)MIN_OF((uint64_t)len, r->size - r->taken);
    int rc = hand_on(r, bytes, n, sink, arg, e);
    if (rc == 0 && r->taken == r->size)
        r->state = SYNC_DONE;
    return rc;
}

/* The mark is the end of what the server sends until it is answered, and we never answer: so only the very end is
 * looked at. What may be the mark is held back. */
static int feed_marked(struct sync_reply *r, const char *bytes, size_t len, sync_sink_fn sink, void *arg, struct err *e)
{
    size_t all = r->tail_len + len, keep = MIN_OF(all, (size_t)SYNC_MARK), free_bytes = all - keep;
    size_t of_tail = MIN_OF(free_bytes, r->tail_len), of_new = free_bytes - of_tail;
    int rc = hand_on(r, r->tail, of_tail, sink, arg, e);
    if (rc == 0)
        rc = hand_on(r, bytes, of_new, sink, arg, e);
    memmove(r->tail, r->tail + of_tail, r->tail_len - of_tail);
    memcpy(r->tail + (r->tail_len - of_tail), bytes + of_new, len - of_new);
    r->tail_len = keep;
    if (rc == 0 && keep == SYNC_MARK && memcmp(r->tail, r->mark, SYNC_MARK) == 0)
        r->state = SYNC_DONE;
    return rc;
}

int sync_reply_feed(struct sync_reply *r, const char *bytes, size_t len, sync_sink_fn sink, void *arg, struct err *e)
{
    size_t used = 0;
    int rc = r->state == SYNC_LINES ? feed_lines(r, bytes, len, &used, e) : 0;
    if (rc < 0 || used == len)
        return rc;
    if (r->state == SYNC_COUNTED)
        return feed_counted(r, bytes + used, len - used, sink, arg, e);
    if (r->state == SYNC_MARKED)
        return feed_marked(r, bytes + used, len - used, sink, arg, e);
    return 0;
}
