/*
 * replay_view - see replay_view.h. Refuses to estimate from nothing: an end is foretold once some letters have moved.
 */
#include "replay_view.h"

#include "clock.h"

#include <stdio.h>
#include <sys/ioctl.h>

enum { BAR = 20, REDRAW_MS = 100, RECORD_MS = 1000, LINE_MAX = 400, HELD_SHOWN = 10 };

int64_t replay_view_passed(const json_t *status)
{
    static const char *const counts[] = {"replayed", "guarded", "gone", "unique", "changed_letters", "not_json"};
    int64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        sum += json_number(status, counts[i], 0);
    return sum;
}

int64_t replay_view_ended(const json_t *status)
{
    return json_number(status, "succeeded", 0) + json_number(status, "failed", 0) + json_number(status, "dropped", 0);
}

int replay_view_code(const json_t *status)
{
    const char *state = json_text(status, "state");
    if (strcmp(state, "stopped") == 0 || strcmp(state, "paused") == 0)
        return EXIT_FAILED;
    bool guarded = json_number(status, "guarded", 0) + json_number(status, "unique", 0) > 0;
    return guarded || json_number(status, "not_json", 0) > 0 ? EXIT_REFUSED : EXIT_DONE;
}

void replay_view_init(struct replay_view *v, struct session *s)
{
    *v = (struct replay_view){.s = s, .began_ms = clock_mono_ms(), .began_at = -1};
}

json_t *replay_view_record(const struct replay_run *run, const json_t *status, const char *event)
{
    json_t *record = json_pack("{s:s, s:s}", "event", event, "queue", run->queue);
    (void)json_object_update(record, (json_t *)(uintptr_t)status);
    return record;
}

