/*
 * wait_field - how the present queue clears: the mean-field look-ahead of docs/wait-model.md §4.
 *
 * For a sample of the people waiting and probes of every gender, on the grid s_k = 1200 (k/24)²:
 *   m_b = f Σ_{j∈A_b} p_j        people still there who want probe b's kind and go before a newcomer
 *   C_b = e^(−m_b)               nobody of them is there
 *   l_j = Σ_b r_b (1 − C_b)/m_b  matching rate of waiter j
 *   p_j ← p_j exp(−l_j ds − ΔH)  ΔH from the patience of j's gender at j's age in queue
 * It refuses to enumerate classes of people: everything is a sum over persons, so any mix of genders needs no special
 * case.
 */
#include "wait_model_impl.h"

#include <math.h>

enum { EDGES_MIN = 65536, EDGES_MAX = FIELD_SAMPLE * FIELD_PROBES * GENDER_COUNT };

struct clearing {
    struct wait_model *m;
    double p[FIELD_SAMPLE], rate[FIELD_SAMPLE], patience[FIELD_SAMPLE], age_s[FIELD_SAMPLE];
};

/* A fair sample without repetition: Knuth's algorithm S. */
static void sample_people(struct wait_model *m)
{
    uint32_t want = MIN_OF(m->n_people, (uint32_t)FIELD_SAMPLE), n = 0;
    uint64_t marked = 0;
    for (int g = 0; g < GENDER_COUNT; g++)
        marked += m->sides[g].marked;
    /* When not everybody fits into the table, the worker's count says how many there are. */
    double total = m->n_people == WAIT_PEOPLE_MAX ? fmax((double)marked, m->n_people) : m->n_people;
    for (uint32_t i = 0; n < want; i++)
        if (wait_random(m) % (m->n_people - i) < want - n)
            m->field[n++] = m->people[i].who;
    m->n_field = n;
    m->scale = n ? total / n : 1;
}

/* Only the latest arrivals tell what head start the next one gets: the matcher gives those who came before it knew the pool
 * a far larger one, and a newcomer believed to have that would seem to go before everybody. */
static double newcomer_lead(const struct side *s)
{
    uint32_t n = MIN_OF(s->n_recent, (uint32_t)CELL_AVERAGE);
    double lead = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct wait_person *who = &s->recent[(s->next_recent + WAIT_RECENT_MAX - 1 - i) % WAIT_RECENT_MAX];
        lead += (double)(who->joined_ms - who->key_ms) / 1000;
    }
    return n ? lead / n : 0;
}

static void sample_probes(struct wait_model *m, struct side *s, double now_s)
{
    uint32_t n = MIN_OF(s->n_recent, (uint32_t)FIELD_PROBES);
    for (uint32_t i = 0; i < n; i++) {
        /* All of them, or one at random out of each stretch of equal length. */
        uint32_t low = (uint32_t)((uint64_t)i * s->n_recent / n),
                 high = (uint32_t)((uint64_t)(i + 1) * s->n_recent / n);
        const struct wait_person *who = &s->recent[low + wait_random(m) % MAX_OF(high - low, 1U)];
        s->probes[i].who = *who;
        s->probes[i].rate = rate_now(&s->rate, now_s, NULL) / n;
    }
    s->n_probes = n;
    s->lead_s = newcomer_lead(s);
}

static bool add_edge(struct wait_model *m, uint32_t person)
{
    if (m->n_edges == m->cap_edges) {
        size_t cap = m->cap_edges ? MIN_OF(m->cap_edges * 2, (size_t)EDGES_MAX) : EDGES_MIN;
        uint16_t *edges = cap > m->cap_edges ? realloc(m->edges, cap * sizeof *edges) : NULL;
        if (!edges)
            return false;
        m->edges = edges;
        m->cap_edges = cap;
    }
    m->edges[m->n_edges++] = (uint16_t)person;
    return true;
}

/* Whom a newcomer has before it at each probe: those who fit the probe and whose key beats a newcomer's of their own
 * gender. */
