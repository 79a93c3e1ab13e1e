/*
 * fuzz_pdf_reply - any bytes as a cell's reply, from its memory file to a stored result and a calendar: refused with a message, or a
 * result that holds what it promises and a calendar that a strict reader of another make accepts.
 */
#include "calendar_lines.h"
#include "ics.h"
#include "parser_client_uv.h"
#include "pdf_result.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char PAYLOAD[] = "{\"v\":1,\"source\":{\"path\":\"x\"},\"emit\":\"both\",\"holidays\":[\"2026-03-02\"],\"terms\":{\"S1\":{\"start\":\"2026-02-09\","
                              "\"end\":\"2026-06-05\"},\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}";
static const struct conf_pdf CONF = {.timezone = "Africa/Johannesburg", .max_bytes = 1 << 20, .max_pages = 100, .timeout = 60000, .cpu = 30000, .memory = 1 << 28};

static void calendar(const json_t *events, const struct pdf_request *r)
{
    static struct ics_zone zone;
    struct calendar_lines lines;
    struct err e = {0};
    struct buf text;
    json_t *warnings = json_array();
    if (zone.name[0] == '\0' && ics_zone_load(&zone, r->timezone, &e) < 0)
        abort();
    const struct ics_input in = {.events = events, .request = r, .zone = &zone, .stamp_s = 1767225600};
    buf_init(&text, 16 << 20);
    if (ics_write(&in, &text, warnings, &e) == 0) {
        calendar_lines_read(&lines, text.data, text.len);
        if (lines.fault[0] != '\0' || lines.events + json_array_size(warnings) < json_array_size(events))
            abort();
    } else if (e.message[0] == '\0') {
        abort();
    }
    buf_fini(&text);
    json_decref(warnings);
}

static void result(const json_t *reply)
{
    struct pdf_request r;
    struct err e = {0};
    json_t *built = NULL;
    if (pdf_request_read(&r, PAYLOAD, sizeof PAYLOAD - 1, &CONF, &e) < 0)
        abort();
    if (pdf_result_build(reply, &r, &built, &e) < 0) {
        if (e.message[0] == '\0')
            abort();
    } else if (json_object_get(built, "events") != NULL) {
        calendar(json_object_get(built, "events"), &r);
    }
    json_decref(built);
    pdf_request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parser_outcome o;
    struct parser_report report = {.magic = PARSER_MAGIC, .type = PARSER_REPORT};
    if (size == 0 || size > 65536)
        return 0;
    /* The first byte: does the head tell the truth, and how did the cell end? */
    report.wait_status = data[0] & 1 ? (data[0] >> 1) % 128 : 0;
    struct parser_reply_head head = {PARSER_REPLY_MAGIC, (uint32_t)(size - 1) + (data[0] & 2 ? data[0] : 0u)};
    AUTO_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, &head, sizeof head) != (ssize_t)sizeof head || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    parser_outcome_read(&o, &report, fd, 1 << 20);
    if (o.code < 0 && o.e.message[0] == '\0')
        abort();
    if (o.code == 0)
        result(o.reply);
    json_decref(o.reply);
    return 0;
}