static size_t columns(const struct out *o)
{
    struct winsize size;
    int fd = fileno(o->remarks);
    return fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Adds a part when the line still has room for it. */
static void add(char line[static LINE_MAX], size_t room, const char *part)
{
    size_t used = strlen(line), width = out_width(line);
    if (*part != '\0' && width + out_width(part) + 2 < room && used + strlen(part) + 3 < LINE_MAX)
        (void)snprintf(line + used, LINE_MAX - used, "%s%s", used > 0 ? "  " : "", part);
}

/* Letters per second since this process took over; 0 while nothing is known. */
static double speed(const struct replay_view *v, int64_t passed)
{
    uint64_t took = clock_mono_ms() - v->began_ms;
    return took < 200 || passed <= v->began_at ? 0.0 : (double)(passed - v->began_at) * 1000.0 / (double)took;
}

static void add_ends(char line[static LINE_MAX], size_t room, const json_t *status)
{
    char part[96];
    (void)snprintf(part, sizeof part, "%lld succeeded", (long long)json_number(status, "succeeded", 0));
    add(line, room, part);
    (void)snprintf(part, sizeof part, "%lld died again", (long long)json_number(status, "failed", 0));
    add(line, room, part);
}

static void bulk_line(const struct replay_view *v, const json_t *status, size_t room, char line[static LINE_MAX])
{
    int64_t passed = replay_view_passed(status), total = MAX_OF(json_number(status, "selected", 0), (int64_t)1);
    size_t filled = (size_t)(MIN_OF(passed, total) * BAR / total);
    double per_second = speed(v, passed);
    char bar[BAR * 3 + 1] = "", part[96], eta[32];
    for (size_t i = 0; i < BAR; i++)
        (void)strcat(bar, i < filled ? "█" : "░");
    (void)snprintf(line, LINE_MAX, "replay %s %lld/%lld %lld %%", bar, (long long)passed, (long long)total,
                   (long long)(passed * 100 / total));
    if (per_second > 0) {
        (void)snprintf(part, sizeof part, per_second < 10 ? "%.1f/s" : "%.0f/s", per_second);
        add(line, room, part);
        (void)snprintf(part, sizeof part, "ETA %s", out_ms(eta, (int64_t)((double)(total - passed) * 1000.0 / per_second)));
        add(line, room, part);
    }
    add_ends(line, room, status);
}

static void canary_line(const json_t *status, size_t room, char line[static LINE_MAX])
{
    int64_t moved = json_number(status, "replayed", 0), ended = replay_view_ended(status);
    (void)snprintf(line, LINE_MAX, "canary: %lld of %lld ended", (long long)ended,
                   (long long)MAX_OF(moved, MIN_OF(json_number(status, "canary", 0), json_number(status, "selected", 0))));
    add_ends(line, room, status);
}

static void draw(struct replay_view *v, const json_t *status)
{
    char line[LINE_MAX] = "";
    const struct out *o = &v->s->out;
    size_t room = columns(o);
    bool canary = strcmp(json_text(status, "phase"), "canary") == 0;
    bool moves = strcmp(json_text(status, "state"), "running") == 0;
    if (canary)
        canary_line(status, room, line);
    else if (moves || replay_view_ended(status) == 0)
        bulk_line(v, status, room, line);
    else {
        (void)snprintf(line, sizeof line, "watching: %lld of %lld ended", (long long)replay_view_ended(status),
                       (long long)json_number(status, "replayed", 0));
        add_ends(line, room, status);
    }
    (void)fprintf(o->remarks, "\r%s\033[K", line);
    (void)fflush(o->remarks);
    v->drawn = true;
}

/* True when the state or the phase is another than last time. */
static bool is_news(struct replay_view *v, const json_t *status)
{
    const char *state = json_text(status, "state"), *phase = json_text(status, "phase");
    bool news = strcmp(v->last_state, state) != 0 || strcmp(v->last_phase, phase) != 0;
    (void)snprintf(v->last_state, sizeof v->last_state, "%s", state);
    (void)snprintf(v->last_phase, sizeof v->last_phase, "%s", phase);
    return news;
}

void replay_view_update(struct replay_view *v, const struct replay_run *run, const json_t *status)
{
    struct out *o = &v->s->out;
    uint64_t now = clock_mono_ms();
    bool was_canary = strcmp(v->last_phase, "canary") == 0, news = is_news(v, status);
    if (v->began_at < 0)
        v->began_at = replay_view_passed(status) - json_number(status, "moved", 0);
    if (news && was_canary && strcmp(v->last_phase, "bulk") == 0) {
        replay_view_end(v);
        out_remark(o, "canary passed: %lld of %lld succeeded, %lld died again; going on",
                   (long long)json_number(status, "succeeded", 0), (long long)json_number(status, "replayed", 0) -
                   json_number(status, "moved", 0), (long long)json_number(status, "failed", 0));
        v->began_ms = now;
        v->began_at = replay_view_passed(status);
    }
    if (!news && now - v->shown_ms < (o->json ? RECORD_MS : REDRAW_MS))
        return;
    v->shown_ms = now;
    if (o->json) {
        json_t *record = replay_view_record(run, status, "progress");
        out_json(o, record);
        json_decref(record);
    } else if (o->live && !o->quiet) {
        draw(v, status);
    }
}

void replay_view_end(struct replay_view *v)
{
    if (v->drawn)
        (void)fprintf(v->s->out.remarks, "\r\033[K");
    v->drawn = false;
}

/* What was left alone, with the first ids and what would change that. */
static void report_held(struct session *s, const struct replay_run *run, const json_t *status)
{
    static const struct {
        const char *count, *why;
    } rows[] = {
        {"guarded", "held back by the loop guard: replayed too often already (--guard N raises it)"},
        {"gone", "no dead letters any more: replayed or removed by somebody else"},
        {"unique", "held back because another job has their unique key"},
        {"changed_letters", "held back because they were changed while the run went on"},
        {"not_json", "held back because their payload is not JSON and cannot be patched"},
    };
    json_t *held = NULL;
    struct err e;
    int64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t n = json_number(status, rows[i].count, 0);
        sum += n;
        if (n > 0)
            out_remark(&s->out, "%lld %s", (long long)n, rows[i].why);
    }
    if (sum == 0 || replay_run_list(&s->stores, run, "held", s->out.json ? 1000 : HELD_SHOWN, &held, &e) < 0)
        return;
    for (size_t i = 0; i < json_array_size(held); i++) {
        const char *text = json_string_value(json_array_get(held, i));
        size_t why = strcspn(text, " ");
        if (s->out.json) {
            json_t *record = json_pack("{s:s, s:s, s:s, s:s%, s:s}", "event", "held", "queue", run->queue, "run", run->id,
                                       "why", text, why, "id", text[why] != '\0' ? text + why + 1 : "");
            out_json(&s->out, record);
            json_decref(record);
        } else {
            out_remark(&s->out, "  %s", text);
        }
    }
    json_decref(held);
}

