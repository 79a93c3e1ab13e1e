/*
 * conf_manual - stint.conf(5), written from the same table as the reader, the checks and the reference page.
 */
#include "conf_fields.h"

#include "buf.h"
#include "roff.h"

#include <stdio.h>

static void manual_field(struct buf *out, const struct conf_field *field)
{
    static const char *const types[] = {"text", "number", "duration", "size", "yes or no", "list"};
    bool text = field->type == CONF_TYPE_STR || field->type == CONF_TYPE_LIST;
    char def[CONF_STR_MAX], least[32], most[32], line[CONF_STR_MAX + 160];
    if (text)
        (void)snprintf(def, sizeof def, "%s", field->def_text[0] != '\0' ? field->def_text : "empty");
    else if (field->def_number == -1)
        (void)snprintf(def, sizeof def, "the kind's own");
    else
        (void)conf_format_number(field->type, field->def_number, def);
    roff_term(out, field->key, types[field->type]);
    roff_text(out, field->doc);
    if (text || field->type == CONF_TYPE_BOOL)
        (void)snprintf(line, sizeof line, "(default: %s%s)", def, field->reload ? "" : "; takes effect by a restart");
    else
        (void)snprintf(
            line, sizeof line, "(default: %s; %s to %s%s)", def, conf_format_number(field->type, field->min, least),
            conf_format_number(field->type, field->max, most), field->reload ? "" : "; takes effect by a restart");
    roff_text(out, line);
}

static void manual_section(struct buf *out, const struct conf_section *section, const char *title)
{
    char heading[64];
    (void)snprintf(heading, sizeof heading, "[%s]", title);
    roff_subheading(out, heading);
    for (size_t i = 0; i < section->n_fields; i++)
        manual_field(out, &section->fields[i]);
}

int conf_manual(struct buf *out, const char *version)
{
    size_t n;
    const struct conf_section *sections = conf_sections(&n);
    roff_title(out, "stint.conf", 5, version);
    roff_heading(out, "NAME");
    roff_text(out, "stint.conf - configuration of the stint worker pool");
    roff_heading(out, "SYNOPSIS");
    roff_text(out, "/etc/stint/stint.conf");
    roff_heading(out, "DESCRIPTION");
    roff_text(out, "A file in INI form: sections in brackets, then key = value, a line each; # or ; begins a comment.");
    roff_text(out, "Each key is overridden by the environment variable STINT_<SECTION>_<KEY>: STINT_REDIS_URL,");
    roff_text(out,
              "STINT_POOL_PDF_WORKERS, STINT_KIND_PDF_PARSE_TIMEOUT. An unknown section or key is refused, with the");
    roff_text(out, "name that was perhaps meant.");
    roff_paragraph(out);
    roff_text(
        out,
        "A duration is a whole number and ms, s, m, h, d or w. A size is a number of bytes, or with K, M, G or T.");
    roff_text(out,
              "A secret's KEY_file without a slash is looked for in $CREDENTIALS_DIRECTORY first (LoadCredential= of");
    roff_text(out, "systemd). What is not marked otherwise takes effect by \"stint reload\".");
    roff_heading(out, "SECTIONS");
    for (size_t i = 0; i < n; i++)
        manual_section(out, &sections[i], sections[i].name);
    manual_section(out, conf_section_queue(), "queue.NAME");
    manual_section(out, conf_section_pool(), "pool.NAME");
    manual_section(out, conf_section_kind(), "kind.NAME");
    roff_heading(out, "EXAMPLE");
    roff_example(out, "[redis]\nurl = unix:///run/redis/redis-server.sock\n[pool.pdf]\nkinds = pdf-parse\nworkers = 4");
    roff_heading(out, "SEE ALSO");
    roff_text(out, "stint(1), stint-supervisor(8)");
    return out->failed ? -ENOSPC : 0;
}
