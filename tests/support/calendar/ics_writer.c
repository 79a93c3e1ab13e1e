/*
 * ics_writer - calendars for other programs' tests: reads lines of {"payload":{…},"events":[…],"revisions":{…},"stamp":seconds} from stdin and writes
 * for each line of {"ics":"…","warnings":[…]} or {"error":"…"} to stdout.
 *
 * With --zone NAME FROM TO it prints what it knows of a zone instead: "seconds offset dst name" of each change between two instants.
 */
#include "ics.h"

#include <stdio.h>

static struct ics_zone zone;

static json_t *write_calendar(const json_t *line)
{
    static const struct conf_pdf conf = {.timezone = "UTC", .max_bytes = 1000, .max_pages = 10, .timeout = 1000, .cpu = 1000, .memory = 1 << 26};
    struct pdf_request r;
    struct err e = {0};
    struct buf out;
    buf_init(&out, 256 << 20);
    json_t *warnings = json_array(), *answer = NULL;
    AUTO_FREE char *payload = json_dumps(json_object_get(line, "payload"), JSON_COMPACT);
    if (payload == NULL)
        abort();
    int rc = pdf_request_read(&r, payload, strlen(payload), &conf, &e);
    if (rc == 0)
        rc = ics_zone_load(&zone, r.timezone, &e);
    if (rc == 0) {
        const struct ics_input in = {.events = json_object_get(line, "events"), .request = &r, .zone = &zone,
                                     .revisions = json_object_get(line, "revisions"),
                                     .stamp_s = json_integer_value(json_object_get(line, "stamp"))};
        rc = ics_write(&in, &out, warnings, &e);
    }
    if (rc == 0)
        answer = json_pack("{s:s,s:O}", "ics", out.data, "warnings", warnings);
    else
        answer = json_pack("{s:s}", "error", e.message);
    json_decref(warnings);
    pdf_request_free(&r);
    buf_fini(&out);
    return answer;
}

static int print_zone(const char *name, int64_t from_s, int64_t to_s)
{
    struct err e;
    if (ics_zone_load(&zone, name, &e) < 0) {
        (void)fprintf(stderr, "%s\n", e.message);
        return 1;
    }
    for (size_t i = ics_zone_at(&zone, from_s); i < zone.n_changes && zone.changes[i].at_s <= to_s; i++) {
        const struct ics_offset *o = &zone.types[zone.changes[i].type];
        (void)printf("%lld %d %d %s\n", (long long)zone.changes[i].at_s, o->seconds, o->dst, o->name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    char *text = NULL;
    size_t cap = 0;
    if (argc == 5 && strcmp(argv[1], "--zone") == 0)
        return print_zone(argv[2], strtoll(argv[3], NULL, 10), strtoll(argv[4], NULL, 10));
    while (getline(&text, &cap, stdin) > 0) {
        json_t *line = json_loads(text, 0, NULL);
        json_t *answer = write_calendar(line);
        AUTO_FREE char *shown = json_dumps(answer, JSON_COMPACT);
        (void)printf("%s\n", shown != NULL ? shown : "{\"error\":\"no UTF-8\"}");
        json_decref(line);
        json_decref(answer);
    }
    free(text);
    return 0;
}
