/*
 * wait_model - how long people of one pool will wait, by gender and for each of them, and why (docs/wait-model.md).
 *
 * Runs in: supervisor's metrics thread (and tools that replay traces). Thread: its owner's only. Pure: no I/O, no
 * clock; time is an argument in ms of the feed's clock, randomness comes from the seed. Owner: whoever called
 * wait_model_new; one model per pool. Nothing returned borrows from the model unless said so. Memory: at most
 * WAIT_PEOPLE_MAX people kept, others are counted only; nothing here outlives the process but what wait_model_export
 * writes (rates, patience, levels, hours of the week: sums over everybody, never a person).
 *
 *   feed entry ─ wait_feed ─► struct wait_event ─► wait_model_event ─┐
 *                                    every second: wait_model_refresh ├─► wait_model_cells, _balance, _stats, _ticket
 */
#pragma once

#include "base.h"
#include "gender.h"
#include "small_groups.h"

enum {
    WAIT_PEOPLE_MAX = 65536, /* people kept; beyond, each stands for more (the marker says how many there are) */
    WAIT_RECENT_MAX = 1500,  /* last arrivals of a gender kept for shares and probes */
    WAIT_CELL_MAX = 64,      /* published groups */
    WAIT_REGIONS_MAX = 8,    /* regions of one person */
    WAIT_POOL_NAME_MAX = 65,
    WAIT_TICKET_MAX = 129,
    WAIT_WITHIN = 4,                  /* horizons of P(matched within …): wait_within_s */
    WAIT_GROUP_MIN = SMALL_GROUP_MIN, /* smaller groups are not published */
};
#define WAIT_HORIZON_S 1200.0 /* longest estimate: "20+ min" */

/* 30, 60, 120, 300 seconds. */
extern const int wait_within_s[WAIT_WITHIN];

/* What the model knows of a person. No id, no name: a hash chosen per ticket. */
struct wait_person {
    uint64_t hash;
    int64_t joined_ms; /* when the wait began (seniority kept) */
    int64_t key_ms;    /* the matcher's priority: smaller is served first */
    uint8_t gender;    /* enum gender */
    uint8_t seeking;   /* set of genders, 1 << gender */
    uint8_t age, age_min, age_max;
    uint8_t n_regions;                  /* 0: anywhere */
    bool placed;                        /* pos is known */
    float pos[3];                       /* place.h, km; rounded to a coarse cell */
    float max_chord;                    /* farthest, km as a chord; 0: any distance */
    uint32_t regions[WAIT_REGIONS_MAX]; /* hashes */
};

enum wait_event_type {
    WAIT_JOIN,  /* arrived; who is whole */
    WAIT_HERE,  /* still waiting: repairs what the feed lost; who is whole; not an arrival */
    WAIT_LEAVE, /* left, went silent or expired; who.hash; wait_ms */
    WAIT_MATCH, /* matched; who.hash and who.gender; wait_ms */
    WAIT_MARK,  /* counts by gender, the price of the way, and how long a person not heard of may still be believed */
    WAIT_GONE,  /* left or matched, and counted before the restart: who.hash; never on a feed */
    WAIT_EVENT_TYPES
};

struct wait_event {
    enum wait_event_type type;
    char pool[WAIT_POOL_NAME_MAX];
    char id[WAIT_TICKET_MAX]; /* WAIT_JOIN, WAIT_HERE of who asked to be told of changes; else "". Never to be logged */
    int64_t at_ms;
    struct wait_person who;
    int64_t wait_ms;                /* WAIT_LEAVE, WAIT_MATCH */
    uint32_t waiting[GENDER_COUNT]; /* WAIT_MARK */
    int64_t price_ms_per_km;        /* WAIT_MARK; what the way costs in the matcher's order; -1: unknown */
    int64_t keep_ms;                /* WAIT_MARK; people unheard of for so long are dropped; 0: unknown */
    uint32_t conflicts, stale; /* WAIT_MARK; rounds played again, cycles too late, since the last; not the model's */
};

