/*
 * hostile_drive - hands foreign, bent and made-up files to a real parser through its worker's client, and says how each ended.
 *
 *   hostile_drive [--seed N] [--mutations N] [--seconds N] [--modes 1|3] [--cells N] [--bombs FILE] [--good PDF] [--keep DIR] FOLDER…
 *
 * FOLDERs hold documents, at any depth; what lies below a folder `opened` is only bent, never tried as it is. FILE lists bombs, one a line:
 * path, mode, allowed endings (OK,MEM_LIMIT…), by tabs. Prints `ok - ` and `not ok - ` lines; exits 1 when there is one of the latter.
 */
#include "clock.h"
#include "hostile_host.h"
#include "hostile_judge.h"
#include "hostile_mutate.h"

#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
    CELLS_MAX = PARSER_CELLS_MAX,
    CHUNK = 500,               /* documents between two looks at the host */
    DOCUMENT_MAX = 10 << 20,
    ENDINGS_MAX = 64,
    CRASHES_MAX = 200,
    FAULTS_SHOWN = 40,
    BOMB_CPU_S = 8,
    SETTLE_MS = 5000,
    QUIET_MS = 300,
    ZYGOTE_SLACK = 512 * 1024, /* what the zygote may grow by over a whole run */
};

enum kind { KIND_DOCUMENT, KIND_BOMB, KIND_MUTATION, KIND_COUNT };
static const char *const KINDS[KIND_COUNT] = {"documents", "bombs", "mutations"};
static const char *const MODES[] = {"auto", "table", "text"};

struct slot {
    struct drive *drive;
    bool busy;
    enum kind kind;
    char name[512], allowed[256];
    struct hostile_bytes bytes;
    struct parser_request request;
};

struct ending {
    int code;
    size_t n[KIND_COUNT];
    uint32_t wall_ms;    /* longest */
    uint64_t rss_bytes;  /* most */
};

struct drive {
    uv_loop_t loop;
    struct parser_client *client;
    char **documents, **bases; /* paths, owned: tried as they are; bent */
    size_t n_documents, n_bases;
    struct slot slots[CELLS_MAX];
    size_t cells;
    struct ending endings[ENDINGS_MAX];
    size_t n_endings, tried[KIND_COUNT], faults, crashes;
    char crash_keys[CRASHES_MAX][200];
    size_t n_crash_keys;
    uint64_t seed, random, zygote_bytes;
    const char *keep;
    struct hostile_bytes good;
    json_t *good_reply; /* owned: what the good document gave before anything else */
};

static struct drive *walking; /* nftw has no argument for its callback */

static char *drive_copy(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        abort();
    return copy;
}

static int drive_walk(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type != FTW_F || st->st_size > DOCUMENT_MAX || strstr(path, "COUNTS") != NULL)
        return 0;
    struct drive *d = walking;
    d->bases = reallocarray(d->bases, d->n_bases + 1, sizeof *d->bases);
    d->documents = reallocarray(d->documents, d->n_documents + 1, sizeof *d->documents);
    if (d->bases == NULL || d->documents == NULL)
        abort();
    d->bases[d->n_bases++] = drive_copy(path);
    if (strstr(path, "/opened/") == NULL)
        d->documents[d->n_documents++] = drive_copy(path);
    return 0;
}

static int drive_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct hostile_bytes drive_slurp(const char *path)
{
    struct hostile_bytes b = {0};
    struct stat st;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || (b.data = malloc((size_t)st.st_size + 1)) == NULL || read(fd, b.data, (size_t)st.st_size) != st.st_size) {
        (void)fprintf(stderr, "hostile_drive: %s cannot be read\n", path);
        exit(2);
    }
    b.n = (size_t)st.st_size;
    return b;
}

static void drive_fault(struct drive *d, const struct slot *s, const char *fault)
{
    if (d->faults++ < FAULTS_SHOWN)
        (void)printf("not ok - %s (%s): %s\n", s->name, s->request.expect, fault);
}

/* The input, for whoever looks into it. */
static void drive_keep(struct drive *d, const struct slot *s, const char *why)
{
    char path[4096];
    if (d->keep == NULL || d->faults > FAULTS_SHOWN)
        return;
    (void)snprintf(path, sizeof path, "%s/%s-%zu-%s.pdf", d->keep, why, d->tried[s->kind], s->request.expect);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0 && write(fd, s->bytes.data, s->bytes.n) == (ssize_t)s->bytes.n)
        (void)printf("# kept as %s\n", path);
}

