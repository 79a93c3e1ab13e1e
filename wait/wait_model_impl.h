/*
 * wait_model_impl - the model's inside, shared by the model's own files alone.
 *
 * Runs in: supervisor's metrics thread, tools that replay traces.
 */
#pragma once

#include "wait_crowd.h"
#include "wait_curve.h"
#include "wait_model.h"
#include "wait_rates.h"
#include "wait_week.h"

enum {
    FIELD_SAMPLE = 1024, /* waiting people in the field */
    FIELD_LATER = 256,   /* people who will come and go before some who wait */
    FIELD_MAX = FIELD_SAMPLE + FIELD_LATER,
    CURVE_POINTS = 28,    /* of the grid, padded for whole vectors */
    FIELD_PROBES = 512,   /* recent arrivals of a gender in the field */
    CALIBRATE_LAST = 600, /* tickets of a gender whose end is compared with what was said */
    CALIBRATE_MIN = 20,
    RIVAL_LAST = 200,       /* waits rolling Kaplan-Meier looks at */
    TOLD_PER_REFRESH = 200, /* curves kept for calibration, a refresh */
    CELL_AVERAGE = 40,      /* arrivals a published cell averages over */
    CELLS_PER_REFRESH = 3,
    SEEKING_SETS = 1 << GENDER_COUNT,
    MINUTES = 60,
    LATELY_BANDS = 20, /* of wait age */
};
#define CALIBRATE_PRIOR 400.0

/* Somebody waiting. */
struct waiting {
    struct wait_person who;
    int64_t heard_ms;
    uint64_t told; /* number + 1 of the told ticket in its gender's ring; 0: not yet */
};

/* What was said about a ticket, until and after its end. */
struct told {
    struct wait_curve curve;
    int64_t from_ms;
    float at;       /* F of the wait, once it ended */
    float foretold; /* P(matched before leaving), as the curve alone has it */
    float said50_s, said90_s, rival50_s,
        rival90_s; /* what we said, and what rolling Kaplan-Meier would have; -1 nothing */
    bool ended, matched, at_once;
};

/* Of those who had to wait and are gone: how many were matched, and how many had been foretold. About the last 200. */
struct kept {
    double n, matched;     /* all */
    double told, foretold; /* of these, those to whom something was said */
};

/* Rolling Kaplan-Meier: the plain answer ours is compared with (wait_pinball.c). */
struct rival {
    float wait_s[RIVAL_LAST]; /* ring, of those who waited and are gone */
    bool matched[RIVAL_LAST];
    uint32_t n, next;
    float p50_s, p90_s; /* as of the last refresh; -1 unknown */
};

/* Sums of pinball loss over about the last 200 judged. */
struct score {
    double n, weight, ours, rival;
};

/* An arrival kept as one of those who will come. */
struct probe {
    struct wait_person who;
    double rate;       /* arrivals a second this probe stands for */
    double open;       /* P(nobody waits for it), at the field's current step */
    uint32_t first, n; /* whom it fits, in edges, by score */
};

/* Somebody of the field: waits, or (probe set) will come and may go before some who wait. */
struct competitor {
    struct wait_person who;
    float weight; /* people it stands for */
    float from_s; /* when it comes, from now */
    const struct probe *probe;
};

struct edge {
    uint16_t person; /* in the field */
    float score;     /* seconds: key from now, and the price of the way; smaller goes first */
};

/* Who goes before somebody at a probe. */
struct wait_before {
    float clear[CURVE_POINTS]; /* integral of P(nobody before wants the probe); 0 beyond the grid */
    double people, sampled;    /* how many there are now, and by how many of the sample that is known */
};

/* Sums of about the last hour (wait_balance.c): everything fades with 3600 s. */
struct lately {
    double seconds, arrivals;
    double matched, left, at_once;                    /* people who are gone */
    double met[LATELY_BANDS], waited_s[LATELY_BANDS]; /* matches and seconds of who had to wait, by wait age */
    double finds[GENDER_COUNT]; /* × s: P(an arrival finds somebody waiting, and the first is of that gender) */
    double fits[GENDER_COUNT];  /* × s: P(an arrival of that gender fits one of this) */
    double waiting;             /* × s: people waiting who fit an arrival */
};

