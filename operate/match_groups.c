/*
 * match_groups - see match_groups.h. Refuses to rely on what was published: an older supervisor hides less.
 */
#include "match_groups.h"

#include "gender.h"
#include "small_groups.h"

/* The rule is the supervisor's (small_groups.h). An empty group is one of fewer than MATCH_GROUP_MIN to whoever looks.
 */
static void tell(const int64_t counts[], size_t n, uint64_t ret_counts[], bool ret_told[])
{
    for (size_t i = 0; i < n; i++)
        ret_counts[i] = (uint64_t)MAX_OF(counts[i], (int64_t)0);
    small_groups_told(ret_counts, n, ret_told);
}

void match_groups_shown(const int64_t counts[], size_t n, bool ret_shown[])
{
    uint64_t people[MATCH_GROUPS_MAX] = {0};
    tell(counts, n, people, ret_shown);
    for (size_t i = 0; i < n; i++)
        ret_shown[i] = ret_shown[i] && counts[i] >= MATCH_GROUP_MIN;
}

int64_t match_groups_from(const int64_t counts[], size_t n, size_t i)
{
    uint64_t people[MATCH_GROUPS_MAX] = {0};
    bool told[MATCH_GROUPS_MAX] = {0};
    tell(counts, n, people, told);
    return told[i] ? -1 : small_groups_from(people, told, n, i);
}

static int64_t count_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? (int64_t)json_number_value(value) : -1;
}

/* Leaves of a cell's count that it is at least `from`; negative: nothing. */
static void hide_waiting(json_t *cell, int64_t from)
{
    if (count_of(cell, "waiting") >= 0 && from >= 0)
        (void)json_object_set_new(cell, "waitingFrom", json_integer(from));
    (void)json_object_set_new(cell, "waiting", json_null());
}

/* Hides counts of genderDistribution; tells whose was left, what may be said of the others, and how many are "other".
 */
static void hide_genders(json_t *genders, bool ret_shown[static GENDER_COUNT], int64_t ret_from[static GENDER_COUNT],
                         int64_t *ret_other)
{
    /* "other" holds nonbinary people too. */
    static const char *const names[] = {"male", "female", "other", "unknown"};
    int64_t counts[ARRAY_LEN(names)];
    bool shown[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        counts[i] = count_of(genders, names[i]);
    match_groups_shown(counts, ARRAY_LEN(names), shown);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!shown[i] && counts[i] >= 0)
            (void)json_object_set_new(genders, names[i], json_null());
    if (genders != NULL && (!shown[0] || !shown[1]))
        (void)json_object_set_new(genders, "ratio", json_null());
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        size_t at = g == GENDER_MALE ? 0 : g == GENDER_FEMALE ? 1 : g == GENDER_UNKNOWN ? 3 : 2;
        ret_shown[g] = shown[at];
        ret_from[g] = at == 2 ? -1 : match_groups_from(counts, ARRAY_LEN(names), at);
    }
    *ret_other = counts[2];
}

static bool is_whole(const json_t *cell)
{
    return !json_is_array(json_object_get(cell, "seeking"));
}

static int gender_of(const json_t *cell)
{
    const char *name = json_string_value(json_object_get(cell, "gender"));
    return name != NULL ? gender_by_name(name) : -1;
}

/* Nonbinary people and others share one published count: what one of them is tells the other. */
static void hide_in_other(json_t *nonbinary, json_t *other, int64_t both, bool shown)
{
    int64_t n = count_of(nonbinary != NULL ? nonbinary : other, "waiting");
    const int64_t counts[] = {n, MAX_OF(both - n, (int64_t)0)};
    bool may[2];
    match_groups_shown(counts, ARRAY_LEN(counts), may);
    json_t *cells[] = {nonbinary, other};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        if (cells[i] != NULL && (!shown || !may[cells[i] == nonbinary || nonbinary == NULL ? 0 : 1]))
            hide_waiting(cells[i], shown ? match_groups_from(counts, ARRAY_LEN(counts),
                                                             cells[i] == nonbinary || nonbinary == NULL ? 0 : 1)
                                         : -1);
}

