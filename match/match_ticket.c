/*
 * match_ticket - one reader per field, in a table.
 *
 * It refuses to repair: a field of the wrong type or outside its range, and a field nobody knows, are named and the
 * ticket is dropped. Only a created_ms in the future is cut to now, because clocks differ.
 */
#include "match_ticket.h"

#include "place.h"
#include "ticket_hash.h"
#include <math.h>

struct reading {
    const struct match_rules *rules;
    const char *pool;
    int64_t now_ms;
    struct match_waiter w;
    struct match_lists *lists;
    double lat, lon, max_km;
    bool has_id, has_created, has_gender, has_seeking, has_age, has_lat, has_lon;
    int64_t expires_ms;
};

static bool name_valid(const char *s, size_t max, const char *extra)
{
    size_t n = strlen(s);
    if (n == 0 || n >= max)
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr(extra, *s)))
            return false;
    return true;
}

bool match_ticket_id_valid(const char *id)
{
    return name_valid(id, MATCH_ID_MAX, "._:@-");
}

bool match_ticket_pool_valid(const char *pool)
{
    return name_valid(pool, MATCH_POOL_MAX, "._-");
}

/* -- one function a field: 0 or -EINVAL, or -ENOMEM -------------------------------------------------------------------
 */

static int whole(const json_t *v, int64_t low, int64_t high, int64_t *ret)
{
    if (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high)
        return -EINVAL;
    *ret = json_integer_value(v);
    return 0;
}

static int read_id(struct reading *r, const json_t *v)
{
    const char *id = json_string_value(v);
    if (!id || json_string_length(v) != strlen(id) || !match_ticket_id_valid(id))
        return -EINVAL;
    r->w.id = strdup(id);
    r->w.p.hash = ticket_hash(r->pool, id);
    r->has_id = true;
    return r->w.id ? 0 : -ENOMEM;
}

static int read_created(struct reading *r, const json_t *v)
{
    int64_t at;
    if (whole(v, 1, INT64_C(1) << 50, &at) < 0)
        return -EINVAL;
    r->w.p.created_ms = MIN_OF(at, r->now_ms);
    r->has_created = true;
    return 0;
}

static int read_gender(struct reading *r, const json_t *v)
{
    int g = json_is_string(v) ? gender_by_name(json_string_value(v)) : -1;
    if (g < 0)
        return -EINVAL;
    r->w.p.gender = (uint8_t)g;
    r->has_gender = true;
    return 0;
}

static int read_seeking(struct reading *r, const json_t *v)
{
    size_t i;
    json_t *item;
    if (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > GENDER_COUNT + 1)
        return -EINVAL;
    json_array_foreach((json_t *)(uintptr_t)v, i, item)
    {
        const char *name = json_string_value(item);
        int g = name && strcmp(name, "any") == 0 ? GENDER_COUNT : name ? gender_by_name(name) : -1;
        if (g < 0)
            return -EINVAL;
        r->w.p.seeking |= (uint8_t)(g == GENDER_COUNT ? GENDER_ALL : 1 << g);
    }
    r->has_seeking = true;
    return 0;
}

static int read_age_into(const json_t *v, uint8_t *ret)
{
    int64_t age;
    if (whole(v, MATCH_AGE_MIN, MATCH_AGE_MAX, &age) < 0)
        return -EINVAL;
    *ret = (uint8_t)age;
    return 0;
}

static int read_age(struct reading *r, const json_t *v)
{
    r->has_age = true;
    return read_age_into(v, &r->w.p.age);
}

static int read_age_min(struct reading *r, const json_t *v)
{
    return read_age_into(v, &r->w.p.age_min);
}

static int read_age_max(struct reading *r, const json_t *v)
{
    return read_age_into(v, &r->w.p.age_max);
}

static int number(const json_t *v, double low, double high, double *ret)
{
    if (!json_is_number(v) || !(json_number_value(v) >= low && json_number_value(v) <= high))
        return -EINVAL;
    *ret = json_number_value(v);
    return 0;
}

static int read_lat(struct reading *r, const json_t *v)
{
    r->has_lat = true;
    return number(v, -90, 90, &r->lat);
}

static int read_lon(struct reading *r, const json_t *v)
{
    r->has_lon = true;
    return number(v, -180, 180, &r->lon);
}

static int read_max_km(struct reading *r, const json_t *v)
{
    return number(v, 0.001, 20038, &r->max_km);
}

static int read_regions(struct reading *r, const json_t *v)
{
    size_t i;
    json_t *item;
    if (!json_is_array(v) || json_array_size(v) > MATCH_REGIONS_MAX)
        return -EINVAL;
    r->lists->n_regions = 0;
    json_array_foreach((json_t *)(uintptr_t)v, i, item)
    {
        if (!json_is_string(item) || json_string_length(item) == 0 || json_string_length(item) > MATCH_REGION_MAX)
            return -EINVAL;
        r->lists->regions[r->lists->n_regions++] = ticket_hash_text(json_string_value(item));
    }
    return 0;
}

