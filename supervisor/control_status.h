/*
 * control_status - the supervisor's state as JSON, as README.md of this folder describes it.
 *
 * Runs in: supervisor. Thread: loop only. Reads; changes nothing.
 */
#pragma once

#include <jansson.h>

struct supervisor;

/* The whole status object with "ok":true. The caller's. */
json_t *control_status(const struct supervisor *s);
/* Its "workers" array. The caller's. */
json_t *control_status_workers(const struct supervisor *s);
/* {"ok":true,"instance","pid","version","build","handover":{…}}: what `stint upgrade` looks at. The caller's. */
json_t *control_status_handover(const struct supervisor *s);
