/*
 * threads.c - many threads on one space, each knowing what its own memory must hold.
 *
 * What one thread does must never show in another's memory: not its contents, its protection, nor
 * its place.  One thread more looks at everything all the time.  The same runs under a budget when
 * NTMM_RAM is set.
 *
 * usage: threads [STEPS [BLOCK-KIB]]
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "chance.h"
#include "os/os.h"
#include "pager/unit.h"
#include "process/process.h"
#include "test.h"
#include "vm/vm.h"

#define WORKERS 4
#define BLOCKS 40

struct block {
    char *at;
    size_t pages;
    size_t committed; /* pages, from the front */
    uint64_t value;   /* first word of each committed page, plus its number */
};

struct worker {
    pthread_t thread;
    uint64_t seed;
    struct block blocks[BLOCKS];
};

static long steps = 60000;
static size_t most_pages = 64;
static atomic_int working;

static volatile uint64_t *word(const struct block *b, size_t page)
{
    return (volatile uint64_t *)(b->at + page * PAGE_BYTES);
}

static void verify(const struct block *b)
{
    for (size_t i = 0; i < b->committed; i++)
        check(*word(b, i) == b->value + i, "page %zu of %p: %#lx, expected %#lx", i, (void *)b->at,
              (unsigned long)*word(b, i), (unsigned long)(b->value + i));
}

static void reserve(struct worker *w, struct block *b)
{
    void *base;
    size_t size;
    ULONG type = MEM_RESERVE | (chance(&w->seed, 2) ? MEM_TOP_DOWN : 0);
    struct vm_request q = {NULL, (1 + chance(&w->seed, most_pages)) * PAGE_BYTES, type,
                           PAGE_READWRITE, 0};
    check(!mm_vm_allocate(&q, &base, &size), "reserve");
    *b = (struct block){.at = base, .pages = size / PAGE_BYTES, .value = w->seed};
}

static void commit(struct worker *w, struct block *b)
{
    void *base;
    size_t size;
    size_t more = b->pages - b->committed;
    if (!more)
        return;
    more = 1 + chance(&w->seed, more);
    struct vm_request q = {b->at, (b->committed + more) * PAGE_BYTES, MEM_COMMIT, PAGE_READWRITE,
                           chance(&w->seed, 2) ? MM_VM_TOUCHED_SOON : 0};
    check(!mm_vm_allocate(&q, &base, &size), "commit");
    for (size_t i = b->committed; i < b->committed + more; i++) {
        check(*word(b, i) == 0, "a fresh page holds %#lx", (unsigned long)*word(b, i));
        *word(b, i) = b->value + i;
    }
    b->committed += more;
}

static void decommit(struct worker *w, struct block *b)
{
    void *base;
    size_t size;
    if (!b->committed)
        return;
    size_t keep = chance(&w->seed, b->committed);
    check(!mm_vm_free(b->at + keep * PAGE_BYTES, (b->committed - keep) * PAGE_BYTES, MEM_DECOMMIT,
                      &base, &size),
          "decommit");
    b->committed = keep;
}

/* Away with access and back: the contents stay, and everybody else's access too. */
static void protect(struct worker *w, struct block *b)
{
    static const ULONG less[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_EXECUTE_READ};
    ULONG old;
    if (!b->committed)
        return;
    size_t at = chance(&w->seed, b->committed);
    size_t size = (1 + chance(&w->seed, b->committed - at)) * PAGE_BYTES;
    char *p = b->at + at * PAGE_BYTES;
    check(!mm_vm_protect(p, size, less[chance(&w->seed, 3)], &old) && old == PAGE_READWRITE, "%#x",
          old);
    check(!mm_vm_protect(p, size, PAGE_READWRITE, &old) && old != PAGE_READWRITE, "%#x", old);
}

static void query(struct worker *w, struct block *b)
{
    MEMORY_BASIC_INFORMATION info;
    size_t page = chance(&w->seed, b->pages);
    ULONG state = page < b->committed ? MEM_COMMIT : MEM_RESERVE;
    check(!mm_vm_query(b->at + page * PAGE_BYTES, &info), "query");
    check(info.AllocationBase == b->at && info.State == state, "page %zu: %#x", page, info.State);
}

static void release(struct block *b)
{
    void *base;
    size_t size;
    verify(b);
    check(!mm_vm_free(b->at, 0, MEM_RELEASE, &base, &size), "release");
    check(size == b->pages * PAGE_BYTES, "%#zx bytes released", size);
    *b = (struct block){NULL};
}

