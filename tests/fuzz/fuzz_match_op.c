/*
 * fuzz_match_op - any bytes as a match job's payload, played on a small pool: refused by name, or everybody is in one
 * place afterwards.
 */
#include "match_round.h"
#include "ticket_hash.h"

static const struct match_rules rules = {.policy = MATCH_MAX,
                                         .replace = true,
                                         .ms_per_km = 1000,
                                         .relax_after_ms = 1000,
                                         .relax_every_ms = 1000,
                                         .relax_stages = 5,
                                         .relax_years = 1,
                                         .relax_percent = 10,
                                         .relax_regions_stage = 5,
                                         .level_span = 1,
                                         .presence_ms = 30000,
                                         .expires_ms = 3600000,
                                         .pending_ms = 60000,
                                         .rematch_ms = 300000,
                                         .cooldown_ms = 300000,
                                         .grace_ms = 10000,
                                         .round_deadline_ms = 5000,
                                         .fairness_step = 10,
                                         .fairness_max = 20,
                                         .candidates_max = 4096};

/* Each line is one payload; all are one round. */
static void play(struct match_round *r, const char *text, size_t size)
{
    uint32_t number = 0;
    for (size_t from = 0, i = 0; i <= size && number < 64; i++) {
        struct match_op op;
        struct match_reply reply;
        struct err e;
        if (i < size && text[i] != '\n')
            continue;
        if (match_op_parse(text + from, i - from, &op, &e) == 0) {
            if (match_round_apply(r, &op, number++, r->now_ms, &reply) < 0)
                abort();
            match_op_fini(&op);
        }
        from = i + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct match_supply supply;
    struct match_round r;
    struct match_index *ix = match_index_new(&rules);
    supply = (struct match_supply){0};
    if (!ix || match_round_init(&r, &rules, ix, &supply, "p", INT64_C(1700000000000), 1) < 0)
        abort();
    play(&r, (const char *)data, size);
    if (match_round_finish(&r) < 0)
        abort();
    for (uint32_t i = 0; i < r.n_parties; i++) {
        const struct match_party *p = &r.parties[i];
        bool waits = match_index_find(ix, p->id) != MATCH_NO_SLOT;
        if (waits != (p->state == MATCH_WAITING))
            abort();
        const struct match_pairing *pair = p->state == MATCH_MATCHED ? &r.pairings[p->pair] : NULL;
        if (pair && (pair->dropped || (pair->party[0] != i && pair->party[1] != i)))
            abort();
    }
    match_round_fini(&r);
    match_index_free(ix);
    return 0;
}