static void connect_probes(struct wait_model *m, int64_t now_ms)
{
    m->n_edges = 0;
    for (int g = 0; g < GENDER_COUNT; g++) {
        struct side *s = &m->sides[g];
        for (uint32_t i = 0; i < s->n_probes; i++) {
            struct probe *b = &s->probes[i];
            b->first = (uint32_t)m->n_edges;
            for (uint32_t j = 0; j < m->n_field; j++) {
                const struct wait_person *w = &m->field[j];
                int64_t newcomer_ms = now_ms - (int64_t)(m->sides[w->gender].lead_s * 1000);
                if (w->key_ms <= newcomer_ms && wait_fits(w, &b->who) && !add_edge(m, j))
                    break;
            }
            b->n = (uint32_t)(m->n_edges - b->first);
        }
    }
}

static double mass(const struct clearing *c, const struct probe *b)
{
    double sum = 0;
    const uint16_t *edges = c->m->edges + b->first;
    for (uint32_t i = 0; i < b->n; i++)
        sum += c->p[edges[i]];
    return sum * c->m->scale;
}

/* Matching rates of all waiters at this instant; half a step of each probe's integral with them. */
static void rates_now(struct clearing *c, int k)
{
    memset(c->rate, 0, c->m->n_field * sizeof c->rate[0]);
    for (int g = 0; g < GENDER_COUNT; g++) {
        struct side *s = &c->m->sides[g];
        for (uint32_t i = 0; i < s->n_probes; i++) {
            struct probe *b = &s->probes[i];
            double m = mass(c, b), clear = exp(-m), each = b->rate * (m > 1e-9 ? (1 - clear) / m : 1);
            const uint16_t *edges = c->m->edges + b->first;
            for (uint32_t e = 0; e < b->n; e++)
                c->rate[edges[e]] += each;
            if (k > 0)
                b->clear[k] =
                    b->clear[k - 1] + (float)((clear + (double)b->noise) / 2 * (curve_grid(k) - curve_grid(k - 1)));
            b->noise = (float)clear; /* the last C_b, until the field is done */
        }
    }
}

static void advance(struct clearing *c, int k)
{
    double ds = curve_grid(k + 1) - curve_grid(k);
    for (uint32_t j = 0; j < c->m->n_field; j++) {
        const struct side *s = &c->m->sides[c->m->field[j].gender];
        double patience = patience_cumulative(&s->patience, c->age_s[j] + curve_grid(k + 1));
        c->p[j] *= exp(-c->rate[j] * ds - (patience - c->patience[j]));
        c->patience[j] = patience;
    }
}

static void set_noise(struct wait_model *m)
{
    for (int g = 0; g < GENDER_COUNT; g++) {
        for (uint32_t i = 0; i < m->sides[g].n_probes; i++) {
            struct probe *b = &m->sides[g].probes[i];
            double before = m->scale * b->n;
            b->noise =
                (float)(fmax(0, before - 0.5) / ((before + 1) * (before + 1)) + 1.5 * (1 - 1 / m->scale) / (1 + b->n));
        }
    }
}

void wait_field_refresh(struct wait_model *m, int64_t now_ms)
{
    struct clearing *c = malloc(sizeof *c);
    if (!c)
        return; /* the last field stays */
    c->m = m;
    sample_people(m);
    for (int g = 0; g < GENDER_COUNT; g++)
        sample_probes(m, &m->sides[g], (double)now_ms / 1000);
    connect_probes(m, now_ms);
    for (uint32_t j = 0; j < m->n_field; j++) {
        c->p[j] = 1;
        c->age_s[j] = fmax(0, (double)(now_ms - m->field[j].joined_ms) / 1000);
        c->patience[j] = patience_cumulative(&m->sides[m->field[j].gender].patience, c->age_s[j]);
    }
    for (int g = 0; g < GENDER_COUNT; g++)
        for (uint32_t i = 0; i < m->sides[g].n_probes; i++)
            m->sides[g].probes[i].clear[0] = 0;
    for (int k = 0; k <= CURVE_STEPS; k++) {
        rates_now(c, k);
        if (k < CURVE_STEPS)
            advance(c, k);
    }
    set_noise(m);
    free(c);
}