static void step(struct worker *w)
{
    struct block *b = &w->blocks[chance(&w->seed, BLOCKS)];
    if (!b->at) {
        reserve(w, b);
        return;
    }
    switch (chance(&w->seed, 8)) {
    case 0: release(b); break;
    case 1: decommit(w, b); break;
    case 2: protect(w, b); break;
    case 3: query(w, b); break;
    case 4: verify(b); break;
    default: commit(w, b); break;
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (long i = 0; i < steps && test_now.outcome == TEST_PASSED; i++)
        step(w);
    for (int i = 0; i < BLOCKS && test_now.outcome == TEST_PASSED; i++)
        if (w->blocks[i].at)
            release(&w->blocks[i]);
    working--;
    return NULL;
}

static bool count_run(const struct vm_run *run, void *context)
{
    size_t *pages = context;
    *pages += run->state == MEM_COMMIT && !run->lent ? range_size(run->range) / PAGE_BYTES : 0;
    return true;
}

/* Whether a unit has disk space; true where the file system cannot tell. */
static bool has_space(const struct piece *p, uintptr_t unit)
{
    _Alignas(struct fiemap) char
        room[sizeof(struct fiemap) + UNIT_PAGES * sizeof(struct fiemap_extent)] = {0};
    struct fiemap *map = (struct fiemap *)room;
    uint64_t at = mm_piece_place(p, unit);
    uint64_t end = at + UNIT_BYTES;

    map->fm_start = at;
    map->fm_length = UNIT_BYTES;
    map->fm_extent_count = UNIT_PAGES;
    if (ioctl(p->fd, FS_IOC_FIEMAP, map) != 0)
        return true;
    for (unsigned i = 0; i < map->fm_mapped_extents && map->fm_extents[i].fe_logical <= at; i++)
        at = map->fm_extents[i].fe_logical + map->fm_extents[i].fe_length;
    return at >= end;
}

/* A unit that is being buried loses its space first, and its promise a moment later. */
static bool keeps_promise(const struct piece *p, uintptr_t unit)
{
    for (int tries = 0; tries < 300; tries++) {
        if (!mm_unit_has(mm_unit_in(p, unit), UNIT_PROMISED) || has_space(p, unit))
            return true;
        mm_os_sleep(10000000);
    }
    return false;
}

/* No unit is said to have disk space and has none; nothing can be committed meanwhile. */
static bool promises_are_kept(void)
{
    bool kept = true;

    mm_vm_lock_for_fork();
    for (int i = 0; i < mm_piece_count() && kept; i++) {
        struct piece *p = mm_piece(i);
        for (uintptr_t u = mm_piece_next_unit(p, p->start); u < p->high && kept;
             u = mm_piece_next_unit(p, u + UNIT_BYTES))
            kept = keeps_promise(p, u);
    }
    mm_vm_unlock_after_fork();
    return kept;
}

static void look_at_everything(void)
{
    bool looked = false;

    while (working > 0) {
        size_t pages = 0;
        check(mm_vm_is_valid(), "the tree is wrong");
        mm_vm_visit(count_run, &pages);
        check(pages <= WORKERS * BLOCKS * most_pages, "%zu pages committed", pages);
        if (!looked && working < WORKERS) { /* dear: it asks the kernel about every unit */
            check(promises_are_kept(), "space was promised and is not there");
            looked = true;
        }
        mm_os_sleep(1000000);
    }
}

static void threads_never_see_each_others_doings(void)
{
    static struct worker workers[WORKERS];
    size_t others = mm_charge.used;
    working = WORKERS;
    for (int i = 0; i < WORKERS; i++) {
        workers[i].seed = (uint64_t)mm_os_now() * (2 * (unsigned)i + 1) | 1;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            abort();
    }
    look_at_everything();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    check(test_now.outcome == TEST_PASSED, "%s", test_now.text);
    check(mm_charge.used == others && mm_vm_is_valid(), "%zu pages left", mm_charge.used - others);
}

static const struct test tests[] = {
    TEST(threads_never_see_each_others_doings, ""),
};

int main(int argc, char **argv)
{
    if (argc > 1)
        steps = atol(argv[1]);
    if (argc > 2)
        most_pages = strtoull(argv[2], NULL, 0) * KIB / PAGE_BYTES;
    mm_process_start();
    return test_main(tests, TEST_COUNT(tests), 1, argv);
}