/* Who asks for memory decides whose a death is, not who gives it: the C library, or the parser's counting in front of it. A stack that
 * a library uses up may end in either. */
static bool gives_memory(const char *frame, const char *module)
{
    static const char *const allocators[] = {"malloc+", "calloc+", "realloc+", "allocated+"};
    if (strncmp(module, " libc", 5) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(allocators); i++)
        if (strncmp(frame, allocators[i], strlen(allocators[i])) == 0)
            return true;
    return false;
}

/* Where it died, once for each place. A place in the program itself is a defect of ours; in a library it is told and no more. */
static void drive_crash(struct drive *d, const struct slot *s, const struct parser_outcome *o)
{
    static char text[65536];
    char key[200] = "";
    bool ours = false, decided = false;
    size_t length = 0, shown = 0;
    d->crashes++;
    hostile_backtrace(o->page_fd, text, sizeof text);
    json_t *trace = json_loads(text, 0, NULL);
    const json_t *frames = json_object_get(trace, "backtrace");
    for (size_t i = 0; i < json_array_size(frames); i++) {
        const char *frame = json_string_value(json_array_get(frames, i)), *module = frame != NULL ? strrchr(frame, ' ') : NULL;
        if (module == NULL || gives_memory(frame, module))
            continue;
        if (!decided)
            ours = strcmp(module, " stint-parser") == 0;
        decided = true;
        if (shown++ < 4)
            length += (size_t)snprintf(key + length, sizeof key - length, "%s%.*s", length > 0 ? " < " : "", 44, frame);
    }
    if (!decided)
        (void)snprintf(key, sizeof key, "%.150s", text);
    json_decref(trace);
    bool seen = false;
    for (size_t i = 0; i < d->n_crash_keys; i++)
        seen = seen || strncmp(d->crash_keys[i], key, 60) == 0;
    if (!seen && d->n_crash_keys < CRASHES_MAX) {
        (void)snprintf(d->crash_keys[d->n_crash_keys++], sizeof d->crash_keys[0], "%s", key);
        (void)printf("# crash of %s (%s): %s %s\n", s->name, s->request.expect, o->e.message, key);
        drive_keep(d, s, "crash");
    }
    if (ours)
        drive_fault(d, s, "the parser's own code died");
}

static void drive_note(struct drive *d, const struct slot *s, const struct parser_outcome *o)
{
    size_t i = 0;
    while (i < d->n_endings && d->endings[i].code != o->code)
        i++;
    if (i == ENDINGS_MAX)
        return;
    if (i == d->n_endings)
        d->endings[d->n_endings++] = (struct ending){.code = o->code};
    d->endings[i].n[s->kind]++;
    d->endings[i].wall_ms = MAX_OF(d->endings[i].wall_ms, o->wall_us / 1000);
    d->endings[i].rss_bytes = MAX_OF(d->endings[i].rss_bytes, o->rss_bytes);
}

static bool drive_allowed(const struct slot *s, int code)
{
    char list[sizeof s->allowed], *save = NULL;
    (void)snprintf(list, sizeof list, "%s", s->allowed);
    for (char *name = strtok_r(list, ",", &save); name != NULL; name = strtok_r(NULL, ",", &save))
        if (strcmp(name, err_name(code)) == 0)
            return true;
    return false;
}

static void drive_on_done(void *arg, const struct parser_outcome *o)
{
    struct slot *s = arg;
    struct drive *d = s->drive;
    char fault[HOSTILE_FAULT_MAX];
    d->tried[s->kind]++;
    drive_note(d, s, o);
    hostile_judge(&s->request, o, d->zygote_bytes, fault);
    if (fault[0] == '\0' && s->kind == KIND_BOMB && !drive_allowed(s, o->code))
        (void)snprintf(fault, sizeof fault, "ended as %s (%.120s), not as one of %.100s", err_name(o->code), o->e.message, s->allowed);
    if (fault[0] == '\0' && s->kind == KIND_DOCUMENT && o->code == ERR_SANDBOX_VIOLATION)
        (void)snprintf(fault, sizeof fault, "%.200s", o->e.message);
    if (s->kind == KIND_BOMB)
        (void)printf("# bomb %s: %s in %u ms, %u ms of CPU, %llu MiB: %.120s\n", s->name, err_name(o->code), o->wall_us / 1000, o->cpu_us / 1000,
                     (unsigned long long)(o->rss_bytes >> 20), o->code < 0 ? o->e.message : "a result");
    if (o->code == ERR_CRASH && o->page_fd >= 0)
        drive_crash(d, s, o);
    else if (o->code == ERR_SANDBOX_VIOLATION && s->kind == KIND_MUTATION)
        (void)printf("# %s: %s\n", s->name, o->e.message);
    if (fault[0] != '\0') {
        drive_fault(d, s, fault);
        drive_keep(d, s, "fault");
    }
    free(s->bytes.data);
    s->bytes = (struct hostile_bytes){0};
    s->busy = false;
}