enum wait_confidence { WAIT_CONFIDENCE_LOW, WAIT_CONFIDENCE_OK };

/* What is told about one person or one group. Seconds; always finite; 0 <= p50 <= p90 <= WAIT_HORIZON_S. */
struct wait_curve_summary {
    double p50_s, p90_s, mean_s;
    double within[WAIT_WITHIN]; /* P(matched within wait_within_s | stays) */
    double matched;             /* P(matched before leaving) */
    enum wait_confidence confidence;
};

/* One published group: everybody of a gender, or of a gender that seeks a given set. */
struct wait_cell {
    uint8_t gender;
    uint8_t seeking;   /* 0: whatever they seek */
    uint32_t waiting;  /* people waiting, estimated from the marker */
    uint32_t arrivals; /* recent arrivals the estimate averages over or stands on */
    double share;      /* of its resolved tickets, matched; -1: unknown */
    struct wait_curve_summary wait;
};

enum wait_reason {                       /* what would help most */
                   WAIT_REASON_NONE,     /* nothing saves 15 s */
                   WAIT_REASON_DISTANCE, /* twice the radius */
                   WAIT_REASON_AGE,      /* five years more on both ends */
                   WAIT_REASON_GENDERS,  /* seeking every gender */
                   WAIT_REASON_BALANCE,  /* many compete for few: the pool is lopsided */
                   WAIT_REASON_QUIET,    /* few arrive at all */
                   WAIT_REASON_COUNT
};

struct wait_estimate {
    struct wait_curve_summary wait; /* remaining wait */
    enum wait_reason reason;
    double saves_s;                       /* of p50, for DISTANCE, AGE, GENDERS; else 0 */
    double saves_by_s[WAIT_REASON_COUNT]; /* the same of every one that saves 15 s; else 0 */
    double supply_per_min;                /* compatible people arriving a minute */
    double competing;                     /* people waiting who want the same arrivals and go first */
};

struct wait_balance {
    double rate_per_s[GENDER_COUNT];   /* arrivals; -1: fewer than WAIT_GROUP_MIN came */
    double share[GENDER_COUNT];        /* matched share; -1: unknown */
    double fluid_wait_s[GENDER_COUNT]; /* fluid wait of an overloaded gender; -1: not overloaded */
    double female_per_male;            /* ratio of rates; -1: unknown */
    int scarce;                        /* enum gender of the scarcer of male and female; -1: unknown */
    double target_wait_s;              /* the median asked for */
    double recommended_per_s;          /* arrival rate of the scarce side that gives it; -1: unknown */
};

/* What one gender finds, of about the last hour; -1: unknown (fewer than WAIT_GROUP_MIN matched or gone). */
struct wait_class {
    bool told;              /* false: fewer than WAIT_GROUP_MIN came; nothing else is to be looked at */
    double rate_per_s;      /* arrivals */
    double share;           /* of those who are gone, matched */
    double at_once;         /* of those who are gone, matched on arrival */
    double median_s;        /* wait half of them are matched within if they stay */
    double fluid_wait_s;    /* fluid wait of an overloaded gender; -1: not overloaded */
    double seekers_per_s;   /* arrivals of any told gender who fit one of this, both ways */
    double seekers_waiting; /* people waiting, in the mean, who fit an arrival of this gender */
    int scarce;             /* the gender they lack most; -1: none, or unknown */
    int helps;              /* the gender of which fewest more are needed for the target; -1: none needed, or unknown */
    double extra_per_s;     /* so many more of it; 0: the median is below the target */
};

