/*
 * wait_groups - see wait_groups.h. Which groups may be told is small_groups' rule; here is who is a group.
 */
#include "wait_groups.h"

/* Nonbinary people and others are one number to an application's pages; here they may be two. */
static void split_others(const uint64_t waiting[static GENDER_COUNT], struct wait_shown *s)
{
    const uint64_t both[] = {waiting[GENDER_NONBINARY], waiting[GENDER_OTHER]};
    bool told[2];
    small_groups_told(both, 2, told);
    bool apart = told[0] && told[1];
    s->waiting[GENDER_NONBINARY] = apart ? both[0] : 0;
    s->waiting[GENDER_OTHER] = apart ? both[1] : both[0] + both[1];
    s->apart[GENDER_NONBINARY] = s->apart[GENDER_OTHER] = apart;
    if (apart)
        return;
    s->from[GENDER_NONBINARY] = told[0] ? -1 : small_groups_from(both, told, 2, 0);
    s->from[GENDER_OTHER] = told[1] ? -1 : small_groups_from(both, told, 2, 1);
}

void wait_groups_waiting(const uint64_t waiting[static GENDER_COUNT], struct wait_shown *ret)
{
    const uint64_t counts[] = {waiting[GENDER_MALE], waiting[GENDER_FEMALE],
                               waiting[GENDER_NONBINARY] + waiting[GENDER_OTHER], waiting[GENDER_UNKNOWN]};
    bool told[ARRAY_LEN(counts)];
    small_groups_told(counts, ARRAY_LEN(counts), told);
    *ret = (struct wait_shown){.waiting = {[GENDER_MALE] = told[0] ? counts[0] : 0,
                                           [GENDER_FEMALE] = told[1] ? counts[1] : 0,
                                           [GENDER_UNKNOWN] = counts[3]},
                               .apart = {[GENDER_MALE] = told[0], [GENDER_FEMALE] = told[1]}};
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        ret->from[g] = -1;
    for (unsigned g = 0; g < 2; g++)
        ret->from[g == 0 ? GENDER_MALE : GENDER_FEMALE] =
            told[g] ? -1 : small_groups_from(counts, told, ARRAY_LEN(counts), g);
    if (told[2])
        split_others(waiting, ret);
    for (size_t i = 0; i < 3; i++)
        ret->waiting[GENDER_UNKNOWN] += told[i] ? 0 : counts[i];
    ret->apart[GENDER_UNKNOWN] = told[0] && told[1] && told[2] && told[3];
}

uint64_t wait_groups_counter(uint64_t n)
{
    return n - n % WAIT_GROUP_MIN;
}
