/*
 * block_model.c - the whole malloc family against a reference that knows every live block.
 *
 * The reference is a map of the address space, a bit for each 16 bytes: a block sets the bits of all
 * it may use when it is handed out, and clears them before it is freed.  A bit that was set already
 * is memory handed out twice, seen by whichever thread gets it.  Each block is filled whole with a
 * number of its own and compared whole.  Blocks go from thread to thread through a row of places
 * that anybody may exchange with what he has, and the threads end and new ones take over.
 *
 * BLOCK_MODEL_CALLS: how many calls in all (1,000,000); BLOCK_MODEL_SEED: which (1).
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../chance.h"
#include "../test.h"

#define THREADS 6
#define GENERATIONS 4 /* of threads */
#define OWN 300       /* blocks a thread holds */
#define SHARED 512    /* places to exchange blocks at */
#define GRANULE 16
#define MAP_BYTES (((size_t)1 << 47) / GRANULE / 8)

struct block {
    unsigned char *at;
    size_t size;
    size_t usable; /* what is marked in the map */
    unsigned char with;
};

static _Atomic uint64_t *map;                        /* a bit a granule */
static _Atomic(struct block *) shared[SHARED];       /* NULL: empty */
static _Atomic(const char *) first_wrong;            /* what went wrong first */
static struct block records[THREADS * OWN + SHARED]; /* never in the heap that is tested */

static void fail(const char *what)
{
    const char *none = NULL;
    atomic_compare_exchange_strong(&first_wrong, &none, what);
}

/* ---- the map ------------------------------------------------------------------------------------- */

