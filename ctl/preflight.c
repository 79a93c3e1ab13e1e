/*
 * preflight - collects findings; the checks are in preflight_redis, preflight_postgres, preflight_host and preflight_sources.
 */
#include "preflight.h"

#include <stdarg.h>
#include <stdio.h>

void preflight_add(struct preflight *p, const char *what, enum finding_level level, const char *remedy,
                   const char *found_format, ...)
{
    assert(p->n < PREFLIGHT_MAX);
    struct finding *f = &p->findings[p->n++];
    va_list args;
    *f = (struct finding){.what = what, .level = level};
    va_start(args, found_format);
    (void)vsnprintf(f->found, sizeof f->found, found_format, args);
    va_end(args);
    (void)snprintf(f->remedy, sizeof f->remedy, "%s", level == FINDING_OK ? "" : remedy);
}

void preflight_add_away(struct preflight *p, const char *what, const char *remedy, const char *found)
{
    p->away = true;
    preflight_add(p, what, FINDING_FAIL, remedy, "%s", found);
}

void preflight_run(struct preflight *p, const struct conf *conf)
{
    *p = (struct preflight){.conf = conf};
    preflight_add(p, "configuration", FINDING_OK, "", "%s", conf->path[0] ? conf->path : "defaults and environment");
    preflight_redis(p);
    preflight_postgres(p);
    preflight_host(p);
    preflight_sources(p);
}

enum finding_level preflight_worst(const struct preflight *p)
{
    enum finding_level worst = FINDING_OK;
    for (size_t i = 0; i < p->n; i++)
        worst = MAX_OF(worst, p->findings[i].level);
    return worst;
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[] = {[FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "fail"};
    return names[level];
}
