/*
 * trace - who joined a pool and who left it, when: a file of events in memory.
 *
 * Runs in: ctl, bench, tests. Thread: its owner's only. Owner: whoever called trace_read owns the trace until
 * trace_fini.
 *
 * A file is JSON, one object a line, in order of time (at the same millisecond: leaves first):
 *   {"ev":"header","scenario":S,"seed":N,"horizon_ms":MS,"score_from_ms":MS,"score_to_ms":MS}       once, first
 *   {"ev":"join","t":MS,"id":N,"g":0,"seek":2,"age":30,"amin":25,"amax":40,"x":HM,"y":HM,"maxd":HM,"hist":[N,…]}
 *   {"ev":"leave","t":MS,"id":N}                     of somebody matched before, it says nothing
 * t counts from the start. g: enum gender; seek: a set, 1 << gender. Places and maxd are whole hectometres on a plane,
 * so that two programs can agree on every distance. hist: ids met before. `relax` (true: consents to relaxation) may be
 * missing, as may every other field.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "gender.h"
#include <jansson.h>

enum {
    TRACE_PERSONS_MAX = 4000000,
    TRACE_LINE_MAX = 65536, /* bytes of one line */
    TRACE_MET_MAX = 256,    /* ids in one `hist` */
    TRACE_NAME_MAX = 65,
    TRACE_TICKET_ID_MAX = 20,
    TRACE_PLACE_MAX_HM = 100000, /* farthest from the origin on either axis */
    TRACE_RADIUS_MAX_HM = 200000,
};
#define TRACE_HORIZON_MAX_MS (INT64_C(7) * 86400000)
#define TRACE_ID_MAX         INT64_C(9007199254740992) /* 2^53: what JSON carries exactly */
#define TRACE_STAYS          INT64_C(-1)
#define TRACE_NOBODY         UINT32_MAX

struct trace_person {
    int64_t id, join_ms;
    int64_t leave_ms; /* TRACE_STAYS: not within the trace */
    int32_t x_hm, y_hm, max_hm;
    uint32_t first_met, n_met; /* in trace.met */
    uint8_t gender, seeking, age, age_min, age_max;
    bool relax;
};

enum trace_event_type { TRACE_LEAVE, TRACE_JOIN };

struct trace_event {
    int64_t at_ms;
    uint32_t person; /* in trace.persons */
    enum trace_event_type type;
};

struct trace {
    char scenario[TRACE_NAME_MAX]; /* "" when the header names none */
    int64_t seed, horizon_ms;
    int64_t score_from_ms, score_to_ms; /* who joined in between is judged */
    struct trace_person *persons;       /* owned; in order of joining */
    uint32_t n_persons, cap_persons;
    struct trace_event *events; /* owned; in order of the file */
    size_t n_events, cap_events;
    int64_t *met; /* owned; ids */
    size_t n_met, cap_met;
    uint32_t *by_id; /* owned; open addressing: person + 1 */
    uint32_t by_id_mask;
};

/* Reads a file ("-": standard input). 0; ERR_NOT_FOUND or -errno when it cannot be opened; ERR_BAD_ARGUMENT with the
 * line's number and what is wrong with it; ERR_OUT_OF_MEMORY. On failure ret holds nothing. The bytes are foreign: any
 * line may be anything. */
int trace_read(const char *path, struct trace *ret, struct err *e);
void trace_fini(struct trace *t); /* twice-safe */

/* Number of the person of an id; TRACE_NOBODY when nobody has it. */
uint32_t trace_find(const struct trace *t, int64_t id);
/* The ticket's id of a trace's id: zeros in front, so that texts order as the numbers do. */
void trace_ticket_id(int64_t id, char ret_id[static TRACE_TICKET_ID_MAX]);
/* The person's ticket as a match job has it, places as degrees (place_plane_degrees). NULL without memory. The
 * caller's. */
json_t *trace_ticket(const struct trace *t, uint32_t person);