/* How a gender's arrivals go on, as the hour of the week has it (wait_week.h). */
struct ahead {
    bool known;                    /* false: the ratios are 1 */
    double ratio[CURVE_STEPS + 1]; /* on the grid, in units of the rate now */
};

/* Part of a gender's arrivals that fits. */
struct wait_share {
    double part, events; /* events: what it is worth in people counted */
};

/* What somebody may expect with a wish. */
struct wait_prospect {
    struct wait_curve curve;
    double supply;    /* arrivals a second that fit */
    double competing; /* people before on one of them */
    bool at_once;     /* somebody who fits waits already */
};

struct side {                                   /* one gender */
    struct wait_person recent[WAIT_RECENT_MAX]; /* ring */
    uint32_t n_recent, next_recent;
    struct crowd crowd; /* recent, side by side */
    struct rate rate;
    struct patience patience;
    struct told told[CALIBRATE_LAST]; /* ring */
    uint64_t n_told;
    struct kept kept;
    struct rival rival;
    struct score score;
    double level50, level90; /* where to read F for 50 and 90 % */
    double base50, base90;   /* where they start from: 0.5 and 0.9, or what was kept over a restart */
    double cover50, cover90; /* of what is published; -1 unknown */
    uint32_t resolved;       /* of those it is judged by, how many were matched */
    struct probe probes[FIELD_PROBES];
    uint32_t n_probes;
    struct crowd probe_crowd; /* probes, side by side */
    double lead_s;            /* mean of joined - key of the last CELL_AVERAGE arrivals: a newcomer's head start */
    uint64_t arrivals, matched, left;
    uint64_t arrivals_kept; /* before the restart */
    uint64_t set_matched[SEEKING_SETS], set_left[SEEKING_SETS];
    uint32_t marked; /* waiting, of the last marker */
    struct ahead ahead;
    struct lately lately;
};

struct wait_model {
    uint64_t random;
    struct side sides[GENDER_COUNT];
    struct week week;
    struct waiting *people; /* owned; dense */
    uint32_t n_people, cap_people;
    uint32_t *by_hash; /* owned; open addressing: number + 1 */
    uint32_t hash_mask;
    struct competitor field[FIELD_MAX];    /* the sample, copied: people go meanwhile */
    float absent[FIELD_MAX][CURVE_POINTS]; /* P(none of those a competitor stands for is there), on the grid */
    uint32_t n_field;
    struct crowd crowd;    /* those of the field who wait, side by side */
    int64_t field_ms;      /* when it was now */
    double scale;          /* waiting people one of the sample stands for */
    double price_s_per_km; /* of the way, in the matcher's order */
    struct edge *edges;    /* owned */
    size_t n_edges, cap_edges;
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n_cells, next_cell;
    uint64_t minute_matches[MINUTES]; /* people, by minute */
    int64_t minute;                   /* of the newest bucket */
    uint32_t n_told_now;              /* since the last refresh */
    uint64_t resynced, dropped, overflow, refreshes;
    int64_t refreshed_ms;
};

/* Both ways, unrelaxed, history apart. */
bool wait_fits(const struct wait_person *a, const struct wait_person *b);
/* Regions of two people: none, or one in common. */
bool wait_regions_meet(const struct wait_person *a, const struct wait_person *b);
/* Share of a gender's arrivals who fit each wish; nothing is said about the wider place unless it is in the set. */
void wait_shares(const struct side *s, int gender, const struct wishes *ws, unsigned set,
                 struct wait_share ret[static WISHES]);
