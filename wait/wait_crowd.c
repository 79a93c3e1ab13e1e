/*
 * wait_crowd - see wait_crowd.h. The loops over a block have a fixed length and no branch: compilers make vectors of
 * them.
 */
#include "wait_crowd.h"

#include "place.h"
#include "wait_model_impl.h"
#include <math.h>

enum { AGE_LOWEST = 18, AGE_HIGHEST = 120, AGE_WIDER = 5 };

static float reach_of(float max_chord)
{
    return max_chord > 0 ? max_chord : INFINITY;
}

void wishes_of(const struct wait_person *who, unsigned wider, struct wishes *ret)
{
    bool bound = who->placed && who->max_chord > 0;
    *ret = (struct wishes){
        .who = who,
        .seeking = {who->seeking, GENDER_ALL},
        .age_min = {who->age_min, (uint8_t)MAX_OF(AGE_LOWEST, who->age_min - AGE_WIDER)},
        .age_max = {who->age_max, (uint8_t)MIN_OF(AGE_HIGHEST, who->age_max + AGE_WIDER)},
        .reach = {reach_of(who->max_chord), reach_of(2 * who->max_chord)},
        .set = WISH_OWN | (wider & (bound ? WISH_DISTANCE : 0U)) | (wider & WISH_AGE) |
               (wider & (who->seeking != GENDER_ALL ? WISH_GENDERS : 0U)),
    };
}

unsigned wishes_seeking(const struct wishes *ws, int gender)
{
    return ws->seeking[0] >> gender & 1 ? ws->set : ws->set & WISH_GENDERS;
}

void crowd_clear(struct crowd *c)
{
    memset(c->seeking, 0, sizeof c->seeking);
    c->n = 0;
}

void crowd_put(struct crowd *c, uint32_t i, const struct wait_person *who)
{
    c->gender[i] = (uint8_t)(1U << who->gender);
    c->seeking[i] = who->seeking;
    c->age[i] = who->age;
    c->age_min[i] = who->age_min;
    c->age_max[i] = who->age_max;
    c->anywhere[i] = !who->placed;
    c->x[i] = who->pos[0];
    c->y[i] = who->pos[1];
    c->z[i] = who->pos[2];
    c->reach[i] = reach_of(who->max_chord);
    c->hash[i] = who->hash;
    c->who[i] = who;
    c->n = MAX_OF(c->n, i + 1);
}

static void match_block(const struct crowd *c, uint32_t at, const struct wishes *ws,
                        uint8_t sets[restrict static CROWD_BLOCK])
{
    const uint8_t *restrict gender = c->gender + at, *restrict seeking = c->seeking + at, *restrict age = c->age + at,
                            *restrict min = c->age_min + at, *restrict max = c->age_max + at;
    uint8_t me = (uint8_t)(1U << ws->who->gender), mine = ws->who->age, sought = ws->seeking[0],
            lowest = ws->age_min[0], highest = ws->age_max[0], low = ws->age_min[1], high = ws->age_max[1],
            by_own = (uint8_t)(ws->set & (WISH_OWN | WISH_DISTANCE)), by_age = (uint8_t)(ws->set & WISH_AGE),
            by_gender = (uint8_t)(ws->set & WISH_GENDERS);
    for (int i = 0; i < CROWD_BLOCK; i++) {
        uint8_t theirs = ((seeking[i] & me) != 0) & (mine >= min[i]) & (mine <= max[i]);
        uint8_t wanted = (gender[i] & sought) != 0, aged = (age[i] >= lowest) & (age[i] <= highest),
                nearly = (age[i] >= low) & (age[i] <= high);
        uint8_t set = (uint8_t)((-(wanted & aged) & by_own) | (-(wanted & nearly) & by_age) | (-aged & by_gender));
        sets[i] = (uint8_t)(-theirs & set);
    }
}

void crowd_match(const struct crowd *c, const struct wishes *ws, uint8_t ret_sets[static CROWD_MAX])
{
    for (uint32_t at = 0; at < c->n; at += CROWD_BLOCK)
        match_block(c, at, ws, ret_sets + at);
}

unsigned crowd_meets(const struct crowd *c, const struct wishes *ws, uint32_t i, unsigned set)
{
    const struct wait_person *me = ws->who;
    if (me->placed && !c->anywhere[i]) {
        const float there[3] = {c->x[i], c->y[i], c->z[i]};
        double d2 = place_chord2(me->pos, there), theirs = (double)c->reach[i], own = (double)ws->reach[0],
               wide = (double)ws->reach[1];
        if (d2 > theirs * theirs)
            return 0;
        if (d2 > own * own)
            set &= d2 > wide * wide ? 0 : WISH_DISTANCE;
    }
    return set && (me->n_regions == 0 || wait_regions_meet(me, c->who[i])) ? set : 0;
}
