/*
 * preflight - is everything outside stint as stint needs it? Asked before a start, changed by nothing.
 *
 * Runs in: ctl. Blocks with the configured timeouts. Each finding has a remedy; a failed one means jobs could be lost
 * or nothing would run.
 */
#pragma once

#include "conf.h"

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };
enum { PREFLIGHT_MAX = 32, FINDING_TEXT_MAX = 400 };

struct finding {
    const char *what; /* literal: "Redis eviction" */
    enum finding_level level;
    char found[FINDING_TEXT_MAX];
    char remedy[FINDING_TEXT_MAX]; /* "" when ok */
};

struct preflight {
    const struct conf *conf; /* borrowed */
    struct finding findings[PREFLIGHT_MAX];
    size_t n;
    bool away; /* a service could not be used at all: what else is wrong there is not known */
};

/* Runs all checks. */
void preflight_run(struct preflight *p, const struct conf *conf);
/* The worst of the findings. */
enum finding_level preflight_worst(const struct preflight *p);
/* "ok", "warn", "fail". */
const char *finding_level_name(enum finding_level level);

/* For the files of checks: adds a finding; remedy may be "". Beyond PREFLIGHT_MAX asserts. */
void preflight_add(struct preflight *p, const char *what, enum finding_level level, const char *remedy,
                   const char *found_format, ...) PRINTF_LIKE(5, 6);
/* The same for a service that cannot be used: fails, and notes that it is away. */
void preflight_add_away(struct preflight *p, const char *what, const char *remedy, const char *found);
/* The groups of checks, one file each. */
void preflight_redis(struct preflight *p);
void preflight_postgres(struct preflight *p);
void preflight_host(struct preflight *p);
void preflight_sources(struct preflight *p);
