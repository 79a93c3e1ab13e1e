/*
 * small_groups - see small_groups.h. Complementary suppression on one row of counts; refuses to be clever about which
 * group to sacrifice: the smallest.
 */
#include "small_groups.h"

void small_groups_told(const uint64_t counts[], size_t n, bool ret_told[])
{
    uint64_t hidden = 0;
    for (size_t i = 0; i < n; i++) {
        ret_told[i] = counts[i] == 0 || counts[i] >= SMALL_GROUP_MIN;
        hidden += ret_told[i] ? 0 : counts[i];
    }
    while (hidden > 0 && hidden < SMALL_GROUP_MIN) {
        size_t least = n;
        for (size_t i = 0; i < n; i++)
            if (ret_told[i] && counts[i] > 0 && (least == n || counts[i] < counts[least]))
                least = i;
        if (least == n)
            return;
        ret_told[least] = false;
        hidden += counts[least];
    }
}

int small_groups_from(const uint64_t counts[], const bool told[], size_t n, size_t i)
{
    uint64_t hidden = 0, groups = 0;
    for (size_t k = 0; k < n; k++) {
        hidden += told[k] ? 0 : counts[k];
        groups += told[k] ? 0 : 1;
    }
    if (hidden <= groups * (SMALL_GROUP_MIN - 1))
        return -1;
    if (counts[i] < SMALL_GROUP_MIN)
        return 0;
    /* The small ones are fewer than SMALL_GROUP_MIN together, so this is the same for every way they may be. */
    uint64_t from = MIN_OF(counts[i], hidden - SMALL_GROUP_MIN) / SMALL_GROUP_MIN * SMALL_GROUP_MIN;
    return from > 0 ? (int)from : -1;
}
