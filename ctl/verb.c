/*
 * verb - see verb.h. Refuses abbreviations of verbs: a script's "stint q p" would change meaning with the next verb.
 */
#include "verb.h"

#include "build_info.h"
#include "verb_help.h"

#include <poll.h>
#include <stdio.h>

static const struct verb VERBS[] = {
#define X(id, words_, group_, least_, most_, positionals_, help_, example_)                                            \
    {.words = words_,                                                                                                  \
     .group = group_,                                                                                                  \
     .least = least_,                                                                                                  \
     .most = most_,                                                                                                    \
     .positionals = positionals_,                                                                                      \
     .help = help_,                                                                                                    \
     .example = example_,                                                                                              \
     .run = verb_##id,                                                                                                 \
     .options = verb_##id##_options},
    VERB_TABLE(X)
#undef X
};

static const struct arg_spec GLOBAL[] = {
    {"config", ARG_TEXT, "FILE", "configuration file; default: $STINT_CONFIG, /etc/stint/stint.conf, DIR/stint.conf",
     NULL, 1, 511},
    {"dir", ARG_TEXT, "DIR", "state folder of a stack started by \"stint up\"; default: $STINT_DIR", NULL, 1, 255},
    {"run-dir", ARG_TEXT, "DIR", "ask the supervisor of this run folder alone (of stint@NAME: NAME); default: all of this host", NULL, 1, 255},
    {"json", ARG_FLAG, NULL, "one JSON object a line instead of tables", NULL, 0, 0},
    {"quiet", ARG_FLAG, NULL, "no remarks and no progress bar", NULL, 0, 0},
    {"no-color", ARG_FLAG, NULL, "no colour (so does the environment's NO_COLOR)", NULL, 0, 0},
    {"actor", ARG_TEXT, "WHO", "who does this, for the audit log; default: you@host (\"stint audit\": only what WHO did)", NULL, 1,
     128},
    {"help", ARG_FLAG, NULL, "how the verb is used", NULL, 0, 0},
    {"version", ARG_FLAG, NULL, "version and build", NULL, 0, 0},
    {.name = NULL},
};

const struct verb *verb_all(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(VERBS);
    return VERBS;
}

const struct arg_spec *verb_global_options(void)
{
    return GLOBAL;
}

/* How many words of argv spell `words`; 0 when they differ. */
static int words_match(const char *words, int argc, char *const argv[])
{
    int taken = 0;
    for (const char *p = words; *p != '\0'; taken++) {
        size_t n = strcspn(p, " ");
        if (taken >= argc || strlen(argv[taken]) != n || strncmp(argv[taken], p, n) != 0)
            return 0;
        p += n + (p[n] == ' ' ? 1 : 0);
    }
    return taken;
}

const struct verb *verb_find(int argc, char *const argv[], int *ret_words)
{
    const struct verb *best = NULL;
    int best_words = 0;
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        int n = words_match(VERBS[i].words, argc, argv);
        if (n > best_words) {
            best = &VERBS[i];
            best_words = n;
        }
    }
    if (best != NULL)
        *ret_words = best_words;
    return best;
}

/* The two streams' looks, from the options that were read so far. */
static void open_out(struct session *s)
{
    out_init(&s->out, stdout, stderr, args_has(&s->args, "json"), args_has(&s->args, "quiet"),
             args_has(&s->args, "no-color"));
}

static int check_positionals(const struct verb *v, const struct args *a, struct err *e)
{
    int n = (int)a->n_positionals;
    if (n < v->least)
        return err_set(e, ERR_BAD_ARGUMENT, "%s is missing; usage: stint %s %s [options]", v->positionals, v->words,
                       v->positionals);
    if (v->most != VERB_MANY && n > v->most)
        return err_set(e, ERR_BAD_ARGUMENT, "\"%.100s\" is one argument too many; usage: stint %s%s%s [options]",
                       a->positionals[v->most], v->words, *v->positionals != '\0' ? " " : "", v->positionals);
    return 0;
}