static int read_level(struct reading *r, const json_t *v)
{
    int64_t level;
    if (whole(v, -1000, 1000, &level) < 0)
        return -EINVAL;
    r->w.p.level = (int16_t)level;
    return 0;
}

static int read_names(struct reading *r, const json_t *v)
{
    size_t i;
    json_t *item;
    if (!json_is_array(v) || json_array_size(v) > MATCH_NAMES_MAX)
        return -EINVAL;
    json_array_foreach((json_t *)(uintptr_t)v, i, item)
    {
        const char *id = json_string_value(item);
        if (!id || !match_ticket_id_valid(id))
            return -EINVAL;
        r->lists->excluded[r->lists->n_excluded++] =
            (struct match_excluded){.hash = ticket_hash(r->pool, id), .until_ms = INT64_MAX};
    }
    return 0;
}

static int read_fairness(struct reading *r, const json_t *v)
{
    int64_t points;
    if (whole(v, 0, r->rules->fairness_max, &points) < 0)
        return -EINVAL;
    r->w.fairness = (unsigned)points;
    return 0;
}

static int read_presence(struct reading *r, const json_t *v)
{
    return whole(v, 1000, 30 * CONF_DAY_MS, &r->w.presence_ms);
}

static int read_expires(struct reading *r, const json_t *v)
{
    return whole(v, 1000, 30 * CONF_DAY_MS, &r->expires_ms);
}

static int read_consent(struct reading *r, const json_t *v)
{
    const char *key;
    json_t *item;
    if (!json_is_object(v))
        return -EINVAL;
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        unsigned flag = strcmp(key, "relax") == 0    ? MATCH_CONSENT_RELAX
                        : strcmp(key, "notify") == 0 ? MATCH_CONSENT_NOTIFY
                                                     : 0;
        if (!flag || !json_is_boolean(item))
            return -EINVAL;
        r->w.p.flags |= (uint8_t)(json_is_true(item) ? flag : 0);
    }
    return 0;
}

static int pass_over(struct reading *r, const json_t *v)
{
    (void)r;
    (void)v;
    return 0;
}

static const struct field {
    const char *name;
    int (*read)(struct reading *r, const json_t *v);
} fields[] = {
    {"id", read_id},
    {"created_ms", read_created},
    {"gender", read_gender},
    {"seeking", read_seeking},
    {"age", read_age},
    {"age_min", read_age_min},
    {"age_max", read_age_max},
    {"lat", read_lat},
    {"lon", read_lon},
    {"max_km", read_max_km},
    {"regions", read_regions},
    {"level", read_level},
    {"blocked", read_names},
    {"recent", read_names},
    {"fairness", read_fairness},
    {"presence_ms", read_presence},
    {"expires_ms", read_expires},
    {"consent", read_consent},
    {"v", pass_over},
    {"op", pass_over},
    {"pool", pass_over},
};

/* -- the whole --------------------------------------------------------------------------------------------------------
 */

static int read_field(struct reading *r, const char *name, const json_t *v)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].read(r, v);
    return -EINVAL;
}

static const char *missing_field(const struct reading *r)
{
    const struct {
        bool there;
        const char *name;
    } needed[] = {{r->has_id, "id"}, {r->has_gender, "gender"}, {r->has_seeking, "seeking"}, {r->has_age, "age"}};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!needed[i].there)
            return needed[i].name;
    if (r->has_lat != r->has_lon)
        return r->has_lat ? "lon" : "lat";
    if (r->max_km > 0 && !r->has_lat)
        return "max_km";
    return r->w.p.age_max < r->w.p.age_min ? "age_max" : NULL;
}

static void set_place(const struct match_rules *rules, double lat, double lon, float ret_pos[static 3])
{
    if (rules->plane)
        place_plane_of(lat, lon, ret_pos);
    else
        place_of(lat, lon, ret_pos);
}

static float chord_of(const struct match_rules *rules, double km)
{
    return (float)(rules->plane ? rint(km * 10) : place_chord_km(km));
}

static void settle(struct reading *r)
{
    struct match_waiter *w = &r->w;
    double km = r->max_km > 0 ? r->max_km : r->rules->default_max_km;
    if (r->has_lat) {
        set_place(r->rules, r->lat, r->lon, w->p.pos);
        w->p.flags |= MATCH_PLACED;
        w->p.max_chord = km > 0 ? chord_of(r->rules, km) : 0;
    }
    w->touched_ms = r->now_ms;
    w->expires_ms = r->now_ms + MIN_OF(r->expires_ms, r->rules->expires_ms);
    match_waiter_gone(w);
}