void replay_view_report(struct session *s, const struct replay_run *run, const json_t *status, int64_t took_ms)
{
    const char *state = json_text(status, "state");
    char took[32];
    report_held(s, run, status);
    if (s->out.json) {
        json_t *record = replay_view_record(run, status, "end");
        (void)json_object_set_new(record, "took_ms", json_integer(took_ms));
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_line(&s->out, "%lld replayed in queue %s (%s, %s)", (long long)json_number(status, "replayed", 0), run->queue, state,
             out_ms(took, took_ms));
    if (replay_view_ended(status) > 0)
        out_line(&s->out, "  so far      %lld succeeded, %lld died again, %lld cancelled or expired",
                 (long long)json_number(status, "succeeded", 0), (long long)json_number(status, "failed", 0),
                 (long long)json_number(status, "dropped", 0));
    if (strcmp(state, "stopped") == 0)
        out_tinted(&s->out, TINT_RED, "  stopped     %s; %lld left where they were", json_text(status, "why"),
                   (long long)json_number(status, "left", 0));
    if (strcmp(state, "stopped") == 0 || strcmp(state, "paused") == 0)
        out_line(&s->out, "  go on       stint dlq replay resume %s", run->id);
    out_line(&s->out, "  watch       stint dlq replay status %s --follow", run->id);
    out_line(&s->out, "  undo        stint dlq replay --undo %s", run->id);
}

static void field(struct session *s, const char *label, const char *text)
{
    AUTO_FREE char *shown = out_harmless(text, strlen(text));
    if (shown != NULL && *text != '\0')
        out_line(&s->out, "  %-11s %s", label, shown);
}

static void when(struct session *s, const char *label, const json_t *status, const char *key)
{
    char text[32];
    if (json_number(status, key, 0) > 0)
        field(s, label, out_time(text, json_number(status, key, 0)));
}

/* Who goes on with it, or that nobody does. */
static void driver(struct session *s, const struct replay_run *run, const json_t *status)
{
    enum { SILENT_MS = 5000 };
    char text[320], age[32];
    int64_t silent = json_number(status, "now_ms", 0) - json_number(status, "driven_ms", 0);
    if (strcmp(json_text(status, "state"), "running") != 0 && strcmp(json_text(status, "state"), "selecting") != 0)
        return;
    if (silent < SILENT_MS)
        (void)snprintf(text, sizeof text, "%s", json_text(status, "driver"));
    else
        (void)snprintf(text, sizeof text, "nobody for %s: \"stint dlq replay resume %s\" goes on", out_ms(age, silent),
                       run->id);
    field(s, "driven by", text);
}

void replay_view_whole(struct session *s, const struct replay_run *run, const json_t *status)
{
    static const char *const counts[][2] = {
        {"selected", "selected"}, {"left", "left"}, {"replayed", "replayed"}, {"succeeded", "succeeded"},
        {"failed", "died again"}, {"dropped", "cancelled or expired"}, {"guarded", "loop guard"}, {"gone", "gone"},
        {"unique", "unique key held"}, {"changed_letters", "changed"}, {"not_json", "not JSON"}, {"undone", "undone"},
        {"started", "started before the undo"},
    };
    char text[400] = "", rate[48];
    if (s->out.json) {
        json_t *record = replay_view_record(run, status, "status");
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_tinted(&s->out, TINT_BOLD, "%s in queue %s: %s%s", run->id, run->queue, json_text(status, "state"),
               strcmp(json_text(status, "phase"), "canary") == 0 ? " (canary)" : "");
    field(s, "because", json_text(status, "why"));
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        int64_t n = json_number(status, counts[i][0], 0);
        size_t used = strlen(text);
        if (n > 0 || i < 5)
            (void)snprintf(text + used, sizeof text - used, "%s%lld %s", used > 0 ? ", " : "", (long long)n, counts[i][1]);
    }
    field(s, "letters", text);
    double per_second = json_number_value(json_object_get(status, "rate"));
    (void)snprintf(rate, sizeof rate, per_second > 0 ? "%g a second" : "no limit", per_second);
    field(s, "rate", rate);
    field(s, "filter", json_text(status, "filter"));
    field(s, "edit", json_text(status, "edit"));
    field(s, "actor", json_text(status, "actor"));
    field(s, "reason", json_text(status, "reason"));
    driver(s, run, status);
    when(s, "created", status, "created_ms");
    when(s, "changed", status, "changed_ms");
}