static int drive_memfd(const struct hostile_bytes *b)
{
    int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, b->data, b->n) != (ssize_t)b->n || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0) {
        (void)fprintf(stderr, "hostile_drive: no memory file\n");
        exit(2);
    }
    return fd;
}

static void drive_start(struct slot *s)
{
    struct err e = {0};
    uint64_t id;
    AUTO_CLOSE int fd = drive_memfd(&s->bytes);
    s->busy = true;
    if (parser_client_parse(s->drive->client, &s->request, fd, drive_on_done, s, &id, &e) < 0) {
        (void)fprintf(stderr, "hostile_drive: %s\n", e.message);
        exit(2);
    }
}

/* Bombs and bent files have less CPU time than a document of somebody's: what burns it is to be ended, not to be waited for. */
static struct parser_request drive_request(const char *mode, bool whole)
{
    struct parser_request r = {.memory_bytes = UINT64_C(256) << 20, .cpu_s = whole ? 30 : 5, .wall_ms = whole ? 60000 : 15000, .reply_bytes = 16 << 20,
                               .max_pages = 100, .unpacked_bytes = UINT64_C(128) << 20};
    (void)snprintf(r.expect, sizeof r.expect, "%s", mode);
    return r;
}

/* Runs `n` files through `fill`, which makes the i-th ready in a slot; at the end every cell is gone. */
static void drive_run(struct drive *d, size_t from, size_t n, void (*fill)(struct drive *d, struct slot *s, size_t i))
{
    size_t next = 0;
    for (bool busy = true; busy || next < n;) {
        for (size_t c = 0; c < d->cells && next < n; c++)
            if (!d->slots[c].busy) {
                d->slots[c].drive = d;
                fill(d, &d->slots[c], from + next++);
                drive_start(&d->slots[c]);
            }
        (void)uv_run(&d->loop, UV_RUN_ONCE);
        busy = false;
        for (size_t c = 0; c < d->cells; c++)
            busy = busy || d->slots[c].busy;
    }
}

static size_t modes_each = 1;

static void fill_document(struct drive *d, struct slot *s, size_t i)
{
    const char *path = d->documents[i / modes_each];
    s->kind = KIND_DOCUMENT;
    s->bytes = drive_slurp(path);
    s->request = drive_request(MODES[(i + (modes_each == 1 ? d->seed : 0)) % ARRAY_LEN(MODES)], true);
    (void)snprintf(s->name, sizeof s->name, "%s", path);
}

static void fill_mutation(struct drive *d, struct slot *s, size_t i)
{
    char how[160];
    uint64_t seed = d->seed * UINT64_C(1000003) + i, random = seed;
    const char *base = d->bases[hostile_random(&random) % d->n_bases], *other = d->bases[hostile_random(&random) % d->n_bases];
    struct hostile_bytes from = drive_slurp(base), lent = drive_slurp(other);
    s->kind = KIND_MUTATION;
    s->bytes = hostile_mutate(&from, &lent, hostile_random(&random), DOCUMENT_MAX, how);
    s->request = drive_request(MODES[hostile_random(&random) % ARRAY_LEN(MODES)], false);
    (void)snprintf(s->name, sizeof s->name, "%.300s bent by %s (seed %llu, number %zu)", base, how, (unsigned long long)d->seed, i);
    free(from.data);
    free(lent.data);
}

static void on_good(void *arg, const struct parser_outcome *o)
{
    json_t **reply = arg;
    *reply = o->reply != NULL ? json_incref(o->reply) : json_pack("{s:s}", "ended", err_name(o->code));
}

