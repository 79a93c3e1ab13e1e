/*
 * stint-pdfgen - arguments in, one PDF and its ground truth out. Refuses unknown arguments by name.
 */
#include "pdfgen.h"

#include <getopt.h>
#include <stdio.h>

enum { PAGES_MAX = 2000 };

struct pdfgen_args {
    struct pdfgen_sheet sheet;
    uint64_t seed;
    const char *out, *truth, *damage;
};

static const char HELP[] =
    "stint-pdfgen --kind lecture|test|exam --out FILE.pdf [options]\n"
    "  --rows N          table rows, 1 to 20000 (default 12)\n"
    "  --seed N          the same seed writes the same bytes (default 1)\n"
    "  --producer P      portal (default), browser or reportlab: how it is drawn\n"
    "  --truth FILE      the events it holds, as JSON\n"
    "  --damage D        truncate (second half missing), garbage (bytes overwritten) or notpdf\n"
    "  --middle          centre short cells vertically    --no-rules   draw no borders\n"
    "  --shift PT        move everything to the right          --plain      do not compress the contents\n";

static int args_choice(const char *option, const char *value, const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(value, names[i]) == 0)
            return (int)i;
    (void)fprintf(stderr, "stint-pdfgen: --%s %s: allowed are", option, value);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(stderr, " %s", names[i]);
    (void)fprintf(stderr, "\n");
    exit(2);
}

static void args_read(struct pdfgen_args *a, int argc, char *argv[])
{
    static const char *const kinds[] = {"lecture", "test", "exam"};
    static const char *const producers[] = {"portal", "browser", "reportlab"};
    static const char *const damages[] = {"truncate", "garbage", "notpdf"};
    static const struct option options[] = {
        {"kind", 1, NULL, 'k'},   {"out", 1, NULL, 'o'},    {"rows", 1, NULL, 'n'},     {"seed", 1, NULL, 's'},
        {"truth", 1, NULL, 't'},  {"damage", 1, NULL, 'd'}, {"producer", 1, NULL, 'p'}, {"middle", 0, NULL, 'm'},
        {"no-rules", 0, NULL, 'r'}, {"shift", 1, NULL, 'x'}, {"plain", 0, NULL, 'z'},    {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *a = (struct pdfgen_args){.seed = 1, .sheet = {.n_rows = 12, .rules = true}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'k')
            a->sheet.kind = (enum pdfgen_kind)args_choice("kind", optarg, kinds, ARRAY_LEN(kinds));
        else if (c == 'p')
            a->sheet.producer = (enum pdfgen_producer)args_choice("producer", optarg, producers, ARRAY_LEN(producers));
        else if (c == 'd')
            a->damage = damages[args_choice("damage", optarg, damages, ARRAY_LEN(damages))];
        else if (c == 'o')
            a->out = optarg;
        else if (c == 't')
            a->truth = optarg;
        else if (c == 'n')
            a->sheet.n_rows = strtoul(optarg, NULL, 10);
        else if (c == 's')
            a->seed = strtoull(optarg, NULL, 10);
        else if (c == 'x')
            a->sheet.shift = strtod(optarg, NULL);
        else if (c == 'm')
            a->sheet.middle = true;
        else if (c == 'z')
            a->sheet.plain = true;
        else if (c == 'r')
            a->sheet.rules = false;
        else {
            (void)fputs(HELP, c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : 2);
        }
    }
    if (a->out == NULL || optind != argc || a->sheet.n_rows < 1 || a->sheet.n_rows > PDFGEN_ROWS_MAX) {
        (void)fputs(HELP, stderr);
        exit(2);
    }
}

static void damage(struct buf *file, const char *how, uint64_t seed)
{
    if (strcmp(how, "truncate") == 0)
        file->len /= 2;
    else if (strcmp(how, "notpdf") == 0)
        memcpy(file->data, "PK\003\004", 4);
    else
        for (size_t i = 0, at = (size_t)seed; i < file->len / 8; i++, at = at * 6364136223846793005u + 1442695040888963407u)
            file->data[10 + (at >> 20) % (file->len - 10)] = (char)(at >> 40);
}

static int write_file(const char *path, const char *data, size_t len)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
        (void)fprintf(stderr, "stint-pdfgen: %s could not be written: %s\n", path, strerror(errno));
        return -1;
    }
    return 0;
}

int main(int argc, char *argv[])
{
    static const char *const types[] = {"lecture", "test", "exam"};
    static struct buf pages[PAGES_MAX];
    struct pdfgen_args a;
    args_read(&a, argc, argv);
    pdfgen_data_columns(&a.sheet);
    a.sheet.rows = calloc(a.sheet.n_rows, sizeof *a.sheet.rows);
    a.sheet.events = json_array();
    if (a.sheet.rows == NULL || a.sheet.events == NULL)
        return 1;
    pdfgen_data_fill(&a.sheet, a.seed);
    for (size_t i = 0; i < PAGES_MAX; i++)
        buf_init(&pages[i], SIZE_MAX);
    size_t n = pdfgen_page_draw(&a.sheet, pages, PAGES_MAX);
    struct buf file;
    buf_init(&file, SIZE_MAX);
    pdfgen_file_write(&a.sheet, pages, n, &file);
    if (a.damage != NULL)
        damage(&file, a.damage, a.seed);
    int rc = write_file(a.out, file.data, file.len);
    if (rc == 0 && a.truth != NULL) {
        json_t *truth = json_pack("{s:s,s:i,s:I,s:O}", "type", types[a.sheet.kind], "pages", (int)n, "rows",
                                  (json_int_t)a.sheet.n_rows, "events", a.sheet.events);
        AUTO_FREE char *text = json_dumps(truth, JSON_INDENT(1) | JSON_SORT_KEYS);
        rc = text == NULL ? -1 : write_file(a.truth, text, strlen(text));
        json_decref(truth);
    }
    json_decref(a.sheet.events);
    free(a.sheet.rows);
    for (size_t i = 0; i < PAGES_MAX; i++)
        buf_fini(&pages[i]);
    buf_fini(&file);
    return rc == 0 ? 0 : 1;
}