/* Hides who seeks what within one gender whose whole cell may be shown or not. */
static void hide_seekers(json_t *estimates, int gender, const json_t *whole, bool told)
{
    json_t *cells[MATCH_GROUPS_MAX];
    int64_t counts[MATCH_GROUPS_MAX], rest = count_of(whole, "waiting");
    bool shown[MATCH_GROUPS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(estimates) && n < MATCH_GROUPS_MAX - 1; i++) {
        json_t *cell = json_array_get(estimates, i);
        if (is_whole(cell) || gender_of(cell) != gender)
            continue;
        counts[n] = count_of(cell, "waiting");
        rest -= MAX_OF(counts[n], (int64_t)0);
        cells[n++] = cell;
    }
    counts[n] = MAX_OF(rest, (int64_t)0); /* who seek something else */
    match_groups_shown(counts, n + 1, shown);
    for (size_t i = 0; i < n; i++)
        if (!shown[i] || !told)
            hide_waiting(cells[i], told ? match_groups_from(counts, n + 1, i) : -1);
}

static void hide_cells(json_t *estimates, const int64_t from[static GENDER_COUNT], int64_t other,
                       const bool shown[static GENDER_COUNT], bool ret_known[static GENDER_COUNT])
{
    json_t *whole[GENDER_COUNT] = {NULL};
    for (size_t i = 0; i < json_array_size(estimates); i++) {
        json_t *cell = json_array_get(estimates, i);
        int gender = gender_of(cell);
        if (gender >= 0 && is_whole(cell))
            whole[gender] = cell;
    }
    for (int g = 0; g < GENDER_COUNT; g++) {
        ret_known[g] = whole[g] != NULL;
        hide_seekers(estimates, g, whole[g], shown[g]);
        if (whole[g] != NULL && !shown[g])
            hide_waiting(whole[g], from[g]);
    }
    hide_in_other(whole[GENDER_NONBINARY], whole[GENDER_OTHER], other, shown[GENDER_OTHER]);
}

/* Members by gender, of those without an estimate. */
static void hide_members(json_t *object, const bool known[static GENDER_COUNT])
{
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        if (!known[g] && json_object_get(object, gender_name(g)) != NULL)
            (void)json_object_set_new(object, gender_name(g), json_null());
}

/* Of an array of genders, those of whom nothing may be said are taken out. */
static void hide_classes(json_t *classes, const bool known[static GENDER_COUNT])
{
    for (size_t i = json_array_size(classes); i-- > 0;) {
        int gender = gender_of(json_array_get(classes, i));
        if (gender < 0 || !known[gender])
            (void)json_array_remove(classes, i);
    }
}

static void hide_balance(json_t *balance, const bool known[static GENDER_COUNT])
{
    static const char *const of_both[] = {"femalePerMale", "scarce", "recommendedScarcePerMinute"};
    const char *name;
    json_t *value;
    json_object_foreach(balance, name, value) hide_members(value, known);
    hide_classes(json_object_get(balance, "classes"), known);
    for (size_t i = 0; i < ARRAY_LEN(of_both) && !(known[GENDER_MALE] && known[GENDER_FEMALE]); i++)
        if (json_object_get(balance, of_both[i]) != NULL)
            (void)json_object_set_new(balance, of_both[i], json_null());
}

void match_groups_hide(json_t *stats)
{
    bool shown[GENDER_COUNT], known[GENDER_COUNT];
    int64_t from[GENDER_COUNT], other;
    hide_genders(json_object_get(stats, "genderDistribution"), shown, from, &other);
    hide_cells(json_object_get(stats, "estimates"), from, other, shown, known);
    hide_balance(json_object_get(stats, "balance"), known);
}

/* Genders of which the published balance speaks. */
static void shown_classes(const json_t *classes, bool ret_known[static GENDER_COUNT])
{
    memset(ret_known, 0, GENDER_COUNT * sizeof ret_known[0]);
    for (size_t i = 0; i < json_array_size(classes); i++) {
        int gender = gender_of(json_array_get(classes, i));
        if (gender >= 0)
            ret_known[gender] = true;
    }
}

void match_groups_hide_balance(json_t *balance, const json_t *published)
{
    bool known[GENDER_COUNT];
    const char *name;
    json_t *value, *ours;
    json_object_foreach((json_t *)(uintptr_t)published, name, value)
    {
        ours = json_object_get(balance, name);
        if (json_is_object(value) && json_is_object(ours))
            match_groups_hide_balance(ours, value);
        else if (json_is_array(value)) {
            shown_classes(value, known);
            hide_classes(ours, known);
        } else if (json_is_null(value) && ours != NULL)
            (void)json_object_set_new(balance, name, json_null());
    }
}