struct wait_stats {
    uint64_t waiting[GENDER_COUNT], waiting_total, over_60s;
    double average_wait_s, max_wait_s;                                          /* of those waiting now */
    int minutes_male, minutes_female;                                           /* -1 unknown, else 1..240 */
    uint64_t matches_last_hour;                                                 /* pairs */
    double matches_per_minute;                                                  /* over the last ten minutes */
    uint64_t arrivals[GENDER_COUNT], matched[GENDER_COUNT], left[GENDER_COUNT]; /* people, since the model began */
    uint64_t came[GENDER_COUNT];                         /* arrivals, and those before a restart that were kept */
    double cover50[GENDER_COUNT], cover90[GENDER_COUNT]; /* calibration, Kaplan-Meier; -1: unknown */
    uint64_t resolved[GENDER_COUNT]; /* waits that calibration is judged by and that ended in a pair */
    double pinball[GENDER_COUNT],
        pinball_km[GENDER_COUNT]; /* seconds: ours, and rolling Kaplan-Meier's on the same people */
    uint64_t resynced, dropped;   /* people added by WAIT_HERE, and given up as unheard of */
    uint64_t refreshes;
    int64_t refreshed_ms;
};

struct wait_model;
struct buf;

/* A model that knows nothing. NULL when memory is out. */
struct wait_model *wait_model_new(uint64_t seed);
void wait_model_free(struct wait_model *m); /* NULL-safe */
/* Takes one event in. Events may repeat or be missing; time may run back a little. Never fails: what does not fit is
 * counted. */
void wait_model_event(struct wait_model *m, const struct wait_event *ev);
/* Renews the field and the published cells; call about once a second. Some ms of CPU at most, never blocks. */
void wait_model_refresh(struct wait_model *m, int64_t now_ms);
/* The same without the published cells, which no ticket stands on: for replays, a quarter of the time. */
void wait_model_refresh_tickets(struct wait_model *m, int64_t now_ms);
/* Copies the published cells, whole genders first; groups below WAIT_GROUP_MIN are left out. Returns how many (<= max).
 */
size_t wait_model_cells(const struct wait_model *m, struct wait_cell ret_cells[], size_t max);
/* Estimate for somebody who is about to join (waited_ms 0) or has waited already. who->hash may be 0 (attributes only).
 * ret is always filled; confidence says how far to trust it. About 50 µs, several times that with the reason. */
void wait_model_ticket(struct wait_model *m, const struct wait_person *who, int64_t now_ms, int64_t waited_ms,
                       struct wait_estimate *ret);
/* Somebody waiting now by hash; NULL when unknown. Borrowed until the next event. */
const struct wait_person *wait_model_person(const struct wait_model *m, uint64_t hash);
/* How many of the known people waiting go before who and want somebody who wants them too; position = that + 1. */
uint32_t wait_model_ahead(const struct wait_model *m, const struct wait_person *who);
/* The two sides. target_wait_s: median asked for the abundant side. */
void wait_model_balance(const struct wait_model *m, int64_t now_ms, double target_wait_s, struct wait_balance *ret);
/* Every gender: target_wait_s is the median asked for each. By enum gender. */
void wait_model_classes(const struct wait_model *m, double target_wait_s, struct wait_class ret[static GENDER_COUNT]);
void wait_model_stats(const struct wait_model *m, int64_t now_ms, struct wait_stats *ret);
/* Rates, patience, levels and hours of the week as JSON, to keep over a restart, with the id of the last feed entry in
 * them (wait_keep.c). 0 or -ENOSPC/-ENOMEM. */
int wait_model_export(const struct wait_model *m, const char *last, int64_t now_ms, struct buf *out);
/* Takes such JSON in, decayed by the time since; foreign bytes. 0, or -EBADMSG (damaged) or -EPROTONOSUPPORT (of
 * another build): the model and ret_last are unchanged then. */
int wait_model_import(struct wait_model *m, int64_t now_ms, const char *json, char ret_last[static ENTRY_ID_MAX]);

/* Lower-case names for JSON and metrics. Static storage. */
const char *wait_reason_name(enum wait_reason reason);
const char *wait_confidence_name(enum wait_confidence confidence);
