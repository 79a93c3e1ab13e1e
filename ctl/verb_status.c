/*
 * verb_status - `stint status`: everything once.
 */
#include "status_view.h"
#include "verb.h"

const struct arg_spec verb_status_options[] = {{.name = NULL}};

int verb_status(struct session *s)
{
    struct err e = {.code = 0};
    struct status_view view;
    if (status_view_gather(s, &view, &e) < 0)
        return session_fail(s, &e);
    status_view_print(s, &view);
    int code = status_view_exit_code(&view);
    status_view_fini(&view);
    return code;
}