/* Positionals become keys and JSON, but for names of files, which may be any bytes. */
static int check_utf8(const struct verb *v, const struct args *a, struct err *e)
{
    for (size_t i = 0; strstr(v->positionals, "FILE") == NULL && i < a->n_positionals; i++)
        if (!out_is_utf8(a->positionals[i]))
            return err_set(e, ERR_BAD_ARGUMENT, "%s: argument %zu is not UTF-8", v->positionals, i + 1);
    return 0;
}

static int run_verb(struct session *s, const struct verb *v, int argc, char *const argv[])
{
    struct err e = {.code = 0};
    s->verb = v->words;
    args_fini(&s->args);
    int rc = args_parse(&s->args, v->options, GLOBAL, argc, argv, &e);
    open_out(s);
    if (rc == 0 && args_has(&s->args, "help"))
        return verb_help_one(&s->out, v);
    if (rc == 0)
        rc = check_positionals(v, &s->args, &e);
    if (rc == 0)
        rc = check_utf8(v, &s->args, &e);
    if (rc < 0)
        return session_fail(s, &e);
    if (args_has(&s->args, "actor"))
        (void)snprintf(s->stores.actor, sizeof s->stores.actor, "%s", args_text(&s->args, "actor", ""));
    return v->run(s);
}

/* Before a verb: only options. */
static int run_without_verb(struct session *s)
{
    if (args_has(&s->args, "version")) {
        (void)fprintf(s->out.to, "stint %s (%s)\n", STINT_VERSION, STINT_BUILD);
        return EXIT_DONE;
    }
    if (args_has(&s->args, "help"))
        return verb_help_all(&s->out);
    (void)verb_help_all(&s->out);
    return EXIT_USAGE;
}

/* Options in front of the verb belong to it too: they are moved behind its words. */
static int run_with_leading(struct session *s, int leading, int argc, char *const argv[])
{
    int words = 0;
    const struct verb *v = verb_find(argc - leading, argv + leading, &words);
    if (v == NULL)
        return verb_help_unknown(s, argc - leading, argv + leading);
    AUTO_FREE char **rest = calloc((size_t)argc + 1, sizeof *rest);
    if (rest == NULL)
        return EXIT_FAILED;
    int n = 0;
    for (int i = 0; i < argc; i++)
        if (i < leading || i >= leading + words)
            rest[n++] = argv[i];
    return run_verb(s, v, n, rest);
}

/* Whether what the verb printed arrived; *ret_reader_left: who read it had enough ("stint … | head"), which is no
 * failure. */
static bool output_arrived(bool *ret_reader_left)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout) != 0;
    struct pollfd reader = {.fd = STDOUT_FILENO};
    int why = errno;
    *ret_reader_left = failed && poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0;
    errno = why;
    return !failed;
}

/* The two short options everybody tries, alone. */
static const char *long_form(const char *word)
{
    return strcmp(word, "-h") == 0 ? "--help" : strcmp(word, "-V") == 0 || strcmp(word, "-v") == 0 ? "--version" : word;
}

int verb_main(int argc, char *const argv[])
{
    struct err e = {.code = 0};
    struct session s;
    session_init(&s);
    int first = argc > 0 ? 1 : 0;
    char alone[16], *const one[] = {alone};
    (void)snprintf(alone, sizeof alone, "%s", argc == 2 ? long_form(argv[1]) : "");
    bool is_short = argc == 2 && strcmp(alone, argv[1]) != 0 && argv[1][0] == '-' && argv[1][1] != '-';
    int leading = args_parse_leading(&s.args, GLOBAL, argc - first, is_short ? one : argv + first, &e);
    open_out(&s);
    int code;
    if (leading < 0)
        code = session_fail(&s, &e);
    else if (leading == argc - first)
        code = run_without_verb(&s);
    else
        code = run_with_leading(&s, leading, argc - first, argv + first);
    session_fini(&s);
    bool reader_left;
    if (!output_arrived(&reader_left) && !reader_left && code == EXIT_DONE) {
        (void)fprintf(stderr, "stint: the output could not be written: %s\n", strerror(errno));
        code = EXIT_FAILED;
    }
    return code;
}
