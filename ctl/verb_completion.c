/*
 * verb_completion - `stint completion bash`: a completion script made from the verb table, so that it cannot fall
 * behind the code. Refuses shells it does not know.
 */
#include "verb.h"

#include <stdio.h>

enum { WORD_MAX = 32 };

const struct arg_spec verb_completion_options[] = {{.name = NULL}};

/* The first word of a verb into out; returns the second, or NULL. */
static const char *split_words(const struct verb *v, char out[static WORD_MAX])
{
    size_t n = strcspn(v->words, " ");
    (void)snprintf(out, WORD_MAX, "%.*s", (int)MIN_OF(n, (size_t)WORD_MAX - 1), v->words);
    return v->words[n] == ' ' ? v->words + n + 1 : NULL;
}

/* True when no earlier row begins with the same word. */
static bool is_first_of_word(const struct verb *all, size_t i, const char *word)
{
    char other[WORD_MAX];
    for (size_t j = 0; j < i; j++) {
        (void)split_words(&all[j], other);
        if (strcmp(other, word) == 0)
            return false;
    }
    return true;
}

/* "job) [ -z "$two" ] && words="show wait" ;;" for every group, and the words that may come first. */
static void print_words(FILE *to, const struct verb *all, size_t n)
{
    char word[WORD_MAX], other[WORD_MAX];
    (void)fputs("    case $one in\n    '') words='", to);
    for (size_t i = 0; i < n; i++) {
        (void)split_words(&all[i], word);
        if (is_first_of_word(all, i, word))
            (void)fprintf(to, "%s%s", i > 0 ? " " : "", word);
    }
    (void)fputs("' ;;\n", to);
    for (size_t i = 0; i < n; i++) {
        const char *second = split_words(&all[i], word);
        if (second == NULL || !is_first_of_word(all, i, word))
            continue;
        (void)fprintf(to, "    %s) verb=\"%s $two\"; [ -n \"$two\" ] || words='%s", word, word, second);
        for (size_t j = i + 1; j < n; j++) {
            second = split_words(&all[j], other);
            if (second != NULL && strcmp(other, word) == 0 && strchr(second, ' ') == NULL)
                (void)fprintf(to, " %s", second);
        }
        (void)fputs("' ;;\n", to);
    }
    (void)fputs("    esac\n", to);
}

/* "'dlq replay') case $three in rate|pause) verb="$verb $three" ;; '') words='rate pause' ;; esac ;;" for every verb whose
 * words begin others of three. */
static void print_third_words(FILE *to, const struct verb *all, size_t n)
{
    (void)fputs("    case $verb in\n", to);
    for (size_t i = 0; i < n; i++) {
        char words[256] = "", cases[256] = "";
        size_t len = strlen(all[i].words);
        for (size_t j = 0; j < n; j++) {
            if (strncmp(all[j].words, all[i].words, len) != 0 || all[j].words[len] != ' ' || strchr(all[i].words, ' ') == NULL)
                continue;
            size_t a = strlen(words), b = strlen(cases);
            (void)snprintf(words + a, sizeof words - a, "%s%s", a > 0 ? " " : "", all[j].words + len + 1);
            (void)snprintf(cases + b, sizeof cases - b, "%s%s", b > 0 ? "|" : "", all[j].words + len + 1);
        }
        if (*words != '\0')
            (void)fprintf(to, "    '%s') case $three in %s) verb=\"$verb $three\" ;; '') words='%s' ;; esac ;;\n", all[i].words,
                          cases, words);
    }
    (void)fputs("    esac\n", to);
}

static void print_values(FILE *to, const char *words, const struct arg_spec *specs)
{
    for (; specs->name != NULL; specs++) {
        if (args_choices(specs) == NULL)
            continue;
        (void)fprintf(to, "    '%s --%s') words='", words, specs->name);
        for (const char *p = specs->values; *p != '\0'; p++)
            (void)fputc(*p == '|' ? ' ' : *p, to);
        (void)fputs("' ;;\n", to);
    }
}

static void print_names(FILE *to, const struct arg_spec *specs)
{
    for (; specs->name != NULL; specs++)
        (void)fprintf(to, " --%s", specs->name);
}

static void print_options(FILE *to, const struct verb *all, size_t n)
{
    (void)fputs("    case \"$verb $prev\" in\n", to);
    for (size_t i = 0; i < n; i++)
        print_values(to, all[i].words, all[i].options);
    (void)fputs("    *) case $cur in -*)\n        words='", to);
    print_names(to, verb_global_options());
    (void)fputs("'\n        case $verb in\n", to);
    for (size_t i = 0; i < n; i++) {
        if (all[i].options->name == NULL)
            continue;
        (void)fprintf(to, "        '%s') words+='", all[i].words);
        print_names(to, all[i].options);
        (void)fputs("' ;;\n", to);
    }
    (void)fputs("        esac ;;\n    esac ;;\n    esac\n", to);
}

int verb_completion(struct session *s)
{
    struct err e = {.code = 0};
    size_t n;
    const struct verb *all = verb_all(&n);
    FILE *to = s->out.to;
    if (strcmp(args_positional(&s->args, 0), "bash") != 0) {
        (void)err_set(&e, ERR_BAD_ARGUMENT, "SHELL: \"%.60s\" is not allowed; allowed: bash",
                      args_positional(&s->args, 0));
        return session_fail(s, &e);
    }
    (void)fputs("# bash completion for stint, made by \"stint completion bash\"\n"
                "_stint() {\n"
                "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} one= two= three= words= verb w i\n"
                "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        w=${COMP_WORDS[i]}\n"
                "        case ${COMP_WORDS[i-1]} in --config|--dir) continue ;; esac\n"
                "        case $w in -*) continue ;; esac\n"
                "        if [ -z \"$one\" ]; then one=$w; elif [ -z \"$two\" ]; then two=$w; elif [ -z \"$three\" ]; then three=$w; fi\n"
                "    done\n"
                "    verb=$one\n",
                to);
    print_words(to, all, n);
    print_third_words(to, all, n);
    print_options(to, all, n);
    (void)fputs("    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                "}\n"
                "complete -o default -F _stint stint\n",
                to);
    return EXIT_DONE;
}
