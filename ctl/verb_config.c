/*
 * verb_config - `stint config check|print|reference`. Refuses to print secrets: passwords in URLs are masked.
 */
#include "buf.h"
#include "layout_files.h"
#include "verb.h"

#include <stdio.h>

enum { TEXT_MAX = 1024 * 1024 };

const struct arg_spec verb_config_check_options[] = {{.name = NULL}};

int verb_config_check(struct session *s)
{
    struct err e = {.code = 0};
    const struct conf *conf;
    if (session_conf(s, &conf, &e) < 0)
        return session_fail(s, &e);
    size_t layouts = 0;
    if (conf->pdf.layouts[0] != '\0' && layout_files_check(conf->pdf.layouts, false, &layouts, &e) < 0)
        return session_fail(s, &e);
    const char *from = conf->path[0] != '\0' ? conf->path : "defaults and environment";
    if (s->out.json) {
        json_t *record = json_pack("{s:b, s:s, s:i, s:i}", "ok", 1, "file", conf->path, "pools", (int)conf->n_pools,
                                   "kinds", (int)conf->n_kinds);
        out_json(&s->out, record);
        json_decref(record);
    }
    char missing[256];
    if (conf_lane_missing(conf, missing, sizeof missing))
        out_remark(&s->out, "%s: jobs will come again as they were", missing);
    out_line(&s->out, "%s: valid, %zu pools, %zu kinds", from, conf->n_pools, conf->n_kinds);
    return EXIT_DONE;
}

static int print_text(struct session *s, struct buf *text, int rc)
{
    struct err e = {.code = 0};
    if (rc < 0 || text->failed || text->data == NULL) {
        (void)err_set(&e, ERR_OUT_OF_MEMORY, "no memory for the text");
        buf_fini(text);
        return session_fail(s, &e);
    }
    if (s->out.json) {
        json_t *record = json_pack("{s:s%}", "text", text->data, text->len);
        out_json(&s->out, record);
        json_decref(record);
    } else {
        (void)fwrite(text->data, 1, text->len, s->out.to);
    }
    buf_fini(text);
    return EXIT_DONE;
}

const struct arg_spec verb_config_print_options[] = {{.name = NULL}};

int verb_config_print(struct session *s)
{
    struct err e = {.code = 0};
    struct buf text;
    const struct conf *conf;
    if (session_conf(s, &conf, &e) < 0)
        return session_fail(s, &e);
    buf_init(&text, TEXT_MAX);
    return print_text(s, &text, conf_print(conf, &text, false));
}

const struct arg_spec verb_config_reference_options[] = {{.name = NULL}};

int verb_config_reference(struct session *s)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    return print_text(s, &text, conf_reference(&text));
}