/* splitmix64. */
uint64_t wait_random(struct wait_model *m);
/* Number of a person waiting; UINT32_MAX when unknown. */
uint32_t wait_find(const struct wait_model *m, uint64_t hash);
/* Moves the minute buckets on to now. */
void wait_minutes(struct wait_model *m, int64_t now_ms);
/* Renews how arrivals will go on from now (wait_ahead.c). */
void wait_ahead_refresh(struct wait_model *m, double now_s);
/* Bends what one side adds to a hazard on the grid, at its present rate, to the rates ahead. */
void wait_ahead_bend(const struct ahead *a, const double before[static CURVE_STEPS + 1],
                     double hazard[static CURVE_STEPS + 1]);
/* Somebody of a gender is gone; at once: never waited (wait_balance.c). */
void wait_lately_end(struct lately *l, double wait_s, bool matched, bool at_once);
/* Looks who would find whom; after the field's refresh. */
void wait_lately_refresh(struct wait_model *m, int64_t now_ms);
/* Field of the present moment (wait_field.c). */
void wait_field_refresh(struct wait_model *m, int64_t now_ms);
/* How the field clears (wait_clear.c). */
void wait_clear(struct wait_model *m);
/* Who goes before somebody of this score at a probe; self: hash left out, 0: nobody. */
void wait_clear_before(const struct wait_model *m, const struct probe *b, uint64_t self, float score,
                       struct wait_before *ret);
/* Seconds: what the matcher orders by when `comes` arrives and `waits` waits. */
float wait_score(const struct wait_model *m, const struct wait_person *waits, const struct wait_person *comes);
/* Somebody like this one who comes now with that head start. */
struct wait_person wait_newcomer(const struct wait_model *m, const struct wait_person *like, double lead_s);
/* Lays the field out for what follows: after every refresh of it (wait_mix.c). */
void wait_mix_prepare(struct wait_model *m);
/* What somebody may expect with its own wishes and with wider ones; once somebody fits now there is no curve, but with
 * its own. */
void wait_prospects_of(const struct wait_model *m, const struct wishes *ws, double now_s,
                       struct wait_prospect ret[static WISHES]);
/* A person's curve out of the field. */
void wait_curve_of(const struct wait_model *m, const struct wait_person *who, double now_s, struct wait_curve *ret);
/* Somebody who fits waits already. */
bool wait_fits_now(const struct wait_model *m, const struct wait_person *who);
/* p50 … P(matched before leaving) for somebody of a gender who has waited `waited_s`, `since_s` after the curve was
 * reckoned. */
void wait_summarise(const struct wait_model *m, unsigned gender, const struct wait_curve *c, double waited_s,
                    double since_s, struct wait_curve_summary *ret);
/* The curve's probability on the scale that was recalibrated. */
double wait_calibrated(const struct side *s, double f);
/* P(matched before leaving) by the curve and this gender's patience. */
double wait_foretold(const struct side *s, const struct wait_curve *c);
/* Somebody of this gender who had to wait is gone; t: what had been said, NULL when nothing was. */
void wait_kept_add(struct side *s, const struct told *t, bool matched);
/* A forecast of P(matched before leaving) for somebody who has to wait, in the light of what became of the last ones.
 */
double wait_kept_level(const struct side *s, double forecast);
/* Renews rolling Kaplan-Meier's answer (wait_pinball.c). */
void wait_pinball_refresh(struct side *s);
/* Notes what is said to somebody, and what rolling Kaplan-Meier would say. */
void wait_pinball_told(const struct side *s, struct told *t);
/* Somebody who had to wait is gone; t: what had been said, NULL when nothing was. */
void wait_pinball_end(struct side *s, const struct told *t, double wait_s, bool matched);
/* Mean loss of p50 + p90 in seconds; -1 below CALIBRATE_MIN. */
void wait_pinball_of(const struct side *s, double *ret_ours, double *ret_rival);
/* Renews the levels (wait_calibrate.c). */
void wait_calibrate(struct wait_model *m, int64_t now_ms);
/* Renews some of the published cells (wait_publish.c). */
void wait_publish(struct wait_model *m, int64_t now_ms);
enum wait_confidence wait_confidence_of(const struct wait_model *m, unsigned gender, unsigned seeking);
