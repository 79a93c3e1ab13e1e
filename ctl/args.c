/*
 * args - see args.h. Why not getopt_long: it neither types values nor says what would have been allowed, and its
 * abbreviations make every option added later a possible break of somebody's script. Refuses abbreviations, an option
 * given twice (lists go on), a value that looks like another option, and one that is not UTF-8: JSON could not carry it, and a text
 * left out silently (an id, a unique key) would make another job than the one asked for.
 */
#include "args.h"

#include "conf.h"
#include "out.h"

#include <math.h>
#include <stdio.h>

static const struct arg_spec NO_SPECS[] = {{.name = NULL}};

/* "--a, --b, --c" of one table, appended to out. */
static void list_names(char *out, size_t size, const struct arg_spec *specs)
{
    for (; specs->name != NULL; specs++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%s--%s", used > 0 ? ", " : "", specs->name);
    }
}

static size_t distance(const char *a, const char *b)
{
    enum { WORD_MAX = 48 };
    size_t la = strlen(a), lb = strlen(b);
    if (la >= WORD_MAX || lb >= WORD_MAX)
        return WORD_MAX;
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            size_t replace = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            row[j] = MIN_OF(replace, MIN_OF(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[lb];
}

const char *args_choices(const struct arg_spec *spec)
{
    return spec->type == ARG_OPTIONAL ? NULL : spec->values;
}

const char *args_nearest(const char *word, const char *const candidates[])
{
    const char *best = NULL;
    size_t limit = MAX_OF(strlen(word) / 3, (size_t)1), best_distance = limit + 1;
    for (; *candidates != NULL; candidates++) {
        size_t d = distance(word, *candidates);
        if (d < best_distance) {
            best_distance = d;
            best = *candidates;
        }
    }
    return best;
}

static int unknown_option(const struct args *a, const char *name, size_t len, struct err *e)
{
    char given[64], allowed[ERR_MESSAGE_MAX / 2] = "";
    (void)snprintf(given, sizeof given, "%.*s", (int)MIN_OF(len, (size_t)48), name);
    const char *candidates[2 * ARG_SPEC_MAX + 1];
    size_t n = 0;
    for (size_t t = 0; t < 2; t++)
        for (const struct arg_spec *s = a->specs[t]; s->name != NULL; s++)
            candidates[n++] = s->name;
    candidates[n] = NULL;
    const char *nearest = args_nearest(given, candidates);
    list_names(allowed, sizeof allowed, a->specs[0]);
    list_names(allowed, sizeof allowed, a->specs[1]);
    return err_set(e, ERR_BAD_ARGUMENT, "unknown option --%s%s%s%s; allowed: %s", given,
                   nearest != NULL ? ", did you mean --" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "", allowed);
}

static bool find_value(const char *values, const char *text, size_t len, int64_t *ret_index)
{
    int64_t index = 0;
    for (const char *p = values;; index++) {
        size_t n = strcspn(p, "|");
        if (n == len && strncmp(p, text, n) == 0) {
            *ret_index = index;
            return true;
        }
        if (p[n] == '\0')
            return false;
        p += n + 1;
    }
}

static int bad_value(const struct arg_spec *s, const char *text, const char *allowed, struct err *e)
{
    return err_set(e, ERR_BAD_ARGUMENT, "--%s: \"%.100s\" is not allowed; allowed: %s", s->name, text, allowed);
}

static int check_list(const struct arg_spec *s, const char *text, struct err *e)
{
    for (const char *p = text;;) {
        size_t n = strcspn(p, ",");
        int64_t index;
        if (n == 0)
            return bad_value(s, text, "names separated by single commas", e);
        if (s->values != NULL && !find_value(s->values, p, n, &index))
            return bad_value(s, text, s->values, e);
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
}

static int out_of_range(const struct arg_spec *s, const char *text, struct err *e)
{
    char least[32], most[32];
    if (s->type == ARG_DURATION) {
        (void)out_ms(least, s->min);
        (void)out_ms(most, s->max);
    } else if (s->type == ARG_SIZE) {
        (void)out_bytes(least, s->min);
        (void)out_bytes(most, s->max);
    } else {
        (void)snprintf(least, sizeof least, "%lld", (long long)s->min);
        (void)snprintf(most, sizeof most, "%lld", (long long)s->max);
    }
    return err_set(e, ERR_BAD_ARGUMENT, "--%s: %.100s is out of range; allowed: %s to %s", s->name, text, least, most);
}

static int bad_length(const struct arg_spec *s, size_t len, struct err *e)
{
    if (s->min == s->max)
        return err_set(e, ERR_BAD_ARGUMENT, "--%s: the text has %zu bytes; it needs exactly %lld", s->name, len,
                       (long long)s->max);
    if (len == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--%s: the text is empty; give --%s %s", s->name, s->name, s->value);
    return err_set(e, ERR_BAD_ARGUMENT, "--%s: the text has %zu bytes; allowed: %lld to %lld", s->name, len,
                   (long long)s->min, (long long)s->max);
}

static int read_decimal(const struct arg_spec *s, const char *text, struct arg_value *v, struct err *e)
{
    char *end;
    errno = 0;
    double d = strtod(text, &end);
    if (end == text || *end != '\0' || errno == ERANGE || !isfinite(d))
        return bad_value(s, text, "a decimal number, e.g. -25.75", e);
    if ((s->min != 0 || s->max != 0) && (d < (double)s->min || d > (double)s->max))
        return out_of_range(s, text, e);
    v->decimal = d;
    return 0;
}

static int read_scalar(const struct arg_spec *s, const char *text, struct arg_value *v, struct err *e)
{
    struct err why = {.code = 0};
    int rc;
    if (s->type == ARG_DURATION)
        rc = conf_parse_duration(text, &v->number, &why);
    else if (s->type == ARG_SIZE)
        rc = conf_parse_size(text, &v->number, &why);
    else
        rc = conf_parse_int(text, &v->number, &why);
    if (rc < 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--%s: %s", s->name, why.message);
    if ((s->min != 0 || s->max != 0) && (v->number < s->min || v->number > s->max))
        return out_of_range(s, text, e);
    return 0;
}

static int read_value(const struct arg_spec *s, const char *text, struct arg_value *v, struct err *e)
{
    v->text = text;
    if (!out_is_utf8(text))
        return err_set(e, ERR_BAD_ARGUMENT, "--%s: the text is not UTF-8", s->name);
    switch (s->type) {
    case ARG_FLAG:
        v->number = 1;
        return 0;
    case ARG_OPTIONAL:
    case ARG_TEXT:
        if (s->type == ARG_OPTIONAL && *text == '\0')
            return 0;
        if (s->max != 0 && ((int64_t)strlen(text) < s->min || (int64_t)strlen(text) > s->max))
            return bad_length(s, strlen(text), e);
        return 0;
    case ARG_ENUM:
        return find_value(s->values, text, strlen(text), &v->number) ? 0 : bad_value(s, text, s->values, e);
    case ARG_LIST:
        return check_list(s, text, e);
    case ARG_NUMBER:
        return read_decimal(s, text, v, e);
    case ARG_INT:
    case ARG_DURATION:
    case ARG_SIZE:
        return read_scalar(s, text, v, e);
    }
    return 0;
}

static struct arg_value *find_slot(struct args *a, const char *name, size_t len, const struct arg_spec **ret_spec)
{
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; a->specs[t][i].name != NULL; i++) {
            assert(i < ARG_SPEC_MAX);
            const char *candidate = a->specs[t][i].name;
            if (strlen(candidate) == len && strncmp(candidate, name, len) == 0) {
                *ret_spec = &a->specs[t][i];
                return &a->values[t][i];
            }
        }
    return NULL;
}

/* The text of a list so far and what comes to it; owned by a. NULL without room. */
static const char *join_list(struct args *a, const char *before, const char *text)
{
    char *both = NULL;
    if (a->n_joined >= ARG_SPEC_MAX || asprintf(&both, "%s,%s", before, text) < 0)
        return NULL;
    a->joined[a->n_joined++] = both;
    return both;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcasecmp(text + n - m, end) == 0;
}

/* Is the word after an option its value? */
static bool is_value(const struct arg_spec *s, int argc, char *const argv[])
{
    if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
        return false;
    return s->type != ARG_OPTIONAL || !ends_with(argv[1], s->values);
}

/* Reads the option at argv[0]. Returns how many elements it took, or an error. */
static int read_option(struct args *a, int argc, char *const argv[], struct err *e)
{
    const char *name = argv[0] + 2;
    size_t len = strcspn(name, "=");
    const struct arg_spec *spec = NULL;
    struct arg_value *slot = find_slot(a, name, len, &spec);
    if (slot == NULL)
        return unknown_option(a, name, len, e);
    if (slot->text != NULL && spec->type != ARG_FLAG && spec->type != ARG_LIST)
        return err_set(e, ERR_BAD_ARGUMENT, "--%s is given twice; give it once", spec->name);
    if (spec->type == ARG_FLAG) {
        if (name[len] == '=')
            return err_set(e, ERR_BAD_ARGUMENT, "--%s takes no value, but \"%.100s\" was given", spec->name,
                           name + len + 1);
        return read_value(spec, "", slot, e) < 0 ? ERR_BAD_ARGUMENT : 1;
    }
    bool attached = name[len] == '=';
    bool given = attached || is_value(spec, argc, argv);
    if (!given && spec->type == ARG_OPTIONAL)
        return read_value(spec, "", slot, e) < 0 ? ERR_BAD_ARGUMENT : 1;
    if (!given)
        return err_set(e, ERR_BAD_ARGUMENT, "--%s needs a value: --%s %s%s%s%s", spec->name, spec->name, spec->value,
                       spec->values != NULL ? " (" : "", spec->values != NULL ? spec->values : "",
                       spec->values != NULL ? ")" : "");
    const char *before = slot->text;
    int rc = read_value(spec, attached ? name + len + 1 : argv[1], slot, e);
    if (rc == 0 && before != NULL && (slot->text = join_list(a, before, slot->text)) == NULL)
        rc = err_set(e, ERR_BAD_ARGUMENT, "--%s is given too often; at most %d times", spec->name, ARG_SPEC_MAX);
    return rc < 0 ? rc : attached ? 1 : 2;
}

static void args_init(struct args *a, const struct arg_spec *own, const struct arg_spec *global)
{
    a->specs[0] = own != NULL ? own : NO_SPECS;
    a->specs[1] = global != NULL ? global : NO_SPECS;
}

int args_parse_leading(struct args *a, const struct arg_spec *global, int argc, char *const argv[], struct err *e)
{
    *a = (struct args){.positionals = NULL};
    args_init(a, NULL, global);
    int i = 0;
    while (i < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0') {
        int taken = read_option(a, argc - i, &argv[i], e);
        if (taken < 0)
            return taken;
        i += taken;
    }
    return i;
}

int args_parse(struct args *a, const struct arg_spec *own, const struct arg_spec *global, int argc, char *const argv[],
               struct err *e)
{
    *a = (struct args){.positionals = NULL};
    args_init(a, own, global);
    if (argc > ARG_POSITIONAL_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "%d arguments are too many; at most %d", argc, ARG_POSITIONAL_MAX);
    a->positionals = calloc((size_t)argc + 1, sizeof *a->positionals);
    if (a->positionals == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %d arguments", argc);
    bool options = true;
    for (int i = 0; i < argc;) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
        } else if (options && strcmp(argv[i], "-h") == 0) {
            char help[] = "--help", *const one[] = {help};
            int taken = read_option(a, 1, one, e);
            if (taken < 0)
                return taken;
            i++;
        } else if (options && strncmp(argv[i], "--", 2) == 0) {
            int taken = read_option(a, argc - i, &argv[i], e);
            if (taken < 0)
                return taken;
            i += taken;
        } else {
            a->positionals[a->n_positionals++] = argv[i++];
        }
    }
    return 0;
}

void args_fini(struct args *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->n_joined; i++)
        free(a->joined[i]);
    a->n_joined = 0;
    free(a->positionals);
    a->positionals = NULL;
    a->n_positionals = 0;
}

static const struct arg_value *value_of(const struct args *a, const char *name)
{
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; a->specs[t][i].name != NULL; i++)
            if (strcmp(a->specs[t][i].name, name) == 0)
                return &a->values[t][i];
    assert(!"an option that is in no table");
    return NULL;
}

bool args_has(const struct args *a, const char *name)
{
    return value_of(a, name)->text != NULL;
}

const char *args_text(const struct args *a, const char *name, const char *fallback)
{
    const struct arg_value *v = value_of(a, name);
    return v->text != NULL ? v->text : fallback;
}

int64_t args_int(const struct args *a, const char *name, int64_t fallback)
{
    const struct arg_value *v = value_of(a, name);
    return v->text != NULL ? v->number : fallback;
}

double args_number(const struct args *a, const char *name, double fallback)
{
    const struct arg_value *v = value_of(a, name);
    return v->text != NULL ? v->decimal : fallback;
}

const char *args_positional(const struct args *a, size_t i)
{
    return i < a->n_positionals ? a->positionals[i] : NULL;
}
