/*
 * stack_dir - the state folder of a stack: its layout, its owner, and whether it can hold one.
 *
 *   DIR/stint.conf   written on first use, yours to edit      DIR/redis/     append-only file of the private Redis
 *   DIR/run/         sockets, stack.pid, metrics.port         DIR/postgres/  data of the private PostgreSQL
 *   DIR/log/         redis, postgres, supervisor, stack .log  DIR/bin/       copies of our programs, where their user
 * cannot reach the installed ones Runs in: ctl. Blocks on the disk only.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <sys/types.h>

enum {
    STACK_ROOT_MAX = 81, /* DIR: a Unix socket's path below it must stay under 108 bytes */
    STACK_PATH_MAX = 160,
    STACK_FREE_MIN_MIB = 64, /* least free space to start with */
};

struct stack_dir {
    char root[STACK_ROOT_MAX]; /* absolute, no symbolic links */
    char user[64];             /* whom the services run as */
    uid_t uid;                 /* 0 in uid and gid: as ourselves */
    gid_t gid;
};

/* Only finds the folder, for one that exists. ERR_NOT_FOUND, ERR_BAD_ARGUMENT. */
int stack_dir_find(struct stack_dir *d, const char *path, struct err *e);
/* Makes the folder and those in it, and gives them to the services' user: for root `user`, else "stint" when there is
 * such a user, else "nobody"; for anybody else themselves. Errors name the remedy. */
int stack_dir_prepare(struct stack_dir *d, const char *path, const char *user, struct err *e);
/* DIR/name into out; returns out. */
char *stack_dir_path(const struct stack_dir *d, const char *name, char out[static STACK_PATH_MAX]);
/* Gives one file to the services' user. 0 or -errno. */
int stack_dir_own(const struct stack_dir *d, const char *path);
/* Path of one of our programs as the services' user can execute it: the installed one, else a fresh copy in DIR/bin. */
int stack_dir_program(const struct stack_dir *d, const char *name, char ret_path[static STACK_PATH_MAX], struct err *e);
