/*
 * match_rules - the compatibility of two people.
 *
 * Every rule is asked in both directions here and nowhere else, so that no caller can check one side only. It refuses
 * to look at anything but the two profiles and the time.
 */
#include "match_rules.h"

#include "place.h"

static const struct match_preset {
    const char *name;
    double ms_per_km, default_max_km;
    int level_span;
    int64_t presence_ms, expires_ms, pending_ms, rematch_ms;
    bool own_timers; /* presence and pending come from the preset, not from the section */
} match_presets[] = {
    {"speed", 1000, 0, -1, 30000, 3600000, 60000, 300000, false},
    /* Nearest first: a metre outweighs a quarter of an hour of seniority. 25 miles. */
    {"wingman", 1e9, 40.2336, 1, 0, 2 * CONF_DAY_MS, 2 * CONF_DAY_MS, 7 * CONF_DAY_MS, true},
};

static const char *const match_policies[] = {"greedy", "fcfs", "max"};

const char *match_policy_name(enum match_policy policy)
{
    return match_policies[policy];
}

static int find_policy(const char *name, enum match_policy *ret_policy)
{
    for (size_t i = 0; i < ARRAY_LEN(match_policies); i++) {
        if (strcmp(name, match_policies[i]) == 0) {
            *ret_policy = (enum match_policy)i;
            return 0;
        }
    }
    return -EINVAL;
}

static const struct match_preset *find_preset(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(match_presets); i++)
        if (strcmp(name, match_presets[i].name) == 0)
            return &match_presets[i];
    return NULL;
}

int match_rules_load(struct match_rules *r, const struct conf_match *conf, struct err *e)
{
    enum match_policy policy;
    const struct match_preset *preset = find_preset(conf->preset);
    if (!preset)
        return err_set(e, ERR_BAD_CONFIG, "match.preset is \"%s\"; allowed: speed, wingman", conf->preset);
    if (find_policy(conf->policy, &policy) < 0)
        return err_set(e, ERR_BAD_CONFIG, "match.policy is \"%s\"; allowed: greedy, fcfs, max", conf->policy);
    if (strcmp(conf->duplicate, "replace") != 0 && strcmp(conf->duplicate, "refuse") != 0)
        return err_set(e, ERR_BAD_CONFIG, "match.duplicate is \"%s\"; allowed: replace, refuse", conf->duplicate);
    *r = (struct match_rules){
        .policy = policy,
        .replace = strcmp(conf->duplicate, "replace") == 0,
        .ms_per_km = policy == MATCH_FCFS ? 0 : preset->ms_per_km,
        .relax_after_ms = conf->relax_after,
        .relax_every_ms = conf->relax_every,
        .relax_stages = (unsigned)conf->relax_stages,
        .relax_years = (unsigned)conf->relax_years,
        .relax_percent = (unsigned)conf->relax_percent,
        .relax_regions_stage = (unsigned)conf->relax_regions_stage,
        .level_span = preset->level_span,
        .default_max_km = preset->default_max_km,
        .presence_ms = preset->own_timers ? preset->presence_ms : conf->presence,
        .expires_ms = conf->expires ? conf->expires : preset->expires_ms,
        .pending_ms = preset->own_timers ? preset->pending_ms : conf->pending_release,
        .rematch_ms = preset->rematch_ms,
        .cooldown_ms = 300000,
        .grace_ms = 10000,
        .round_deadline_ms = conf->round_deadline,
        .fairness_step = 10,
        .fairness_max = 20,
        .candidates_max = (uint32_t)conf->candidates_max,
    };
    return 0;
}

unsigned match_rules_stage(const struct match_rules *r, const struct match_profile *p, int64_t now_ms)
{
    int64_t waited = now_ms - p->created_ms;
    if (!(p->flags & MATCH_CONSENT_RELAX) || waited < r->relax_after_ms)
        return 0;
    int64_t stage = 1 + (waited - r->relax_after_ms) / r->relax_every_ms;
    return (unsigned)MIN_OF(stage, (int64_t)r->relax_stages);
}

int64_t match_rules_next_stage_ms(const struct match_rules *r, const struct match_profile *p, int64_t now_ms)
{
    unsigned stage = match_rules_stage(r, p, now_ms);
    if (!(p->flags & MATCH_CONSENT_RELAX) || stage >= r->relax_stages)
        return INT64_MAX;
    return p->created_ms + r->relax_after_ms + (int64_t)stage * r->relax_every_ms;
}

static bool excluded(const struct match_profile *a, const struct match_profile *b, int64_t now_ms)
{
    const struct match_lists *l = a->lists;
    if (!l || a->not_excluded >> (b->hash % 64) & 1)
        return false;
    for (uint32_t i = 0; i < l->n_excluded; i++)
        if (l->excluded[i].hash == b->hash && l->excluded[i].until_ms > now_ms)
            return true;
    return false;
}

static bool regions_meet(const struct match_lists *a, const struct match_lists *b)
{
    if (!a || !b || a->n_regions == 0 || b->n_regions == 0)
        return true;
    for (uint32_t i = 0; i < a->n_regions; i++)
        for (uint32_t j = 0; j < b->n_regions; j++)
            if (a->regions[i] == b->regions[j])
                return true;
    return false;
}

