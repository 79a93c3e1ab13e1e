/*
 * private_stores - a Redis and a PostgreSQL of our own in a temporary folder, for as long as a restore or its proof
 * takes.
 *
 *   source   Redis with the backup's keys, to copy from          target   Redis and PostgreSQL to restore into, for
 * `stint verify`
 *
 * Runs in: ctl. Blocks until they answer. They listen on Unix sockets in a closed folder and die with us; root runs
 * them as another user.
 */
#pragma once

#include "backup_archive.h"
#include "stack_services.h"

struct private_stores {
    struct stack_dir dir; /* root "": not made */
    int lock;             /* of that folder, while it is there */
    struct stack_dir source_dir;
    struct stack_child source, redis, postgres;
    struct redis_sync link; /* to the source */
};

/* The temporary folder (in TMPDIR, else /tmp), which becomes the working directory. need_bytes: what it must have room
 * for. */
int private_stores_begin(struct private_stores *p, uint64_t need_bytes, struct err *e);
/* A Redis with the keys of the backup's part; p->link reads it. ERR_REFUSED when the program is not installed or cannot
 * read the part (of a newer Redis, most likely). */
int private_source_start(struct private_stores *p, const struct backup_archive *a, struct session *s, struct err *e);
/* Empty stores; their URLs go into conf. */
int private_target_start(struct private_stores *p, struct conf *conf, bool with_postgres, struct err *e);
/* Ends them and removes the folder; twice-safe. */
void private_stores_end(struct private_stores *p);
/* 0, or ERR_REFUSED naming the server program that is not installed. */
int private_stores_possible(bool with_postgres, struct err *e);
