/*
 * scoreboard - see scoreboard.h. A sequence lock over plain words: a writer never waits, a reader that meets a
 * half-written cell tries again a bounded number of times and then says so. It refuses to map anything that is not a
 * scoreboard.
 */
#include "scoreboard.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
    SCORE_READ_SPINS = 200,  /* a publish takes some hundred nanoseconds */
    SCORE_READ_YIELDS = 200, /* … unless its writer was scheduled away in the middle */
    SCORE_NOW_WORDS = sizeof(struct score_now) / sizeof(uint64_t),
};
_Static_assert(sizeof(struct score_now) % sizeof(uint64_t) == 0, "score_now is copied in words");
_Static_assert(offsetof(struct score_cell, now) % sizeof(uint64_t) == 0, "score_now is copied in words");

const uint32_t score_bucket_ms[SCORE_BUCKETS - 1] = {1,   2,    5,    10,   25,    50,    100,   250,
                                                     500, 1000, 2500, 5000, 15000, 60000, 300000};

int scoreboard_new(struct scoreboard **ret_board, int *ret_fd)
{
    AUTO_CLOSE int fd = memfd_create("stint-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, sizeof(struct scoreboard)) < 0)
        return -errno;
    /* A child that shrank the file would kill the supervisor by SIGBUS. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    struct scoreboard *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED)
        return -errno;
    board->magic = SCORE_MAGIC;
    board->n_slots = SCORE_SLOT_MAX;
    *ret_board = board;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int scoreboard_map(int fd, struct scoreboard **ret_board)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size != (off_t)sizeof(struct scoreboard))
        return -EBADMSG;
    struct scoreboard *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED)
        return -errno;
    if (board->magic != SCORE_MAGIC || board->n_slots > SCORE_SLOT_MAX) {
        scoreboard_free(board);
        return -EBADMSG;
    }
    *ret_board = board;
    return 0;
}

void scoreboard_free(struct scoreboard *board)
{
    if (board != NULL)
        (void)munmap(board, sizeof *board);
}

void score_publish(struct score_cell *cell, const struct score_now *now)
{
    uint64_t words[SCORE_NOW_WORDS];
    memcpy(words, now, sizeof words);
    uint64_t *shared = (uint64_t *)(void *)&cell->now;
    /* A predecessor that died in mid-write left the number odd: start from there. */
    uint32_t odd = atomic_load_explicit(&cell->seq, memory_order_relaxed) | 1u;
    atomic_store_explicit(&cell->seq, odd, memory_order_relaxed);
    for (size_t i = 0; i < SCORE_NOW_WORDS; i++) /* release: no word may be seen before the odd number */
        __atomic_store_n(&shared[i], words[i], __ATOMIC_RELEASE);
    atomic_store_explicit(&cell->seq, odd + 1, memory_order_release);
}

static void score_copy(const struct score_cell *cell, struct score_now *ret_now)
{
    uint64_t words[SCORE_NOW_WORDS];
    const uint64_t *shared = (const uint64_t *)(const void *)&cell->now;
    for (size_t i = 0; i < SCORE_NOW_WORDS; i++) /* acquire: the second look at the number comes after every word */
        words[i] = __atomic_load_n(&shared[i], __ATOMIC_ACQUIRE);
    memcpy(ret_now, words, sizeof words);
    /* What another process wrote is a string only if it ends. */
    ret_now->entry[sizeof ret_now->entry - 1] = '\0';
    ret_now->job_id[sizeof ret_now->job_id - 1] = '\0';
    ret_now->kind[sizeof ret_now->kind - 1] = '\0';
    ret_now->trace[sizeof ret_now->trace - 1] = '\0';
}

bool score_read(const struct score_cell *cell, struct score_now *ret_now)
{
    for (int i = 0; i < SCORE_READ_SPINS + SCORE_READ_YIELDS; i++) {
        uint32_t before = atomic_load_explicit(&cell->seq, memory_order_acquire);
        if ((before & 1u) == 0) {
            score_copy(cell, ret_now);
            if (atomic_load_explicit(&cell->seq, memory_order_relaxed) == before)
                return true;
        }
        if (i >= SCORE_READ_SPINS)
            (void)sched_yield();
    }
    score_copy(cell, ret_now);
    return false;
}

uint64_t score_alive_ms(const struct score_cell *cell)
{
    uint64_t fetched_ms = atomic_load_explicit(&cell->last_fetch_ms, memory_order_relaxed);
    uint64_t alive_ms = atomic_load_explicit(&cell->alive_ms, memory_order_relaxed);
    return MAX_OF(fetched_ms, alive_ms);
}

struct score_kind *score_kind(struct score_cell *cell, const char *kind)
{
    for (size_t i = 0; i < SCORE_KIND_MAX; i++) {
        struct score_kind *k = &cell->kinds[i];
        if (atomic_load_explicit(&k->used, memory_order_acquire) == 0) {
            (void)snprintf(k->name, sizeof k->name, "%s", kind);
            atomic_store_explicit(&k->used, 1, memory_order_release);
            return k;
        }
        if (strncmp(k->name, kind, sizeof k->name - 1) == 0)
            return k;
    }
    return NULL;
}

struct score_pool *score_pool(struct scoreboard *board, const char *pool)
{
    for (size_t i = 0; i < SCORE_POOL_MAX; i++) {
        struct score_pool *p = &board->supervisor.pools[i];
        if (atomic_load_explicit(&p->used, memory_order_acquire) == 0) {
            (void)snprintf(p->name, sizeof p->name, "%s", pool);
            atomic_store_explicit(&p->used, 1, memory_order_release);
            return p;
        }
        if (strncmp(p->name, pool, sizeof p->name - 1) == 0)
            return p;
    }
    return NULL;
}

void score_restart(struct score_pool *pool, const char *cause)
{
    for (size_t i = 0; i < SCORE_CAUSE_MAX; i++) {
        const char *name = i + 1 < SCORE_CAUSE_MAX ? cause : "other"; /* the last row takes what has none */
        if (atomic_load_explicit(&pool->restarts[i].used, memory_order_acquire) == 0) {
            (void)snprintf(pool->restarts[i].cause, SCORE_CAUSE_NAME_MAX, "%s", name);
            atomic_store_explicit(&pool->restarts[i].used, 1, memory_order_release);
        }
        if (strncmp(pool->restarts[i].cause, name, SCORE_CAUSE_NAME_MAX - 1) == 0) {
            atomic_fetch_add_explicit(&pool->restarts[i].count, 1, memory_order_relaxed);
            return;
        }
    }
}

void score_observe(_Atomic uint64_t *sum, _Atomic uint64_t counts[static SCORE_BUCKETS], uint64_t us)
{
    size_t i = 0;
    while (i < SCORE_BUCKETS - 1 && us > (uint64_t)score_bucket_ms[i] * 1000u)
        i++;
    atomic_fetch_add_explicit(sum, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts[i], 1, memory_order_relaxed);
}

const char *phase_name(enum worker_phase phase)
{
    static const char *const names[PHASE_COUNT] = {"boot", "idle", "fetch", "run", "finish", "away", "quiet", "stop"};
    /* The number comes from shared memory: an impossible one is the writer's fault, not ours. */
    return (unsigned)phase < PHASE_COUNT ? names[phase] : "unknown";
}
