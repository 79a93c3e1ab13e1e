/*
 * backup_dump - see backup_dump.h. The script finds the keys itself: one that was born since would be missing from a
 * list made before.
 */
#include "backup_dump.h"

#include "dump_records.h"
#include "stop_flag.h"

#include <stdio.h>
#include <sys/time.h>

enum { SCRIPT_TIMEOUT_S = 600, FIELDS = 3 };

/* Answers Redis' time in ms, then key, ms of its end and dump of every key of the queue. KEYS[1] is a key of its slot.
 */
static const char script[] = "#!lua flags=no-writes,allow-oom\n"
                             "local t, cursor, all = redis.call('TIME'), '0', {}\n"
                             "all[1] = t[1] .. string.format('%03d', math.floor(tonumber(t[2]) / 1000))\n"
                             "local seen = {}\n"
                             "repeat\n"
                             "  local r = redis.call('SCAN', cursor, 'MATCH', KEYS[1] .. ':*', 'COUNT', 10000)\n"
                             "  cursor = r[1]\n"
                             "  for _, key in ipairs(r[2]) do\n"
                             "    local dump = not seen[key] and redis.call('DUMP', key)\n"
                             "    if dump then\n"
                             "      seen[key] = true\n"
                             "      all[#all + 1] = key\n"
                             "      all[#all + 1] = string.format('%.0f', redis.call('PEXPIRETIME', key))\n"
                             "      all[#all + 1] = dump\n"
                             "    end\n"
                             "  end\n"
                             "until cursor == '0'\n"
                             "return all";

static int write_keys(struct backup_part *part, const redisReply *all, uint64_t *n, struct err *e)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i + FIELDS <= all->elements; i += FIELDS) {
        const redisReply *key = all->element[i], *end = all->element[i + 1], *dump = all->element[i + 2];
        uint8_t head[DUMP_HEAD_MAX];
        rc = backup_part_write(part, head, dump_head(head, key->len, dump->len, strtoll(end->str, NULL, 10)), e);
        if (rc == 0)
            rc = backup_part_write(part, key->str, key->len, e);
        if (rc == 0)
            rc = backup_part_write(part, dump->str, dump->len, e);
        ++*n;
    }
    return rc;
}

static int dump_queue(struct backup_redis *b, struct redis_sync *link, size_t queue, struct backup_part *part,
                      uint64_t *n, int64_t *ret_at_ms, struct err *e)
{
    char key[QUEUE_MAX + 16];
    redisReply *all = NULL;
    (void)snprintf(key, sizeof key, "stint:{%s}", b->queues->names[queue]);
    const char *const argv[] = {"EVAL", script, "1", key};
    int rc = redis_sync_argv(link, &all, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    if (all->type != REDIS_REPLY_ARRAY || all->elements % FIELDS != 1 || all->element[0]->type != REDIS_REPLY_STRING)
        rc = err_set(e, ERR_PROTOCOL, "Redis answered the backup's script with something else than keys");
    if (rc == 0) {
        *ret_at_ms = strtoll(all->element[0]->str, NULL, 10);
        backup_redis_moment(b, queue, *ret_at_ms);
        rc = write_keys(part, all, n, e);
    }
    freeReplyObject(all);
    return rc;
}

static int dump_all(struct backup_redis *b, struct redis_sync *link, struct backup_part *part, struct err *e)
{
    uint8_t end[DUMP_HEAD_MAX];
    uint64_t n = 0;
    int64_t first_ms = INT64_MAX;
    struct progress bar;
    progress_init(&bar, &b->s->out, "Redis");
    int rc = backup_part_write(part, dump_magic, DUMP_MAGIC, e);
    for (size_t i = 0; rc == 0 && i < b->queues->n; i++) {
        int64_t at_ms = 0;
        rc = stop_flag_check(e);
        if (rc == 0)
            rc = dump_queue(b, link, i, part, &n, &at_ms, e);
        first_ms = MIN_OF(first_ms, at_ms);
        progress_update(&bar, i + 1, b->queues->n);
    }
    progress_end(&bar);
    if (rc == 0)
        rc = backup_part_write(part, end, dump_end(end, n), e);
    if (rc == 0)
        rc = backup_redis_counts(b, "after", e);
    return rc < 0 ? rc : b->on_moment(b->arg, first_ms, e);
}

int backup_dump_run(struct backup_redis *b, struct err *e)
{
    struct redis_sync link;
    struct backup_part part = {.fd = -1};
    struct conf_redis patient = b->s->conf->redis;
    patient.command_timeout = SCRIPT_TIMEOUT_S * 1000;
    int rc = redis_sync_open(&link, &patient, e);
    if (rc < 0)
        return rc;
    rc = backup_part_open(b->folder, &part, BACKUP_KEYS, e);
    if (rc == 0)
        rc = dump_all(b, &link, &part, e);
    if (rc == 0)
        rc = backup_part_close(b->folder, &part, e);
    backup_part_abandon(&part);
    redis_sync_close(&link);
    return rc;
}
