/*
 * wait_crowd - many people side by side, as far as who fits whom is decided by it, and one person's wishes, wider ones
 * beside its own, held against all of them in one pass.
 *
 * Runs in: supervisor's metrics thread, tools that replay traces. Pure. Ages and genders are rows of bytes that are
 * compared sixteen at a time; places are looked at for the few who are left.
 */
#pragma once

#include "wait_model.h"

enum {
    CROWD_BLOCK = 64,
    CROWD_MAX = (WAIT_RECENT_MAX + CROWD_BLOCK - 1) / CROWD_BLOCK * CROWD_BLOCK,
    WISHES = WAIT_REASON_GENDERS + 1, /* one's own (WAIT_REASON_NONE), and what would help */
    WISH_OWN = 1 << WAIT_REASON_NONE, /* as a set */
    WISH_DISTANCE = 1 << WAIT_REASON_DISTANCE,
    WISH_AGE = 1 << WAIT_REASON_AGE,
    WISH_GENDERS = 1 << WAIT_REASON_GENDERS,
    WISHES_WIDER = WISH_DISTANCE | WISH_AGE | WISH_GENDERS,
};

/* Zero-initialised: nobody. Who is not there seeks nobody. */
struct crowd {
    uint8_t gender[CROWD_MAX]; /* 1 << gender */
    uint8_t seeking[CROWD_MAX], age[CROWD_MAX], age_min[CROWD_MAX], age_max[CROWD_MAX];
    uint8_t anywhere[CROWD_MAX];                                      /* 1: place unknown, distance does not count */
    float x[CROWD_MAX], y[CROWD_MAX], z[CROWD_MAX], reach[CROWD_MAX]; /* km; reach INFINITY: any distance */
    uint64_t hash[CROWD_MAX];
    const struct wait_person *who[CROWD_MAX]; /* borrowed */
    uint32_t n;
};

/* Somebody's own wishes [0] and wider ones [1]. Borrows it. */
struct wishes {
    const struct wait_person *who;
    uint8_t seeking[2], age_min[2], age_max[2];
    float reach[2]; /* km; INFINITY: any distance */
    unsigned set;   /* which are asked for */
};

/* wider: set of wider wishes beside one's own; those that would change nothing are left out. */
void wishes_of(const struct wait_person *who, unsigned wider, struct wishes *ret);
/* Those of the set that seek a gender. */
unsigned wishes_seeking(const struct wishes *ws, int gender);

/* Forgets everybody. */
void crowd_clear(struct crowd *c);
/* Puts somebody on place i, at most n. Borrows it. */
void crowd_put(struct crowd *c, uint32_t i, const struct wait_person *who);
/* Which of the wishes genders and ages of everybody allow, both ways, n rounded up to whole blocks; place and regions
 * are crowd_meets' matter. */
void crowd_match(const struct crowd *c, const struct wishes *ws, uint8_t ret_sets[static CROWD_MAX]);
/* Those of such a set that place and regions of number i allow as well. */
unsigned crowd_meets(const struct crowd *c, const struct wishes *ws, uint32_t i, unsigned set);
