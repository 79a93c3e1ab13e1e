/*
 * replay_options - see replay_options.h. Refuses a canary that could never stop its run.
 */
#include "replay_options.h"

#include "dead_select.h"
#include "payload_edit.h"
#include "replay_rate.h"
#include "replay_selection.h"

#include <stdio.h>

enum { PATCH_MAX = 65536 };

static int add_rate(const struct args *a, json_t *options, struct err *e)
{
    double rate = 0;
    if (!args_has(a, "rate"))
        return 0;
    int rc = replay_rate_parse("--rate", args_text(a, "rate", ""), &rate, e);
    if (rc == 0)
        (void)json_object_set_new(options, "rate", json_real(rate));
    return rc;
}

static int add_patch(const json_t *patch, json_t *options, struct err *e)
{
    if (patch == NULL)
        return 0;
    AUTO_FREE char *text = payload_edit_text(patch);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the patch");
    if (strlen(text) > PATCH_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "--edit: the patch has %zu bytes; allowed: at most %d", strlen(text),
                       (int)PATCH_MAX);
    return json_object_set_new(options, "edit", json_string(text));
}

int replay_options_make(const struct args *a, const json_t *patch, json_t **ret_options, struct err *e)
{
    static const struct {
        const char *arg, *option;
    } whole[] = {{"canary", "canary"},
                 {"canary-failures", "canary_failures"},
                 {"max", "max"},
                 {"delay", "delay_ms"},
                 {"guard", "guard"}};
    if (args_has(a, "canary-failures") && !args_has(a, "canary"))
        return err_set(e, ERR_BAD_ARGUMENT, "--canary-failures N goes with --canary N");
    if (args_has(a, "canary-failures") && args_int(a, "canary-failures", 0) >= args_int(a, "canary", 0))
        return err_set(e, ERR_BAD_ARGUMENT, "--canary-failures: %lld of a canary of %lld could never stop the run",
                       (long long)args_int(a, "canary-failures", 0), (long long)args_int(a, "canary", 0));
    json_t *options = json_object();
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (args_has(a, whole[i].arg))
            (void)json_object_set_new(options, whole[i].option, json_integer(args_int(a, whole[i].arg, 0)));
    if (args_has(a, "band"))
        (void)json_object_set_new(options, "band", json_string(args_text(a, "band", "")));
    if (args_has(a, "stop-at"))
        (void)json_object_set_new(options, "stop_at", json_real(args_number(a, "stop-at", 0)));
    int rc = add_rate(a, options, e);
    if (rc == 0)
        rc = add_patch(patch, options, e);
    if (rc < 0)
        json_decref(options);
    else
        *ret_options = options;
    return rc;
}

int replay_options_filter(struct session *s, const struct dead_letters *letters, json_t **ret_filter, struct err *e)
{
    struct dead_filter f;
    if (s->args.n_positionals > 0) {
        json_t *filter = json_object();
        (void)json_object_set_new(filter, "named", json_integer((json_int_t)letters->n));
        json_t *ids = json_array();
        for (size_t i = 0; i < letters->n && letters->n <= REPLAY_SELECTION_IDS; i++)
            (void)json_array_append_new(ids, json_string(letters->items[i].id));
        (void)json_object_set_new(filter, "ids", ids);
        *ret_filter = filter;
        return 0;
    }
    int rc = dead_filter_from_args(s, &f, e);
    if (rc == 0)
        *ret_filter = replay_selection_filter(&f);
    if (rc == 0)
        dead_filter_fini(&f);
    return rc;
}
