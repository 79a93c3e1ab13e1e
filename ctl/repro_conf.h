/*
 * repro_conf - the configuration of a reproduction: the job's own pool and kind, one worker, a scratch queue, nothing else.
 *
 * Runs in: ctl. Pure but for repro_conf_write.
 */
#pragma once

#include "conf.h"
#include "repro.h"

/* *ret_conf (the caller's to free) is `conf` cut down to the first pool that runs the job's kind from the job's queue, else from
 * any. One run ends the job: attempts and crashes are 1. A tool gets all the time it may need. ERR_NOT_FOUND when no pool runs
 * the kind. */
int repro_conf_make(const struct conf *conf, const json_t *job, const char *queue, enum repro_tool tool,
                    struct conf **ret_conf, struct err *e);
/* Points its folders into root. */
int repro_conf_place(struct conf *conf, const char *root, struct err *e);
/* Writes it, secrets included, readable by the services' user alone; its path into path. Takes STINT_… overrides out of this
 * process' environment: they are in it already. */
int repro_conf_write(const struct conf *conf, const struct stack_dir *dir, char path[static STACK_PATH_MAX],
                     struct err *e);
/* The job's options without what would keep it from running now; under a tool without its timeout. The caller's to free, NULL
 * without memory. */
char *repro_conf_options(const json_t *job, enum repro_tool tool);
/* Does the kind keep its effects in PostgreSQL? */
bool repro_conf_stores(const char *kind);
