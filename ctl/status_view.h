/*
 * status_view - the state of everything on one screen: supervisor, Redis, PostgreSQL, pools, workers, queues, dead
 * letters.
 *
 * Runs in: ctl. Blocks while gathering. Each part that cannot be reached is said to be so; the others are shown.
 */
#pragma once

#include "host_control.h"
#include "session.h"

enum status_part { STATUS_SUPERVISOR, STATUS_REDIS, STATUS_POSTGRES, STATUS_PART_COUNT };

struct status_view {
    struct err errors[STATUS_PART_COUNT]; /* code 0: reachable and well */
    struct host_replies supervisors;      /* owned; the status of each */
    json_t *pools, *workers;              /* owned; of all of them */
    json_t *queues;                       /* owned; array of stint_stats, empty when Redis cannot be reached */
};

/* Asks all three. An error only when nothing can be asked at all: the configuration is wrong. */
int status_view_gather(struct session *s, struct status_view *ret_view, struct err *e);
/* Prints for people, or one JSON object under --json. */
void status_view_print(struct session *s, const struct status_view *v);
/* Whether a part is down or unwell; the line that says so was printed then. */
bool status_view_down(struct out *o, const struct status_view *v, enum status_part part);
/* Dead letters by cause; nothing where there are none. */
void status_view_print_dead(struct out *o, const json_t *queues);
/* EXIT_DONE, or EXIT_UNREACHABLE when a part could not be reached, or Redis loses or refuses jobs. */
int status_view_exit_code(const struct status_view *v);
/* Frees; twice-safe. */
void status_view_fini(struct status_view *v);
