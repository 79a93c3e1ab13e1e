/*
 * verb_status - `stint status`, and the same live as `stint top`. top refuses to run without a terminal.
 */
#include "screen.h"
#include "status_view.h"
#include "verb.h"

#include <stdio.h>

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

const struct arg_spec verb_top_options[] = {
    {"interval", ARG_DURATION, "1s", "between two looks; default 1s", NULL, 100, 60000},
    {.name = NULL},
};

/* Gathers first, then draws at once, so that the screen never stands half empty. */
static int draw(struct session *s, struct err *e)
{
    struct status_view view;
    char *text = NULL;
    size_t len = 0;
    int rc = status_view_gather(s, &view, e);
    if (rc < 0)
        return rc;
    out_init(&s->out, stdout, stderr, false, args_has(&s->args, "quiet"), args_has(&s->args, "no-color"));
    s->out.to = open_memstream(&text, &len);
    if (s->out.to != NULL) {
        status_view_print(s, &view);
        out_tinted(&s->out, TINT_DIM, "\nq quits");
        (void)fclose(s->out.to);
        screen_draw(text);
    }
    free(text);
    s->out.to = stdout;
    status_view_fini(&view);
    return 0;
}

static int watch(struct session *s, struct screen *screen, struct err *e)
{
    int64_t interval_ms = args_int(&s->args, "interval", 1000);
    for (;;) {
        int rc = draw(s, e), event = rc == 0 ? screen_wait(screen, interval_ms) : SCREEN_END;
        if (event == SCREEN_END || event == 'q' || event == 'Q')
            return rc;
    }
}

int verb_top(struct session *s)
{
    struct err e = {.code = 0};
    struct screen screen = {.signal_fd = -1};
    int rc = 0;
    if (!screen_possible() || s->out.json)
        rc = err_set(&e, ERR_BAD_ARGUMENT, "it needs a terminal; \"stint status\" and \"stint status --json\" do not");
    if (rc == 0)
        rc = screen_open(&screen, &e);
    if (rc == 0)
        rc = watch(s, &screen, &e);
    screen_close(&screen);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