static json_t *drive_good(struct drive *d)
{
    struct err e = {0};
    struct parser_request r = drive_request("auto", true);
    json_t *reply = NULL;
    uint64_t id;
    AUTO_CLOSE int fd = drive_memfd(&d->good);
    if (parser_client_parse(d->client, &r, fd, on_good, &reply, &id, &e) < 0)
        reply = json_pack("{s:s}", "ended", e.message);
    while (reply == NULL)
        (void)uv_run(&d->loop, UV_RUN_ONCE);
    return reply;
}

/* As many good documents at once as there will be others, so that the zygote has what it keeps ready for so many. */
static void drive_warm(struct drive *d)
{
    json_t *replies[CELLS_MAX] = {NULL};
    struct parser_request r = drive_request("auto", true);
    struct err e = {0};
    size_t left = d->cells;
    for (size_t i = 0; i < d->cells; i++) {
        uint64_t id;
        AUTO_CLOSE int fd = drive_memfd(&d->good);
        if (parser_client_parse(d->client, &r, fd, on_good, &replies[i], &id, &e) < 0)
            replies[i] = json_null();
    }
    while (left > 0) {
        left = 0;
        for (size_t i = 0; i < d->cells; i++)
            left += replies[i] == NULL;
        if (left > 0)
            (void)uv_run(&d->loop, UV_RUN_ONCE);
    }
    for (size_t i = 0; i < d->cells; i++)
        json_decref(replies[i]);
}

static const char *const FOLDERS[] = {".", "/tmp", "/var/tmp", "/dev/shm", NULL};

/* The good document gives what it gave, and the host is as it was. */
static void drive_look(struct drive *d, const struct hostile_host *before, const char *const folders[])
{
    char what[200];
    struct hostile_host now;
    json_t *reply = drive_good(d);
    if (!json_equal(reply, d->good_reply)) {
        d->faults++;
        (void)printf("not ok - the good document is read differently now\n");
    }
    json_decref(reply);
    for (uint64_t until_ms = clock_mono_ms() + SETTLE_MS;;) { /* it makes ready for the next document after it has told of the last */
        hostile_host_read(&now, parser_client_pid(d->client), folders);
        hostile_host_compare(before, &now, ZYGOTE_SLACK, what);
        if (what[0] == '\0' || clock_mono_ms() > until_ms)
            break;
        (void)poll(NULL, 0, 20);
    }
    if (what[0] != '\0') {
        d->faults++;
        (void)printf("not ok - the host changed: %s\n", what);
    }
}

static char bomb_lines[400][1024];
static size_t n_bombs;

static void bombs_read(const char *path)
{
    FILE *file = fopen(path, "re");
    while (file != NULL && n_bombs < ARRAY_LEN(bomb_lines) && fgets(bomb_lines[n_bombs], sizeof bomb_lines[0], file) != NULL)
        n_bombs++;
    if (file != NULL)
        (void)fclose(file);
}

static void fill_bomb(struct drive *d, struct slot *s, size_t i)
{
    char path[600] = "", mode[16] = "";
    (void)d;
    s->allowed[0] = '\0';
    if (sscanf(bomb_lines[i], "%599[^\t]\t%15[^\t]\t%255[^\n]", path, mode, s->allowed) != 3) {
        (void)fprintf(stderr, "hostile_drive: bomb %zu is no path, mode and endings\n", i + 1);
        exit(2);
    }
    s->kind = KIND_BOMB;
    s->bytes = drive_slurp(path);
    s->request = drive_request(mode, true);
    s->request.cpu_s = BOMB_CPU_S;
    const char *base = strrchr(path, '/');
    (void)snprintf(s->name, sizeof s->name, "%.400s", base != NULL ? base + 1 : path);
}

static void drive_sum(const struct drive *d, enum kind kind)
{
    size_t results = 0;
    for (size_t i = 0; i < d->n_endings; i++)
        results += d->endings[i].code == 0 ? d->endings[i].n[kind] : 0;
    (void)printf("%s - %zu %s: %zu result", d->tried[kind] > 0 ? "ok" : "not ok", d->tried[kind], KINDS[kind], results);
    for (size_t i = 0; i < d->n_endings; i++)
        if (d->endings[i].code != 0 && d->endings[i].n[kind] > 0)
            (void)printf(", %zu %s", d->endings[i].n[kind], err_name(d->endings[i].code));
    (void)printf("\n");
}

