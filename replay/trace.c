/*
 * trace - reading: one line, one object, one event.
 *
 * It refuses a file as a whole at the first line that is wrong, and names that line: half a trace would answer another
 * question than the one asked.
 */
#include "trace.h"

#include <stdio.h>

struct reading {
    const char *path;
    FILE *from;
    uint64_t line;
    int64_t last_ms;
    bool has_header;
    struct trace t;
};

static int bad(const struct reading *r, struct err *e, const char *what)
{
    return err_set(e, ERR_BAD_ARGUMENT, "%.300s, line %llu: %.500s", r->path, (unsigned long long)r->line, what);
}

/* -- memory ----------------------------------------------------------------------------------------------------------
 */

static int no_memory(struct err *e)
{
    return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the trace");
}

/* Room for one more of `size` bytes. */
static int room(void **array, size_t n, size_t *cap, size_t size, struct err *e)
{
    if (n < *cap)
        return 0;
    size_t grown_cap = *cap ? *cap * 2 : 1024;
    void *grown = reallocarray(*array, grown_cap, size);
    if (!grown)
        return no_memory(e);
    *array = grown;
    *cap = grown_cap;
    return 0;
}

static uint32_t *id_entry(const struct trace *t, int64_t id)
{
    uint32_t i = (uint32_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & t->by_id_mask;
    while (t->by_id[i] && t->persons[t->by_id[i] - 1].id != id)
        i = (i + 1) & t->by_id_mask;
    return &t->by_id[i];
}

static int ids_room(struct trace *t, struct err *e)
{
    if (t->by_id && t->n_persons * 2 < t->by_id_mask)
        return 0;
    uint32_t size = t->by_id ? (t->by_id_mask + 1) * 2 : 4096;
    uint32_t *grown = calloc(size, sizeof *grown);
    if (!grown)
        return no_memory(e);
    free(t->by_id);
    t->by_id = grown;
    t->by_id_mask = size - 1;
    for (uint32_t p = 0; p < t->n_persons; p++)
        *id_entry(t, t->persons[p].id) = p + 1;
    return 0;
}

uint32_t trace_find(const struct trace *t, int64_t id)
{
    return t->by_id ? *id_entry(t, id) - 1 : TRACE_NOBODY;
}

/* -- fields ----------------------------------------------------------------------------------------------------------
 */

/* A whole number in low..high; the line's fault is told. */
static int whole(const struct reading *r, const json_t *o, const char *name, int64_t low, int64_t high, int64_t *ret,
                 struct err *e)
{
    char text[200];
    const json_t *v = json_object_get(o, name);
    if (json_is_integer(v) && json_integer_value(v) >= low && json_integer_value(v) <= high) {
        *ret = json_integer_value(v);
        return 0;
    }
    (void)snprintf(text, sizeof text, "\"%s\" %s; needed: a whole number from %lld to %lld", name,
                   v ? "is not right" : "is missing", (long long)low, (long long)high);
    return bad(r, e, text);
}

static int read_header(struct reading *r, const json_t *o, struct err *e)
{
    struct trace *t = &r->t;
    const char *scenario = json_string_value(json_object_get(o, "scenario"));
    if (r->has_header)
        return bad(r, e, "a second header");
    int rc = whole(r, o, "horizon_ms", 1, TRACE_HORIZON_MAX_MS, &t->horizon_ms, e);
    t->score_to_ms = t->horizon_ms;
    if (rc == 0 && json_object_get(o, "score_from_ms"))
        rc = whole(r, o, "score_from_ms", 0, t->horizon_ms, &t->score_from_ms, e);
    if (rc == 0 && json_object_get(o, "score_to_ms"))
        rc = whole(r, o, "score_to_ms", t->score_from_ms, t->horizon_ms, &t->score_to_ms, e);
    if (rc == 0 && json_object_get(o, "seed"))
        rc = whole(r, o, "seed", -TRACE_ID_MAX, TRACE_ID_MAX, &t->seed, e);
    if (rc < 0)
        return rc;
    (void)snprintf(t->scenario, sizeof t->scenario, "%.64s", scenario ? scenario : "");
    r->has_header = true;
    return 0;
}

static int read_met(struct reading *r, const json_t *o, struct trace_person *p, struct err *e)
{
    const json_t *met = json_object_get(o, "hist");
    struct trace *t = &r->t;
    p->first_met = (uint32_t)t->n_met;
    if (met && (!json_is_array(met) || json_array_size(met) > TRACE_MET_MAX))
        return bad(r, e, "\"hist\" is not right; needed: an array of at most 256 ids");
    for (size_t i = 0; i < json_array_size(met); i++) {
        const json_t *id = json_array_get(met, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > TRACE_ID_MAX)
            return bad(r, e, "\"hist\" holds something that is no id");
        void *array = t->met;
        int rc = room(&array, t->n_met, &t->cap_met, sizeof *t->met, e);
        t->met = array;
        if (rc < 0)
            return rc;
        t->met[t->n_met++] = json_integer_value(id);
        p->n_met++;
    }
    return 0;
}

static int read_person(struct reading *r, const json_t *o, struct trace_person *p, struct err *e)
{
    int64_t n[8];
    static const struct {
        const char *name;
        int64_t low, high;
    } fields[] = {
        {"g", 0, GENDER_COUNT - 1},
        {"seek", 1, GENDER_ALL},
        {"age", 18, 120},
        {"amin", 18, 120},
        {"amax", 18, 120},
        {"x", -TRACE_PLACE_MAX_HM, TRACE_PLACE_MAX_HM},
        {"maxd", 1, TRACE_RADIUS_MAX_HM},
        {"y", -TRACE_PLACE_MAX_HM, TRACE_PLACE_MAX_HM},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        int rc = whole(r, o, fields[i].name, fields[i].low, fields[i].high, &n[i], e);
        if (rc < 0)
            return rc;
    }
    p->gender = (uint8_t)n[0];
    p->seeking = (uint8_t)n[1];
    p->age = (uint8_t)n[2];
    p->age_min = (uint8_t)n[3];
    p->age_max = (uint8_t)n[4];
    p->x_hm = (int32_t)n[5];
    p->max_hm = (int32_t)n[6];
    p->y_hm = (int32_t)n[7];
    p->relax = json_is_true(json_object_get(o, "relax"));
    if (p->age_max < p->age_min)
        return bad(r, e, "\"amax\" is below \"amin\"");
    return read_met(r, o, p, e);
}

static int add_event(struct reading *r, int64_t at_ms, uint32_t person, enum trace_event_type type, struct err *e)
{
    void *array = r->t.events;
    int rc = room(&array, r->t.n_events, &r->t.cap_events, sizeof *r->t.events, e);
    r->t.events = array;
    if (rc == 0)
        r->t.events[r->t.n_events++] = (struct trace_event){at_ms, person, type};
    return rc;
}

static int read_join(struct reading *r, const json_t *o, int64_t at_ms, int64_t id, struct err *e)
{
    struct trace *t = &r->t;
    struct trace_person p = {.id = id, .join_ms = at_ms, .leave_ms = TRACE_STAYS};
    size_t cap = t->cap_persons;
    int rc = ids_room(t, e);
    if (rc < 0)
        return rc;
    if (*id_entry(t, id))
        return bad(r, e, "this id has joined before");
    if (t->n_persons == TRACE_PERSONS_MAX)
        return bad(r, e, "more than 4000000 people");
    rc = read_person(r, o, &p, e);
    if (rc < 0)
        return rc;
    void *array = t->persons;
    rc = room(&array, t->n_persons, &cap, sizeof *t->persons, e);
    t->persons = array;
    t->cap_persons = (uint32_t)cap;
    if (rc < 0)
        return rc;
    uint32_t *entry = id_entry(t, id), person = t->n_persons++;
    t->persons[person] = p;
    *entry = person + 1;
    return add_event(r, at_ms, person, TRACE_JOIN, e);
}

static int read_leave(struct reading *r, int64_t at_ms, int64_t id, struct err *e)
{
    uint32_t person = trace_find(&r->t, id);
    if (person == TRACE_NOBODY)
        return bad(r, e, "somebody leaves who has not joined");
    if (r->t.persons[person].leave_ms != TRACE_STAYS)
        return bad(r, e, "this id has left before");
    r->t.persons[person].leave_ms = at_ms;
    return add_event(r, at_ms, person, TRACE_LEAVE, e);
}

static int read_object(struct reading *r, const json_t *o, struct err *e)
{
    const char *ev = json_string_value(json_object_get(o, "ev"));
    int64_t at_ms, id;
    if (ev && strcmp(ev, "header") == 0)
        return read_header(r, o, e);
    if (!r->has_header)
        return bad(r, e, "the first line must be the header: {\"ev\":\"header\",\"horizon_ms\":…}");
    if (!ev || (strcmp(ev, "join") != 0 && strcmp(ev, "leave") != 0))
        return bad(r, e, "\"ev\" is not right; needed: join or leave");
    int rc = whole(r, o, "t", 0, r->t.horizon_ms, &at_ms, e);
    if (rc == 0)
        rc = whole(r, o, "id", 0, TRACE_ID_MAX, &id, e);
    if (rc < 0)
        return rc;
    if (at_ms < r->last_ms)
        return bad(r, e, "\"t\" goes back: events must be in order of time");
    r->last_ms = at_ms;
    return strcmp(ev, "join") == 0 ? read_join(r, o, at_ms, id, e) : read_leave(r, at_ms, id, e);
}

/* -- lines -----------------------------------------------------------------------------------------------------------
 */

static int read_line(struct reading *r, const char *line, size_t n, struct err *e)
{
    json_error_t why;
    json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(o)) {
        json_decref(o);
        return bad(r, e, o ? "not a JSON object" : why.text);
    }
    int rc = read_object(r, o, e);
    json_decref(o);
    return rc;
}

