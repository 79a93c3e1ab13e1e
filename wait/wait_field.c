/*
 * wait_field - who competes for whom: a sample of the people waiting, of those about to come, and probes of every
 * gender (docs/wait-model.md §2, "Field"). How that clears is wait_clear.c's.
 *
 * It refuses to enumerate classes of people: everything is a sum over persons, so any mix of genders needs no special
 * case. It refuses to grow: with many who fit each other fewer probes are looked at.
 */
#include "wait_model_impl.h"

#include "place.h"
#include <math.h>

#define LEAD_MAX_S 600.0 /* the largest head start a matcher gives */
#define LEAD_MIN_S 1.0
#define GOLDEN     0.6180339887
enum {
    EDGES_MIN = 16384,
    EDGES_MAX = 196608, /* pairs of a probe and a person, all genders together */
    TRIAL_PROBES = 32,  /* probes a gender that tell how many people one fits */
    INSERTION_MAX = 64, /* longer lists are sorted by qsort */
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
    m->scale = want ? total / want : 1;
    for (uint32_t i = 0; n < want; i++)
        if (wait_random(m) % (m->n_people - i) < want - n)
            m->field[n++] = (struct competitor){.who = m->people[i].who, .weight = (float)m->scale};
    m->n_field = n;
}

static void look_at_patience(struct wait_model *m)
{
    for (int g = 0; g < GENDER_COUNT; g++)
        patience_look(&m->sides[g].patience);
    for (uint32_t i = 0; i < m->n_field; i++) {
        const struct competitor *c = &m->field[i];
        patience_add_waiting(&m->sides[c->who.gender].patience, (double)(m->field_ms - c->who.joined_ms) / 1000,
                             (double)c->weight);
    }
}

static int by_key(const void *pa, const void *pb)
{
    const struct competitor *a = pa, *b = pb;
    return a->who.key_ms < b->who.key_ms ? -1 : a->who.key_ms > b->who.key_ms;
}

/* Only the latest arrivals tell what head start the next one gets: the matcher gives those who came before it knew the
 * pool a far larger one, and a newcomer believed to have that would seem to go before everybody. */
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

/* How many probes of this gender the edges' budget allows. */
static uint32_t affordable(struct wait_model *m, const struct side *s, uint32_t sides)
{
    uint32_t n = MIN_OF(s->n_recent, (uint32_t)FIELD_PROBES), fit = 0;
    if ((uint64_t)n * m->n_field <= EDGES_MAX / sides)
        return n;
    for (uint32_t i = 0; i < TRIAL_PROBES; i++) {
        const struct wait_person *who = &s->recent[wait_random(m) % s->n_recent];
        for (uint32_t j = 0; j < m->n_field; j++)
            fit += wait_fits(&m->field[j].who, who);
    }
    double each = fmax(1, 1.1 * fit / TRIAL_PROBES);
    return (uint32_t)fmin(n, fmax(TRIAL_PROBES, EDGES_MAX / sides / each));
}

/* The latest: the next ones have their head starts and their mix. */
static void choose_probes(struct side *s, uint32_t n, double now_s)
{
    for (uint32_t i = 0; i < n; i++) {
        s->probes[i].who = s->recent[(s->next_recent + WAIT_RECENT_MAX - 1 - i) % WAIT_RECENT_MAX];
        s->probes[i].rate = rate_now(&s->rate, now_s, NULL) / n;
    }
    s->n_probes = n;
    s->lead_s = newcomer_lead(s);
}

float wait_score(const struct wait_model *m, const struct wait_person *waits, const struct wait_person *comes)
{
    double s = (double)(waits->key_ms - m->field_ms) / 1000;
    if (m->price_s_per_km > 0 && waits->placed && comes->placed)
        s += m->price_s_per_km * sqrt(place_chord2(waits->pos, comes->pos));
    return (float)s;
}

static int by_score(const void *pa, const void *pb)
{
    const struct edge *a = pa, *b = pb;
    return a->score < b->score ? -1 : a->score > b->score;
}

