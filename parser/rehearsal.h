/*
 * rehearsal - a constant timetable parsed before the real one, so that the pages a document writes to are a process's own by then.
 *
 * Runs in: parser zygote (once, for what the library loads late) and every spare cell, before anything foreign. Blocks on the CPU only.
 */
#pragma once

#include "layout_set.h"

/* Parses the constant document and drops the result; what becomes of it does not matter. */
void rehearsal_run(const struct layout_set *layouts);