static void set_field(char ret_field[static MATCH_FIELD_MAX], const char *name)
{
    size_t n = MIN_OF(strlen(name), (size_t)MATCH_FIELD_MAX - 1);
    memcpy(ret_field, name, n);
    ret_field[n] = '\0';
}

static int read_all(struct reading *r, const json_t *object, char ret_field[static MATCH_FIELD_MAX])
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, name, v)
    {
        int rc = read_field(r, name, v);
        if (rc < 0) {
            set_field(ret_field, name);
            return rc;
        }
    }
    const char *missing = missing_field(r);
    if (missing) {
        set_field(ret_field, missing);
        return -EINVAL;
    }
    settle(r);
    return 0;
}

/* Most tickets have no lists: they carry none. Others keep no more than they use. */
static int trim_lists(struct match_lists **l)
{
    if ((*l)->n_regions == 0 && (*l)->n_excluded == 0) {
        free(*l);
        *l = NULL;
        return 0;
    }
    struct match_lists *trimmed = realloc(*l, sizeof **l + (*l)->n_excluded * sizeof(*l)->excluded[0]);
    if (!trimmed)
        return -ENOMEM;
    *l = trimmed;
    return 0;
}

int match_ticket_parse(const json_t *object, const struct match_rules *rules, const char *pool, int64_t now_ms,
                       struct match_ticket *ret, char ret_field[static MATCH_FIELD_MAX])
{
    struct reading r = {.rules = rules, .pool = pool, .now_ms = now_ms, .expires_ms = rules->expires_ms};
    if (!json_is_object(object)) {
        set_field(ret_field, "ticket");
        return -EINVAL;
    }
    r.w.p = (struct match_profile){
        .created_ms = now_ms, .age_min = MATCH_AGE_MIN, .age_max = MATCH_AGE_MAX, .level = MATCH_LEVEL_NONE};
    r.w.presence_ms = rules->presence_ms;
    r.lists = calloc(1, sizeof *r.lists + 2 * MATCH_NAMES_MAX * sizeof r.lists->excluded[0]);
    int rc = r.lists ? read_all(&r, object, ret_field) : -ENOMEM;
    if (rc == 0)
        rc = trim_lists(&r.lists);
    if (rc < 0) {
        free(r.lists);
        free(r.w.id);
        return rc;
    }
    r.w.p.lists = r.lists;
    r.w.p.not_excluded = UINT64_MAX;
    for (uint32_t i = 0; r.lists && i < r.lists->n_excluded; i++)
        r.w.p.not_excluded &= ~(UINT64_C(1) << r.lists->excluded[i].hash % 64);
    *ret = (struct match_ticket){.w = r.w, .has_created = r.has_created};
    return 0;
}

int match_ticket_keep(struct match_ticket *t, const json_t *object)
{
    t->body = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    return t->body ? 0 : -ENOMEM;
}

void match_ticket_fini(struct match_ticket *t)
{
    match_waiter_fini(&t->w);
    free(t->body);
    t->body = NULL;
}

/* The entry to give up when the list is full: that which ends first, the oldest of them. */
static uint32_t soonest(const struct match_lists *l)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < l->n_excluded; i++)
        if (l->excluded[i].until_ms < l->excluded[first].until_ms)
            first = i;
    return first;
}

int match_ticket_exclude(struct match_waiter *w, uint64_t hash, int64_t until_ms)
{
    struct match_lists *l = w->p.lists;
    uint32_t n = l ? l->n_excluded : 0;
    for (uint32_t i = 0; i < n; i++) {
        if (l->excluded[i].hash == hash) {
            l->excluded[i].until_ms = MAX_OF(l->excluded[i].until_ms, until_ms);
            return 0;
        }
    }
    w->p.not_excluded = (l ? w->p.not_excluded : UINT64_MAX) & ~(UINT64_C(1) << hash % 64);
    if (n == MATCH_EXCLUDED_MAX) {
        uint32_t gone = soonest(l);
        memmove(l->excluded + gone, l->excluded + gone + 1, (n - gone - 1) * sizeof l->excluded[0]);
        l->excluded[n - 1] = (struct match_excluded){hash, until_ms};
        return 0;
    }
    struct match_lists *grown = realloc(l, sizeof *l + (n + 1) * sizeof l->excluded[0]);
    if (!grown)
        return -ENOMEM;
    if (!l)
        grown->n_regions = 0;
    grown->n_excluded = n + 1;
    grown->excluded[n] = (struct match_excluded){hash, until_ms};
    w->p.lists = grown;
    return 0;
}
