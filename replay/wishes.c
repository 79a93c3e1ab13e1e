/*
 * wishes - doubles of the people waiting, as ghosts.
 *
 * It widens as wait_ticket.c does, so that what is checked is what was said. A double's id is the person's and the
 * number of its wish behind a '+', which no ticket's id holds.
 */
#include "wishes.h"

#include <stdio.h>

struct wishes {
    const struct match_rules *rules;
    struct ghosts *ghosts;
};

struct wishes *wishes_new(const struct match_rules *rules)
{
    struct wishes *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->rules = rules;
    w->ghosts = ghosts_new(rules);
    if (w->ghosts)
        return w;
    free(w);
    return NULL;
}

void wishes_free(struct wishes *w)
{
    if (!w)
        return;
    ghosts_free(w->ghosts);
    free(w);
}

static void widen(struct match_profile *p, enum wait_reason how)
{
    if (how == WAIT_REASON_DISTANCE)
        p->max_chord *= 2;
    if (how == WAIT_REASON_AGE) {
        p->age_min = (uint8_t)MAX_OF(MATCH_AGE_MIN, p->age_min - 5);
        p->age_max = (uint8_t)MIN_OF(MATCH_AGE_MAX, p->age_max + 5);
    }
    if (how == WAIT_REASON_GENDERS)
        p->seeking = GENDER_ALL;
}

int wishes_add(struct wishes *w, struct match_index *ix, const struct match_supply *supply,
               const struct match_waiter *who, int64_t now_ms, int64_t ret_ms[static REPLAY_WISHES])
{
    char id[TRACE_TICKET_ID_MAX + 4];
    for (int k = 0; k < REPLAY_WISHES; k++) {
        struct match_waiter twin = *who; /* borrows who's lists: ghosts_add copies them */
        struct match_found found;
        const struct match_query q = {&twin.p, now_ms, MATCH_FROM_START, w->rules->candidates_max};
        widen(&twin.p, (enum wait_reason)(WAIT_REASON_DISTANCE + k));
        (void)snprintf(id, sizeof id, "%s+%d", who->id, k);
        twin.id = id;
        twin.key_ms = match_supply_key_ms(supply, w->rules, &twin, now_ms);
        match_index_best(ix, &q, &found);
        ret_ms[k] = found.slot != MATCH_NO_SLOT ? 0 : REPLAY_NO_WAIT;
        if (found.slot == MATCH_NO_SLOT && ghosts_add(w->ghosts, &twin) < 0)
            return -ENOMEM;
    }
    return 0;
}

struct telling {
    wish_true_fn fn;
    void *arg;
};

static void tell(void *arg, const char *id, int64_t created_ms)
{
    const struct telling *t = arg;
    t->fn(t->arg, id, atoi(strchr(id, '+') + 1), created_ms);
}

void wishes_arrival(struct wishes *w, const struct match_profile *who, const struct match_waiter *partner,
                    int64_t now_ms, wish_true_fn fn, void *arg)
{
    struct telling t = {fn, arg};
    ghosts_arrival(w->ghosts, who, partner, now_ms, tell, &t);
}
