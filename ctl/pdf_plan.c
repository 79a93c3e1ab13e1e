/*
 * pdf_plan - see pdf_plan.h. Two documents whose results would have one name are refused before the first is parsed: the second would
 * silently take the first one's place.
 */
#include "pdf_plan.h"

#include "ics_zone.h"
#include "parser_proto.h"
#include "pdf_payload.h"
#include "pdf_write.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *plan_extension(const struct pdf_plan *plan)
{
    return plan->form == PDF_FORM_JSON ? "json" : "txt";
}

static char *plan_path(const char *folder, const char *name, const char *extension)
{
    AUTO_FREE char *file = pdf_inputs_result_name(name, extension);
    char *path = NULL;
    if (file == NULL || asprintf(&path, "%s/%s", folder, file) < 0)
        return NULL;
    return path;
}

char *pdf_plan_calendar_path(const struct pdf_plan *plan, const char *name)
{
    const char *slash = strrchr(name, '/');
    if (plan->calendar != NULL)
        return plan_path(plan->calendar, name, "ics");
    if (slash == NULL || pdf_inputs_is_url(name))
        return pdf_inputs_result_name(name, "ics");
    AUTO_FREE char *folder = strndup(name, (size_t)(slash - name));
    return folder == NULL ? NULL : plan_path(folder, name, "ics");
}

char *pdf_plan_result_path(const struct pdf_plan *plan, const char *name)
{
    return plan_path(plan->out_dir, name, plan_extension(plan));
}

static int plan_form(struct pdf_plan *plan, const struct args *a, struct err *e)
{
    bool json = args_has(a, "json"), table = args_has(a, "table"), text = args_has(a, "text");
    if (json + table + text > 1)
        return err_set(e, ERR_BAD_ARGUMENT, "--json, --table and --text exclude each other; give one");
    if (text && args_has(a, "expect") && strcmp(args_text(a, "expect", ""), "text") != 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--text shows a document's text; it goes without --expect %s", args_text(a, "expect", ""));
    plan->form = json ? PDF_FORM_JSON : text ? PDF_FORM_TEXT : PDF_FORM_TABLE;
    plan->table_too = table && !args_has(a, "expect");
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    size_t len = strlen(path);
    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int plan_calendars(struct pdf_plan *plan, const struct args *a, struct err *e)
{
    const char *to = args_text(a, "ics", NULL);
    plan->out_dir = args_text(a, "out-dir", NULL);
    int rc = plan->out_dir != NULL ? pdf_write_folder(plan->out_dir, e) : 0;
    if (to == NULL || rc < 0)
        return rc;
    plan->calendars = *to == '\0' || is_folder(to) ? PDF_CALENDARS_EACH : PDF_CALENDARS_ONE;
    plan->calendar = *to != '\0' ? to : plan->out_dir;
    if (plan->calendars == PDF_CALENDARS_ONE && strcmp(to, "-") == 0 && plan->form != PDF_FORM_TABLE && plan->out_dir == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "--ics - and --%s both go to standard output; name a file for one, or --out-dir",
                       plan->form == PDF_FORM_JSON ? "json" : "text");
    /* A folder that was named for calendars takes those; it takes results only in a form that was asked for. */
    if (plan->form == PDF_FORM_TABLE && !args_has(a, "table"))
        plan->out_dir = NULL;
    return plan->calendars == PDF_CALENDARS_EACH && plan->calendar != NULL ? pdf_write_folder(plan->calendar, e) : 0;
}

/* Takes path; remembers whose it is. */
static int plan_claim(json_t *taken, char *path, const char *name, struct err *e)
{
    AUTO_FREE char *mine = path;
    if (mine == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a path");
    const char *other = json_string_value(json_object_get(taken, mine));
    if (strcmp(mine, name) == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "the result of %s would take its own place; name another folder", name);
    if (other != NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "%s and %s would both be written to %s; parse them one after the other into folders of their own",
                       other, name, mine);
    (void)json_object_set_new_nocheck(taken, mine, json_string_nocheck(name));
    return 0;
}

static int plan_names(const struct pdf_plan *plan, const struct pdf_inputs *in, struct err *e)
{
    json_t *taken = json_object();
    int rc = taken == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of results") : 0;
    for (size_t i = 0; i < in->n && rc == 0; i++) {
        if (plan->calendars == PDF_CALENDARS_EACH)
            rc = plan_claim(taken, pdf_plan_calendar_path(plan, in->names[i]), in->names[i], e);
        if (rc == 0 && plan->out_dir != NULL)
            rc = plan_claim(taken, pdf_plan_result_path(plan, in->names[i]), in->names[i], e);
        if (rc == 0 && plan->local && pdf_inputs_is_url(in->names[i]))
            rc = err_set(e, ERR_BAD_ARGUMENT, "%s: addresses are fetched by workers, not with --local; fetch it and pipe it: curl -fsS URL | "
                         "stint pdf parse --local -", in->names[i]);
    }
    json_decref(taken);
    return rc;
}

/* The options as a worker would read them, so that both ways refuse the same. */
static int plan_request(struct pdf_plan *plan, struct err *e)
{
    struct err why = {.code = 0};
    AUTO_FREE char *text = json_dumps(plan->payload, JSON_COMPACT);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the options");
    int rc = pdf_request_read(&plan->request, text, strlen(text), &plan->conf->pdf, &why);
    explicit_bzero(text, strlen(text));
    AUTO_FREE struct ics_zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a time zone");
    if (rc == 0 && plan->calendars != PDF_CALENDARS_NONE)
        rc = ics_zone_load(zone, plan->request.timezone, &why);
    return rc < 0 ? err_set(e, ERR_BAD_ARGUMENT, "an option is not understood: %s", why.message) : 0;
}

int pdf_plan_make(struct pdf_plan *plan, struct session *s, const struct pdf_inputs *in, struct err *e)
{
    *plan = (struct pdf_plan){.local = args_has(&s->args, "local")};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    plan->jobs = (unsigned)args_int(&s->args, "jobs", MIN_OF(MAX_OF(processors, 1L), (long)PARSER_CELLS_MAX));
    int rc = session_conf(s, &plan->conf, e);
    if (rc == 0)
        rc = plan_form(plan, &s->args, e);
    if (rc == 0)
        rc = plan_calendars(plan, &s->args, e);
    if (rc == 0)
        rc = plan_names(plan, in, e);
    if (rc == 0)
        rc = pdf_payload_options(&s->args, plan->calendars == PDF_CALENDARS_EACH, &plan->payload, e);
    return rc < 0 ? rc : plan_request(plan, e);
}

void pdf_plan_free(struct pdf_plan *plan)
{
    pdf_request_free(&plan->request);
    json_decref(plan->payload);
    *plan = (struct pdf_plan){.local = false};
}