/* One line into text (TRACE_LINE_MAX + 1 bytes). Its length; 0 at the end; a negative code when it is too long. */
static int next_line(struct reading *r, char *text, struct err *e)
{
    int n = 0, c;
    r->line++;
    while ((c = getc(r->from)) != EOF) {
        if (n == TRACE_LINE_MAX)
            return bad(r, e, "longer than 65536 bytes");
        text[n++] = (char)c;
        if (c == '\n')
            break;
    }
    if (ferror(r->from))
        return err_set_errno(e, errno, "%.300s cannot be read", r->path);
    return n;
}

static bool blank(const char *text, int n)
{
    return (int)strspn(text, " \t\r\n") >= n;
}

static int read_all(struct reading *r, struct err *e)
{
    AUTO_FREE char *text = malloc(TRACE_LINE_MAX + 1);
    if (!text)
        return no_memory(e);
    for (int n; (n = next_line(r, text, e)) != 0;) {
        if (n < 0)
            return n;
        text[n] = '\0';
        int rc = blank(text, n) ? 0 : read_line(r, text, (size_t)n, e);
        if (rc < 0)
            return rc;
    }
    if (!r->has_header)
        return err_set(e, ERR_BAD_ARGUMENT, "%.300s is empty: a trace begins with its header", r->path);
    return 0;
}

int trace_read(const char *path, struct trace *ret, struct err *e)
{
    struct reading r = {.path = path, .from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re")};
    *ret = (struct trace){0};
    if (!r.from && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "there is no file %.300s", path);
    if (!r.from)
        return err_set_errno(e, errno, "%.300s cannot be opened", path);
    int rc = read_all(&r, e);
    if (r.from != stdin)
        (void)fclose(r.from);
    if (rc < 0)
        trace_fini(&r.t);
    else
        *ret = r.t;
    return rc;
}

void trace_fini(struct trace *t)
{
    free(t->persons);
    free(t->events);
    free(t->met);
    free(t->by_id);
    *t = (struct trace){0};
}