static bool ages_fit(const struct match_profile *a, const struct match_profile *b, unsigned years)
{
    unsigned low = a->age_min > MATCH_AGE_MIN + years ? a->age_min - years : MATCH_AGE_MIN;
    return b->age >= low && b->age <= a->age_max + years;
}

static bool distance_fits(double chord2, float max_chord, double percent)
{
    double far = (double)max_chord;
    return far == 0 || chord2 * 1e4 <= far * far * percent * percent;
}

/* Whether ranges widened by `stage` fit on both sides. */
static bool ranges_fit(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b,
                       unsigned stage)
{
    unsigned years = stage * r->relax_years;
    if (!ages_fit(a, b, years) || !ages_fit(b, a, years))
        return false;
    if (!(a->flags & b->flags & MATCH_PLACED))
        return true;
    double chord2 = place_chord2(a->pos, b->pos), percent = 100 + (double)stage * r->relax_percent;
    return distance_fits(chord2, a->max_chord, percent) && distance_fits(chord2, b->max_chord, percent);
}

/* Whether the soft rules allow the two at `stage` of both. */
static bool fit_at(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b,
                   unsigned stage)
{
    bool anywhere = r->relax_regions_stage > 0 && stage >= r->relax_regions_stage;
    return ranges_fit(r, a, b, stage) && (anywhere || regions_meet(a->lists, b->lists));
}

static bool levels_fit(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b)
{
    return r->level_span < 0 || a->level == MATCH_LEVEL_NONE || b->level == MATCH_LEVEL_NONE ||
           abs(a->level - b->level) <= r->level_span;
}

/* Every rule but those about whom one has met. */
static bool fit_as_strangers(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b,
                             int64_t now_ms, unsigned *ret_stage)
{
    if (!(a->seeking >> b->gender & 1) || !(b->seeking >> a->gender & 1) || a->hash == b->hash)
        return false;
    if (a->age < MATCH_AGE_MIN || b->age < MATCH_AGE_MIN || a->gone_ms <= now_ms || b->gone_ms <= now_ms)
        return false;
    *ret_stage = 0;
    if (!fit_at(r, a, b, 0)) {
        unsigned stage = match_rules_stage(r, a, now_ms);
        *ret_stage = stage ? MIN_OF(stage, match_rules_stage(r, b, now_ms)) : 0;
        if (*ret_stage == 0 || !fit_at(r, a, b, *ret_stage))
            return false;
    }
    return levels_fit(r, a, b);
}

bool match_rules_fit(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b,
                     int64_t now_ms, unsigned *ret_stage)
{
    unsigned stage;
    if (!fit_as_strangers(r, a, b, now_ms, &stage) || excluded(a, b, now_ms) || excluded(b, a, now_ms))
        return false;
    if (ret_stage)
        *ret_stage = stage;
    return true;
}

/* -- one against many ------------------------------------------------------------------------------------------------
 */

enum { SIEVE_FROM = 16 }; /* shorter lists are read as fast */

void match_seeker_init(struct match_seeker *s, const struct match_rules *r, const struct match_profile *who,
                       int64_t now_ms)
{
    s->rules = r;
    s->who = who;
    s->now_ms = now_ms;
    s->stage = match_rules_stage(r, who, now_ms);
    s->sieved = who->lists && who->lists->n_excluded >= SIEVE_FROM;
    if (!s->sieved)
        return;
    memset(s->met, 0, sizeof s->met);
    for (uint32_t i = 0; i < who->lists->n_excluded; i++) {
        uint64_t bit = who->lists->excluded[i].hash % MATCH_MET_BITS;
        s->met[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

bool match_seeker_may(const struct match_seeker *s, const struct match_brief *b)
{
    const struct match_profile *who = s->who;
    /* The stage of the two is at most who's, and a wider range never fits fewer. */
    unsigned stage = b->flags & MATCH_CONSENT_RELAX ? s->stage : 0, years = stage * s->rules->relax_years;
    if (b->age + years < who->age_min || b->age > who->age_max + years || who->age + years < b->age_min ||
        who->age > b->age_max + years)
        return false;
    if (!(who->flags & b->flags & MATCH_PLACED))
        return true;
    double chord2 = place_chord2(who->pos, b->pos), percent = 100 + (double)stage * s->rules->relax_percent;
    return distance_fits(chord2, who->max_chord, percent) && distance_fits(chord2, b->max_chord, percent);
}

bool match_seeker_fit(const struct match_seeker *s, const struct match_profile *b, unsigned *ret_stage)
{
    const uint64_t bit = b->hash % MATCH_MET_BITS;
    bool unmet = s->sieved && !(s->met[bit / 64] >> bit % 64 & 1);
    return fit_as_strangers(s->rules, s->who, b, s->now_ms, ret_stage) && (unmet || !excluded(s->who, b, s->now_ms)) &&
           !excluded(b, s->who, s->now_ms);
}

double match_rules_km(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b)
{
    if (!(a->flags & b->flags & MATCH_PLACED))
        return 0;
    double chord = __builtin_sqrt(place_chord2(a->pos, b->pos));
    return r->plane ? chord / 10 : place_ground_km(chord);
}
