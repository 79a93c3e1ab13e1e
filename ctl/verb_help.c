/*
 * verb_help - see verb_help.h. Help cannot fall behind the code: it is printed from the rows the dispatcher and the
 * option reader use.
 */
#include "verb_help.h"

#include <stdio.h>

enum { WORDS_MAX = 64, VERB_MAX = 128 };

static void print_group(struct out *o, const char *group, bool one_group, const char *prefix)
{
    size_t n;
    const struct verb *all = verb_all(&n);
    for (size_t i = 0; i < n; i++) {
        const struct verb *v = &all[i];
        char usage[128];
        if (one_group ? strncmp(v->words, prefix, strlen(prefix)) != 0 : strcmp(v->group, group) != 0)
            continue;
        (void)snprintf(usage, sizeof usage, "%s%s%s", v->words, *v->positionals != '\0' ? " " : "", v->positionals);
        (void)fprintf(o->to, "  %-34s %s\n", usage, v->help);
    }
}

int verb_help_all(struct out *o)
{
    size_t n;
    const struct verb *all = verb_all(&n);
    (void)fprintf(o->to, "stint - runs jobs from Redis Streams in limited worker processes\n\n"
                         "usage: stint VERB [ARGUMENTS] [--option value …]\n");
    for (size_t i = 0; i < n; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(all[j].group, all[i].group) != 0;
        if (!first)
            continue;
        (void)fprintf(o->to, "\n%s\n", all[i].group);
        print_group(o, all[i].group, false, "");
    }
    (void)fprintf(o->to, "\nEvery verb explains itself: stint help VERB, or stint VERB --help.\n"
                         "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 cannot reach a service, "
                         "5 refused by a guard.\n");
    return EXIT_DONE;
}

static void print_options(struct out *o, const char *heading, const struct arg_spec *specs)
{
    if (specs->name == NULL)
        return;
    (void)fprintf(o->to, "\n%s\n", heading);
    for (; specs->name != NULL; specs++) {
        char usage[64];
        const char *value = specs->type == ARG_FLAG ? "" : specs->value;
        (void)snprintf(usage, sizeof usage, "--%s%s%s", specs->name, *value != '\0' ? " " : "", value);
        (void)fprintf(o->to, "  %-28s %s%s%s\n", usage, specs->help, args_choices(specs) != NULL ? ": " : "",
                      args_choices(specs) != NULL ? specs->values : "");
    }
}

int verb_help_one(struct out *o, const struct verb *v)
{
    (void)fprintf(o->to, "stint %s - %s\n\nusage: stint %s%s%s [options]\n", v->words, v->help, v->words,
                  *v->positionals != '\0' ? " " : "", v->positionals);
    print_options(o, "options", v->options);
    print_options(o, "options of every verb", verb_global_options());
    (void)fprintf(o->to, "\nexample\n");
    for (const char *p = v->example; *p != '\0';) {
        size_t n = strcspn(p, "\n");
        (void)fprintf(o->to, "  %.*s\n", (int)n, p);
        p += n + (p[n] == '\n' ? 1 : 0);
    }
    return EXIT_DONE;
}

/* Prefix "queue " when argv[0] is the first word of verbs of two words. */
static bool is_group(const char *word, char prefix[static WORDS_MAX])
{
    size_t n;
    const struct verb *all = verb_all(&n);
    (void)snprintf(prefix, WORDS_MAX, "%.60s ", word);
    for (size_t i = 0; i < n; i++)
        if (strncmp(all[i].words, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* The verb of the group whose second word is most like `second`; NULL when none is near. */
static const char *nearest_in_group(const char *second, const char *prefix)
{
    const char *candidates[VERB_MAX + 1];
    size_t n, found = 0;
    const struct verb *all = verb_all(&n);
    for (size_t i = 0; i < n && found < VERB_MAX; i++)
        if (strncmp(all[i].words, prefix, strlen(prefix)) == 0)
            candidates[found++] = all[i].words + strlen(prefix);
    candidates[found] = NULL;
    return args_nearest(second, candidates);
}

static int unknown_in_group(struct session *s, const char *word, const char *second, const char *prefix)
{
    if (second == NULL) {
        (void)fprintf(s->out.remarks, "stint: \"%s\" needs to know what to do:\n", word);
    } else {
        const char *nearest = nearest_in_group(second, prefix);
        AUTO_FREE char *shown = out_harmless(second, strlen(second));
        (void)fprintf(s->out.remarks, "stint: \"%s %.60s\" is no verb%s%s%s%s; there are:\n", word,
                      shown != NULL ? shown : "", nearest != NULL ? ", did you mean \"" : "",
                      nearest != NULL ? prefix : "", nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    struct out to_remarks = s->out;
    to_remarks.to = s->out.remarks;
    print_group(&to_remarks, "", true, prefix);
    return EXIT_USAGE;
}

int verb_help_unknown(struct session *s, int argc, char *const argv[])
{
    const char *candidates[VERB_MAX + 1], *second = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    char given[WORDS_MAX], prefix[WORDS_MAX];
    if (is_group(argv[0], prefix)) {
        if (second == NULL && argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
            print_group(&s->out, "", true, prefix);
            return EXIT_DONE;
        }
        return unknown_in_group(s, argv[0], second, prefix);
    }
    size_t n;
    const struct verb *all = verb_all(&n);
    for (size_t i = 0; i < n && i < VERB_MAX; i++)
        candidates[i] = all[i].words;
    candidates[MIN_OF(n, (size_t)VERB_MAX)] = NULL;
    (void)snprintf(given, sizeof given, "%.30s%s%.30s", argv[0], second != NULL ? " " : "",
                   second != NULL ? second : "");
    const char *nearest = args_nearest(given, candidates);
    if (nearest == NULL)
        nearest = args_nearest(argv[0], candidates);
    AUTO_FREE char *shown = out_harmless(argv[0], strlen(argv[0]));
    if (s->out.json) {
        struct err e = {.code = 0};
        (void)err_set(&e, ERR_BAD_ARGUMENT, "\"%.60s\" is no verb%s%s%s", shown != NULL ? shown : "",
                      nearest != NULL ? ", did you mean \"" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "\"?" : "");
        return session_fail(s, &e);
    }
    (void)fprintf(s->out.remarks, "stint: \"%.60s\" is no verb%s%s%s; \"stint help\" lists them all\n",
                  shown != NULL ? shown : "", nearest != NULL ? ", did you mean \"" : "",
                  nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    return EXIT_USAGE;
}

const struct arg_spec verb_help_options[] = {{.name = NULL}};

int verb_help(struct session *s)
{
    if (s->args.n_positionals == 0)
        return verb_help_all(&s->out);
    char *words[ARG_SPEC_MAX] = {NULL};
    int n = 0;
    for (size_t i = 0; i < s->args.n_positionals; i++) {
        memcpy(&words[n++], &s->args.positionals[i], sizeof words[0]);
    }
    int taken = 0;
    const struct verb *v = verb_find(n, words, &taken);
    if (v != NULL)
        return verb_help_one(&s->out, v);
    char prefix[WORDS_MAX];
    if (n == 1 && is_group(words[0], prefix)) {
        print_group(&s->out, "", true, prefix);
        return EXIT_DONE;
    }
    return verb_help_unknown(s, n, words);
}