/* Behind the back of our own mmap: it must not be charged, nor paged. */
static bool make_map(void)
{
    long at = syscall(SYS_mmap, NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    map = (void *)at;
    return at != -1;
}

/* The bits of one word of the map that belong to granules [from, to). */
static uint64_t bits_of(size_t word, size_t from, size_t to)
{
    uint64_t bits = ~0ull;
    if (word == from / 64)
        bits &= ~0ull << from % 64;
    if (word == (to - 1) / 64)
        bits &= ~0ull >> (63 - (to - 1) % 64);
    return bits;
}

static void mark(const struct block *b, bool in_use)
{
    size_t from = (uintptr_t)b->at / GRANULE;
    size_t to = from + (b->usable ? (b->usable + GRANULE - 1) / GRANULE : 1);

    for (size_t word = from / 64; word <= (to - 1) / 64; word++) {
        uint64_t bits = bits_of(word, from, to);
        uint64_t old =
            in_use ? atomic_fetch_or(&map[word], bits) : atomic_fetch_and(&map[word], ~bits);
        if ((old & bits) != (in_use ? 0 : bits))
            fail(in_use ? "memory was handed out twice"
                        : "the map is wrong: a block was marked badly");
    }
}

/* ---- blocks -------------------------------------------------------------------------------------- */

static bool is_filled(const unsigned char *p, size_t size, unsigned char with)
{
    return size == 0 || (p[0] == with && memcmp(p, p + 1, size - 1) == 0);
}

/* Most are small, as in programs; one in a thousand is up to 1 MiB. */
static size_t some_size(uint64_t *seed)
{
    uint64_t kind = chance(seed, 1000);
    if (kind == 0)
        return (size_t)chance(seed, 1 << 20);
    return (size_t)chance(seed, (uint64_t)2 << chance(seed, kind < 50 ? 16 : 11));
}

/* A block just handed out joins the reference. */
static void enter(struct block *b, uint64_t *seed)
{
    if ((uintptr_t)b->at % GRANULE || (uintptr_t)b->at >> 47)
        fail("a block lies where none may lie");
    b->usable = malloc_usable_size(b->at);
    if (b->usable < b->size)
        fail("malloc_usable_size is less than was asked for");
    mark(b, true);
    b->with = (unsigned char)chance(seed, 256);
    memset(b->at, b->with, b->size);
}

static void leave(struct block *b)
{
    if (malloc_usable_size(b->at) != b->usable)
        fail("malloc_usable_size changed");
    if (!is_filled(b->at, b->size, b->with))
        fail("contents changed");
    mark(b, false);
}

static void *aligned(size_t alignment, size_t size, uint64_t *seed)
{
    void *at = NULL;
    int error;

    switch (chance(seed, 3)) {
    case 0: at = memalign(alignment, size); break;
    case 1: at = aligned_alloc(alignment, size); break;
    default:
        error = posix_memalign(&at, alignment, size);
        if (error)
            fail("posix_memalign failed");
    }
    if ((uintptr_t)at & (alignment - 1))
        fail("a block is not aligned");
    return at;
}

static void make(struct block *b, uint64_t *seed)
{
    b->size = some_size(seed);
    uint64_t kind = chance(seed, 10);

    if (kind == 0)
        b->at = aligned((size_t)16 << chance(seed, chance(seed, 40) ? 7 : 14), b->size, seed);
    else if (kind < 3)
        b->at = calloc(1, b->size);
    else
        b->at = kind == 3 ? realloc(NULL, b->size) : malloc(b->size);
    if (!b->at) {
        fail("no memory");
        return;
    }
    if ((kind == 1 || kind == 2) && !is_filled(b->at, b->size, 0))
        fail("calloc gave memory that is not zero");
    enter(b, seed);
}

static void resize(struct block *b, uint64_t *seed)
{
    size_t size = some_size(seed) + 1;
    size_t kept = size < b->size ? size : b->size;

    leave(b);
    unsigned char *at = chance(seed, 2) ? realloc(b->at, size) : reallocarray(b->at, size, 1);
    if (!at) {
        fail("no memory to resize");
        return;
    }
    if (!is_filled(at, kept, b->with))
        fail("realloc lost contents");
    b->at = at;
    b->size = size;
    enter(b, seed);
}

static void drop(struct block *b)
{
    leave(b);
    errno = 77;
    free(b->at);
    if (errno != 77)
        fail("free changed errno");
    b->at = NULL;
}

/* ---- threads --------------------------------------------------------------------------------------- */

struct thread {
    pthread_t id;
    uint64_t seed;
    unsigned long calls;
    struct block *own[OWN]; /* each a record, with a block or without */
};
static struct thread threads[THREADS];

static void step(struct thread *t)
{
    struct block **place = &t->own[chance(&t->seed, OWN)];
    uint64_t what = chance(&t->seed, 8);

    if (what == 0)
        *place = atomic_exchange(&shared[chance(&t->seed, SHARED)], *place);
    else if (!(*place)->at)
        make(*place, &t->seed);
    else if (what < 3)
        resize(*place, &t->seed);
    else
        drop(*place);
}

static void *run(void *argument)
{
    struct thread *t = argument;
    for (unsigned long i = 0; i < t->calls && !atomic_load(&first_wrong); i++)
        step(t);
    return NULL;
}

static unsigned long number_of(const char *name, unsigned long fallback)
{
    const char *value = getenv(name);
    return value ? strtoul(value, NULL, 0) : fallback;
}

/* Everybody's places hold records without blocks. */
static void deal_records(void)
{
    struct block *next = records;
    for (int t = 0; t < THREADS; t++)
        for (int i = 0; i < OWN; i++)
            threads[t].own[i] = next++;
    for (int i = 0; i < SHARED; i++)
        atomic_store(&shared[i], next++);
}

static void run_generation(unsigned long calls)
{
    for (int t = 0; t < THREADS; t++) {
        threads[t].calls = calls;
        int error = pthread_create(&threads[t].id, NULL, run, &threads[t]);
        check(error == 0, "pthread_create: %d", error);
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t].id, NULL);
}

static void free_all(void)
{
    for (size_t i = 0; i < TEST_COUNT(records); i++)
        if (records[i].at)
            drop(&records[i]);
}

static void no_block_overlaps_another_or_loses_anything_in_six_threads(void)
{
    unsigned long seed = number_of("BLOCK_MODEL_SEED", 1);
    unsigned long calls = number_of("BLOCK_MODEL_CALLS", 1000000);

    if (!make_map())
        skip("the kernel promises no 1 TiB of address space");
    size_t before = mallinfo2().uordblks;
    deal_records();
    for (int t = 0; t < THREADS; t++)
        threads[t].seed = seed * 1000003 + (unsigned long)t + 1;
    for (int i = 0; i < GENERATIONS; i++)
        run_generation(calls / THREADS / GENERATIONS);
    const char *what = atomic_load(&first_wrong);
    check(!what, "seed %lu: %s", seed, what);
    free_all();
    what = atomic_load(&first_wrong);
    check(!what, "seed %lu, at the end: %s", seed, what);
    size_t after = mallinfo2().uordblks;
    check(after <= before + 64 * 1024, "seed %lu: %zu bytes in use, then %zu", seed, before, after);
}

static const struct test tests[] = {
    TEST(no_block_overlaps_another_or_loses_anything_in_six_threads, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