/* People come in order of key: without a price of the way they are sorted already. */
static bool sorted(const struct edge edges[], uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (edges[i].score < edges[i - 1].score)
            return false;
    return true;
}

static void sort_edges(struct edge edges[], uint32_t n)
{
    if (n > INSERTION_MAX && !sorted(edges, n)) {
        qsort(edges, n, sizeof *edges, by_score);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        struct edge e = edges[i];
        uint32_t k = i;
        for (; k > 0 && edges[k - 1].score > e.score; k--) /* no step where sorted */
            edges[k] = edges[k - 1];
        edges[k] = e;
    }
}

static bool add_edge(struct wait_model *m, uint32_t person, float score)
{
    if (m->n_edges == m->cap_edges) {
        size_t cap = m->cap_edges ? MIN_OF(m->cap_edges * 2, (size_t)EDGES_MAX) : EDGES_MIN;
        struct edge *edges = cap > m->cap_edges ? realloc(m->edges, cap * sizeof *edges) : NULL;
        if (!edges)
            return false;
        m->edges = edges;
        m->cap_edges = cap;
    }
    m->edges[m->n_edges++] = (struct edge){.person = (uint16_t)person, .score = score};
    return true;
}

static void connect_probe(struct wait_model *m, struct probe *b)
{
    b->first = (uint32_t)m->n_edges;
    for (uint32_t j = 0; j < m->n_field; j++) {
        const struct wait_person *w = &m->field[j].who;
        if (w->hash != b->who.hash && wait_fits(w, &b->who) && !add_edge(m, j, wait_score(m, w, &b->who)))
            break;
    }
    b->n = (uint32_t)(m->n_edges - b->first);
    sort_edges(m->edges + b->first, b->n);
}

/* People who will come and, by their head start, go before some of those who are here. One stands for all of its kind
 * who come within that head start: nobody of its kind who comes later goes before anybody here. */
static void add_later(struct wait_model *m, const struct side *s, uint32_t want)
{
    double golden = 0;
    uint32_t n = MIN_OF(want, s->n_probes);
    for (uint32_t i = 0; i < n; i++) {
        const struct probe *b = &s->probes[(uint64_t)i * s->n_probes / n];
        double lead = fmin(LEAD_MAX_S, (double)(b->who.joined_ms - b->who.key_ms) / 1000);
        if (lead < LEAD_MIN_S)
            continue;
        golden = fmod(golden + GOLDEN, 1); /* spreads the times of coming evenly, whatever n */
        struct competitor c = {.who = b->who, .from_s = (float)(lead * golden), .probe = b};
        c.weight = (float)(b->rate * s->n_probes / n * lead);
        c.who.hash = 0;
        c.who.joined_ms = m->field_ms + (int64_t)((double)c.from_s * 1000);
        c.who.key_ms = c.who.joined_ms - (int64_t)(lead * 1000);
        m->field[m->n_field++] = c;
    }
}

void wait_field_refresh(struct wait_model *m, int64_t now_ms)
{
    uint32_t sides = 0;
    m->field_ms = now_ms;
    sample_people(m);
    look_at_patience(m);
    for (int g = 0; g < GENDER_COUNT; g++)
        sides += m->sides[g].n_recent > 0;
    for (int g = 0; g < GENDER_COUNT; g++)
        if (m->sides[g].n_recent > 0)
            choose_probes(&m->sides[g], affordable(m, &m->sides[g], sides), (double)now_ms / 1000);
    for (int g = 0; g < GENDER_COUNT; g++)
        if (m->sides[g].n_probes > 0)
            add_later(m, &m->sides[g], FIELD_LATER / sides);
    qsort(m->field, m->n_field, sizeof m->field[0], by_key);
    m->n_edges = 0;
    for (int g = 0; g < GENDER_COUNT; g++)
        for (uint32_t i = 0; i < m->sides[g].n_probes; i++)
            connect_probe(m, &m->sides[g].probes[i]);
    wait_clear(m);
}