static void drive_report(const struct drive *d, uint64_t started_ms)
{
    for (enum kind k = 0; k < KIND_COUNT; k++)
        if (d->tried[k] > 0)
            drive_sum(d, k);
    for (size_t i = 0; i < d->n_endings; i++)
        (void)printf("# %s: longest %u ms, most memory %llu MiB\n", err_name(d->endings[i].code), d->endings[i].wall_ms,
                     (unsigned long long)(d->endings[i].rss_bytes >> 20));
    (void)printf("# %zu crashes at %zu places, %zu faults, seed %llu, %llu s\n", d->crashes, d->n_crash_keys, d->faults, (unsigned long long)d->seed,
                 (unsigned long long)((clock_mono_ms() - started_ms) / 1000));
}

int main(int argc, char *argv[])
{
    static struct drive d = {.cells = 2, .seed = 1};
    static const struct option options[] = {{"seed", 1, NULL, 's'},  {"mutations", 1, NULL, 'm'}, {"seconds", 1, NULL, 't'}, {"modes", 1, NULL, 'o'},
                                            {"cells", 1, NULL, 'c'}, {"bombs", 1, NULL, 'b'},     {"good", 1, NULL, 'g'},    {"keep", 1, NULL, 'k'},
                                            {"private", 0, NULL, 'p'}, {"from", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
    size_t mutations = 0, seconds = 3600, first = 0;
    bool private_folders = false;
    struct err e = {0};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (o) {
        case 's': d.seed = strtoull(optarg, NULL, 10); break;
        case 'm': mutations = strtoull(optarg, NULL, 10); break;
        case 't': seconds = strtoull(optarg, NULL, 10); break;
        case 'o': modes_each = strtoull(optarg, NULL, 10) == 3 ? 3 : 1; break;
        case 'c': d.cells = MAX_OF(1u, MIN_OF((size_t)CELLS_MAX, strtoull(optarg, NULL, 10))); break;
        case 'b': bombs_read(optarg); break;
        case 'g': d.good = drive_slurp(optarg); break;
        case 'k': d.keep = optarg; break;
        case 'p': private_folders = true; break;
        case 'f': first = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    walking = &d;
    for (int i = optind; i < argc; i++)
        (void)nftw(argv[i], drive_walk, 16, FTW_PHYS);
    if (d.n_bases > 0) {
        qsort(d.documents, d.n_documents, sizeof *d.documents, drive_order);
        qsort(d.bases, d.n_bases, sizeof *d.bases, drive_order);
    }
    uint64_t started_ms = clock_mono_ms();
    if (uv_loop_init(&d.loop) != 0 || parser_client_new(&d.loop, "", &d.client, &e) < 0) {
        (void)fprintf(stderr, "hostile_drive: %s\n", e.message);
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("# seed %llu, %zu documents, %zu bases, %zu bombs\n", (unsigned long long)d.seed, d.n_documents, d.n_bases, n_bombs);
    struct hostile_host before;
    const char *const here[] = {".", NULL}, *const *folders = private_folders ? FOLDERS : here;
    d.good_reply = drive_good(&d);
    drive_warm(&d);
    (void)poll(NULL, 0, QUIET_MS); /* the spares of so many are being made */
    hostile_host_read(&before, parser_client_pid(d.client), folders);
    d.zygote_bytes = before.zygote_bytes + (UINT64_C(64) << 20);
    for (size_t i = 0; i < n_bombs; i += CHUNK) {
        drive_run(&d, i, MIN_OF((size_t)CHUNK, n_bombs - i), fill_bomb);
        drive_look(&d, &before, folders);
    }
    for (size_t i = 0; i < d.n_documents * modes_each; i += CHUNK) {
        drive_run(&d, i, MIN_OF((size_t)CHUNK, d.n_documents * modes_each - i), fill_document);
        drive_look(&d, &before, folders);
    }
    const uint64_t until_ms = clock_mono_ms() + seconds * 1000;
    for (size_t i = 0; i < mutations && clock_mono_ms() < until_ms && d.n_bases > 0; i += CHUNK) {
        drive_run(&d, first + i, MIN_OF((size_t)CHUNK, mutations - i), fill_mutation);
        drive_look(&d, &before, folders);
    }
    drive_report(&d, started_ms);
    json_decref(d.good_reply);
    parser_client_close(d.client);
    (void)uv_run(&d.loop, UV_RUN_DEFAULT);
    return d.faults > 0;
}
