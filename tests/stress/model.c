/*
 * model.c - `vm` against a plain array of pages.
 *
 * A window of address space in the middle of an arena is worked on at random: every call is made
 * on the real thing and on the array, and both must agree on the status, the range, what
 * VirtualQuery tells, the charge and the contents, whatever came before.  Blocks that may lie
 * anywhere come and go beside it.  The same runs under a budget when NTMM_RAM is set.
 *
 * usage: model [OPERATIONS [SEED [WINDOW-MIB [unmarked]]]]
 *
 * SEED 0: by the clock.  `unmarked` plays a kernel without guard markers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ntstatus.h>

#include "os/os.h"
#include "process/process.h"
#include "test.h"
#include "vm/vm_internal.h"

enum { FREE, RESERVED, COMMITTED };

struct page {
    uint8_t state;
    bool unsure;      /* was reset: holds `value` or 0 */
    uint16_t protect; /* 0 unless committed */
    uint16_t allocation_protect;
    uint32_t allocation; /* 1 + index of its base; 0: free */
    uint64_t value;
};

static struct page *model;
static size_t window; /* pages */
static char *base;    /* of the window */
static size_t committed;
static uint64_t seed;
static long step;

/* ---- chance ------------------------------------------------------------------------------------- */

static uint64_t chance(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed * 0x2545f4914f6cdd1du >> 16) % below;
}

/* Bytes within the window; mostly few. */
struct bytes {
    size_t at;
    size_t size;
};

static struct bytes some_bytes(void)
{
    size_t all = window * PAGE_BYTES;
    static const size_t most[] = {PAGE_BYTES, 8 * PAGE_BYTES, UNIT_BYTES, 20 * UNIT_BYTES};
    struct bytes b = {chance(all), 1 + chance(most[chance(4)])};
    if (chance(3) == 0)
        b.at = align_down(b.at, UNIT_BYTES);
    b.size = min_size(b.size, all - b.at);
    return b;
}

static size_t first_of(struct bytes b)
{
    return b.at / PAGE_BYTES;
}

static size_t end_of(struct bytes b)
{
    return pages_of(b.at + b.size);
}

static const ULONG valid[] = {
    PAGE_NOACCESS,
    PAGE_READONLY,
    PAGE_READWRITE,
    PAGE_READWRITE,
    PAGE_READWRITE,
    PAGE_EXECUTE,
    PAGE_EXECUTE_READ,
    PAGE_EXECUTE_READWRITE,
    PAGE_READWRITE | PAGE_GUARD,
    PAGE_READONLY | PAGE_GUARD,
    PAGE_READWRITE | PAGE_NOCACHE,
    PAGE_READONLY | PAGE_WRITECOMBINE,
};
static const ULONG invalid[] = {
    0,
    PAGE_READONLY | PAGE_NOACCESS,
    PAGE_WRITECOPY,
    PAGE_NOACCESS | PAGE_GUARD,
    PAGE_READWRITE | PAGE_GUARD | PAGE_NOCACHE,
    0x80000000,
};

static bool is_valid_protection(ULONG protect)
{
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        if (valid[i] == protect)
            return true;
    return false;
}

static ULONG some_protection(void)
{
    if (chance(40) == 0)
        return invalid[chance(sizeof invalid / sizeof invalid[0])];
    return valid[chance(sizeof valid / sizeof valid[0])];
}

/* ---- the array ------------------------------------------------------------------------------------ */

static bool can_read(const struct page *p)
{
    return p->state == COMMITTED && (mm_vm_access_of(p->protect) & OS_READ);
}

static bool can_write(const struct page *p)
{
    return p->state == COMMITTED && (mm_vm_access_of(p->protect) & OS_WRITE);
}

static bool all_are(size_t at, size_t end, int state)
{
    while (at < end && model[at].state == state)
        at++;
    return at == end;
}

/* Whether the pages are all of one allocation. */
static bool are_one(size_t at, size_t end)
{
    uint32_t allocation = model[at].allocation;
    while (at < end && allocation && model[at].allocation == allocation)
        at++;
    return at == end;
}

static size_t end_of_allocation(size_t at)
{
    size_t end = at;
    while (end < window && model[end].allocation == model[at].allocation)
        end++;
    return end;
}

static void set_committed(struct page *p, ULONG protect)
{
    if (p->state != COMMITTED) {
        committed++;
        p->value = 0;
        p->unsure = false;
    }
    p->state = COMMITTED;
    p->protect = (uint16_t)protect;
}

static void set_reserved(struct page *p)
{
    committed -= p->state == COMMITTED;
    p->state = RESERVED;
    p->protect = 0;
}

static void set_free(size_t at, size_t end)
{
    for (size_t i = at; i < end; i++) {
        committed -= model[i].state == COMMITTED;
        model[i] = (struct page){.state = FREE};
    }
    uint32_t allocation = end < window ? model[end].allocation : 0;
    bool headless = allocation && allocation <= end;
    for (size_t i = end; headless && i < window && model[i].allocation == allocation; i++)
        model[i].allocation = (uint32_t)end + 1;
}

static void set_new(size_t at, size_t end, bool commit, ULONG protect)
{
    for (size_t i = at; i < end; i++) {
        model[i] = (struct page){.state = RESERVED,
                                 .allocation = (uint32_t)at + 1,
                                 .allocation_protect = (uint16_t)protect};
        if (commit)
            set_committed(&model[i], protect);
    }
}

/* ---- deeds: each on the real thing and on the array ------------------------------------------------- */

static void expect(NTSTATUS got, NTSTATUS wanted, const char *deed, struct bytes b)
{
    check(got == wanted, "%s %#zx+%#zx: %#x, expected %#x", deed, b.at, b.size, (unsigned)got,
          (unsigned)wanted);
}

static void expect_range(void *got, size_t size, size_t at, size_t end, const char *deed)
{
    check(got == base + at * PAGE_BYTES && size == (end - at) * PAGE_BYTES,
          "%s: page %zd, %#zx bytes", deed, ((char *)got - base) / (ssize_t)PAGE_BYTES, size);
}

static NTSTATUS allocate(struct bytes b, ULONG type, ULONG protect, void **ret, size_t *ret_size)
{
    unsigned hints = chance(2) ? MM_VM_TOUCHED_SOON : 0;
    struct vm_request q = {base + b.at, b.size, type, protect, hints};
    return mm_vm_allocate(&q, ret, ret_size);
}

static void reserve(void)
{
    void *got;
    size_t size;
    struct bytes b = some_bytes();
    ULONG protect = some_protection();
    bool commit = chance(2);
    size_t at = align_down(first_of(b), UNIT_PAGES);
    size_t end = end_of(b);
    NTSTATUS wanted = all_are(at, end, FREE) ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
    if (!is_valid_protection(protect))
        wanted = STATUS_INVALID_PAGE_PROTECTION;

    NTSTATUS status = allocate(b, MEM_RESERVE | (commit ? MEM_COMMIT : 0), protect, &got, &size);
    expect(status, wanted, "reserve", b);
    if (status)
        return;
    expect_range(got, size, at, end, "reserve");
    set_new(at, end, commit, protect);
}

static void commit(void)
{
    void *got;
    size_t size;
    struct bytes b = some_bytes();
    ULONG protect = some_protection();
    bool fits = are_one(first_of(b), end_of(b));
    NTSTATUS wanted = fits ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
    if (!is_valid_protection(protect))
        wanted = STATUS_INVALID_PAGE_PROTECTION;

    NTSTATUS status = allocate(b, MEM_COMMIT, protect, &got, &size);
    expect(status, wanted, "commit", b);
    if (status)
        return;
    expect_range(got, size, first_of(b), end_of(b), "commit");
    for (size_t i = first_of(b); i < end_of(b); i++)
        set_committed(&model[i], protect);
}

static void reset(void)
{
    void *got;
    size_t size;
    struct bytes b = some_bytes();
    bool fits = are_one(first_of(b), end_of(b));
    NTSTATUS status = allocate(b, MEM_RESET, PAGE_NOACCESS, &got, &size);
    expect(status, fits ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES, "reset", b);
    if (status)
        return;
    for (size_t i = pages_of(b.at); i < (b.at + b.size) / PAGE_BYTES; i++)
        model[i].unsure = model[i].state == COMMITTED;
}

static NTSTATUS wanted_of_free(struct bytes b, size_t *end)
{
    size_t at = first_of(b);
    if (!model[at].allocation)
        return STATUS_MEMORY_NOT_ALLOCATED;
    if (b.size) {
        *end = end_of(b);
        return are_one(at, *end) ? STATUS_SUCCESS : STATUS_UNABLE_TO_FREE_VM;
    }
    *end = end_of_allocation(at);
    return model[at].allocation == at + 1 ? STATUS_SUCCESS : STATUS_FREE_VM_NOT_AT_BASE;
}

static void free_some(ULONG type, struct bytes b)
{
    void *got;
    size_t size;
    size_t end = 0;
    size_t at = first_of(b);
    NTSTATUS wanted = wanted_of_free(b, &end);
    NTSTATUS status = mm_vm_free(base + b.at, b.size, type, &got, &size);
    expect(status, wanted, type == MEM_RELEASE ? "release" : "decommit", b);
    if (status)
        return;
    expect_range(got, size, at, end, "free");
    if (type == MEM_RELEASE)
        set_free(at, end);
    for (size_t i = at; i < end && type == MEM_DECOMMIT; i++)
        set_reserved(&model[i]);
}

static void decommit(void)
{
    free_some(MEM_DECOMMIT, some_bytes());
}

/* By its base, or by any other address: then it is mostly refused. */
static void free_whole(void)
{
    struct bytes b = some_bytes();
    uint32_t allocation = model[first_of(b)].allocation;
    if (allocation && chance(8))
        b.at = (size_t)(allocation - 1) * PAGE_BYTES + chance(PAGE_BYTES);
    b.size = 0;
    free_some(chance(4) ? MEM_RELEASE : MEM_DECOMMIT, b);
}

static void release_part(void)
{
    free_some(MEM_RELEASE, some_bytes());
}

static NTSTATUS wanted_of_protect(size_t at, size_t end, ULONG protect)
{
    if (!is_valid_protection(protect))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (!are_one(at, end))
        return STATUS_CONFLICTING_ADDRESSES;
    return all_are(at, end, COMMITTED) ? STATUS_SUCCESS : STATUS_NOT_COMMITTED;
}

/* Caching belongs to the allocation, and shows where there is access. */
static ULONG with_caching(const struct page *p, ULONG protect)
{
    ULONG modifiers = PAGE_NOCACHE | PAGE_WRITECOMBINE;
    ULONG own = p->protect & modifiers ? p->protect : p->allocation_protect;
    protect &= ~modifiers;
    return protect & (PAGE_GUARD | PAGE_NOACCESS) ? protect : protect | (own & modifiers);
}

static void protect(void)
{
    ULONG old;
    struct bytes b = some_bytes();
    ULONG new = some_protection();
    size_t at = first_of(b);
    NTSTATUS status = mm_vm_protect(base + b.at, b.size, new, &old);
    expect(status, wanted_of_protect(at, end_of(b), new), "protect", b);
    if (status)
        return;
    check(old == model[at].protect, "old protection %#x, expected %#x", old, model[at].protect);
    for (size_t i = at; i < end_of(b); i++)
        model[i].protect = (uint16_t)with_caching(&model[i], new);
}

static bool look_the_same(const struct page *a, const struct page *b)
{
    return a->state == b->state && a->protect == b->protect && a->allocation == b->allocation;
}

static void query(void)
{
    static const ULONG states[] = {MEM_FREE, MEM_RESERVE, MEM_COMMIT};
    MEMORY_BASIC_INFORMATION got;
    size_t at = chance(window);
    const struct page *p = &model[at];
    size_t end = at;
    while (end < window && look_the_same(&model[end], p))
        end++;
    check(!mm_vm_query(base + at * PAGE_BYTES + chance(PAGE_BYTES), &got), "query");
    char *allocation = p->allocation ? base + (p->allocation - 1) * PAGE_BYTES : NULL;
    size_t size = (end - at) * PAGE_BYTES;
    bool goes_on = end == window && p->state == FREE;
    check(got.State == states[p->state] && got.AllocationBase == allocation, "page %zu: %#x", at,
          got.State);
    check(got.Protect == (p->state == FREE ? PAGE_NOACCESS : p->protect), "page %zu: %#x", at,
          got.Protect);
    check(got.AllocationProtect == p->allocation_protect, "%#x", got.AllocationProtect);
    check(got.RegionSize == size || (goes_on && got.RegionSize > size), "page %zu: %#zx, not %#zx",
          at, got.RegionSize, size);
}

/* A word of the page, elsewhere in each. */
static volatile uint64_t *word_of(size_t page)
{
    return (volatile uint64_t *)(base + page * PAGE_BYTES + page * 24 % PAGE_BYTES);
}

static void look_at(size_t i)
{
    struct page *p = &model[i];
    uint64_t found = *word_of(i);
    check(found == p->value || (p->unsure && found == 0), "page %zu: %#lx, expected %#lx", i,
          (unsigned long)found, (unsigned long)p->value);
    p->value = found;
    p->unsure = false;
}

static void touch(void)
{
    struct bytes b = some_bytes();
    for (size_t i = first_of(b); i < end_of(b); i++) {
        if (can_read(&model[i]))
            look_at(i);
        if (!can_write(&model[i]) || chance(2))
            continue;
        model[i].value = seed | 1;
        *word_of(i) = model[i].value;
    }
}

/* What the kernel grants is what the array says. */
static void probe(void)
{
    size_t at = chance(window);
    bool reads = mm_os_can_read(base + at * PAGE_BYTES, 1);
    bool writes = mm_os_can_write(base + at * PAGE_BYTES, 1);
    check(reads == can_read(&model[at]), "page %zu can be read: %d", at, reads);
    check(writes == can_write(&model[at]), "page %zu can be written: %d", at, writes);
}

static void take_guard(void)
{
    size_t at = chance(window);
    struct page *p = &model[at];
    bool guarded = p->state == COMMITTED && (p->protect & PAGE_GUARD);
    NTSTATUS wanted = guarded       ? STATUS_GUARD_PAGE_VIOLATION
                      : can_read(p) ? STATUS_SUCCESS
                                    : STATUS_ACCESS_VIOLATION;
    NTSTATUS status = mm_vm_take_guard(base + at * PAGE_BYTES, OS_READ);
    check(status == wanted, "page %zu: %#x, not %#x", at, (unsigned)status, (unsigned)wanted);
    if (guarded)
        p->protect = (uint16_t)with_caching(p, p->protect & ~(ULONG)PAGE_GUARD);
}

static void unmap(void)
{
    struct bytes b = some_bytes();
    expect(mm_vm_unmap(base + b.at, b.size), STATUS_SUCCESS, "unmap", b);
    set_free(first_of(b), end_of(b));
}

static void zero(void)
{
    struct bytes b = some_bytes();
    expect(mm_vm_zero(base + b.at, b.size), STATUS_SUCCESS, "zero", b);
    for (size_t i = first_of(b); i < end_of(b); i++) {
        model[i].value = 0;
        model[i].unsure = false;
    }
}

static void give_access(void)
{
    struct bytes b = some_bytes();
    ULONG new = valid[chance(sizeof valid / sizeof valid[0])];
    bool taken = true;
    for (size_t i = first_of(b); i < end_of(b); i++)
        taken &= model[i].state != FREE;
    NTSTATUS status = mm_vm_access(base + b.at, b.size, new);
    expect(status, taken ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES, "access", b);
    for (size_t i = first_of(b); i < end_of(b) && !status; i++)
        if (model[i].state == COMMITTED || new != PAGE_NOACCESS)
            set_committed(&model[i], new);
}

static void map_over(void)
{
    struct bytes b = some_bytes();
    bool commits = chance(2);
    ULONG new = valid[chance(sizeof valid / sizeof valid[0])];
    ULONG type = MEM_RESERVE | (commits ? MEM_COMMIT : 0);
    expect(mm_vm_map_over(base + b.at, b.size, type, new), STATUS_SUCCESS, "map over", b);
    set_free(first_of(b), end_of(b));
    set_new(first_of(b), end_of(b), commits, new);
}

static void extend(void)
{
    struct bytes b = some_bytes();
    size_t new_size = min_size(b.size + chance(UNIT_BYTES), window * PAGE_BYTES - b.at);
    size_t at = end_of(b);
    size_t end = pages_of(b.at + new_size);
    const struct page *last = &model[at - 1];
    NTSTATUS wanted = STATUS_SUCCESS;
    if (at < end && last->state == FREE)
        wanted = STATUS_MEMORY_NOT_ALLOCATED;
    else if (!all_are(at, end, FREE))
        wanted = STATUS_CONFLICTING_ADDRESSES;
    NTSTATUS status = mm_vm_extend(base + b.at, b.size, new_size);
    expect(status, wanted, "extend", b);
    for (size_t i = at; i < end && !status; i++) {
        model[i] = *last;
        model[i].state = RESERVED;
        if (last->state == COMMITTED)
            set_committed(&model[i], last->protect);
    }
}

/* ---- blocks anywhere -------------------------------------------------------------------------------- */

#define BLOCKS 64

static struct {
    uint64_t *at;
    size_t size;
} blocks[BLOCKS];
static size_t block_pages;

static void drop_block(int i)
{
    void *got;
    size_t size;
    check(*blocks[i].at == (uint64_t)i + 1, "block %d: %#lx", i, (unsigned long)*blocks[i].at);
    check(!mm_vm_free(blocks[i].at, 0, MEM_RELEASE, &got, &size), "block %d", i);
    check(size == blocks[i].size, "block %d: %#zx bytes", i, size);
    block_pages -= size / PAGE_BYTES;
    blocks[i].at = NULL;
}

static void block(void)
{
    int i = (int)chance(BLOCKS);
    if (blocks[i].at) {
        drop_block(i);
        return;
    }
    ULONG type = MEM_RESERVE | MEM_COMMIT | (chance(2) ? MEM_TOP_DOWN : 0);
    struct vm_request q = {NULL, 1 + chance(3 * UNIT_BYTES), type, PAGE_READWRITE, 0};
    void *got;
    check(!mm_vm_allocate(&q, &got, &blocks[i].size), "block %d", i);
    blocks[i].at = got;
    check((char *)got + blocks[i].size <= base || (char *)got >= base + window * PAGE_BYTES,
          "block %d lies in the window", i);
    check(*blocks[i].at == 0, "block %d is not empty", i);
    *blocks[i].at = (uint64_t)i + 1;
    block_pages += blocks[i].size / PAGE_BYTES;
}

/* ---- the run ---------------------------------------------------------------------------------------- */

static void (*const deeds[])(void) = {
    reserve,     reserve,     reserve,  commit,  commit,  commit,       commit, decommit,
    free_whole,  free_whole,  protect,  protect, protect, query,        query,  query,
    touch,       touch,       touch,    touch,   probe,   release_part, unmap,  zero,
    give_access, give_access, map_over, extend,  reset,   take_guard,   block,  block,
};

static long operations = 1000000;
static uint64_t first_seed = 1;
static size_t window_size = 4 * MIB;

/* A place in an arena with nothing of ours near it. */
static void choose_window(void)
{
    void *got;
    size_t size;
    struct vm_request q = {NULL, GIB / 2, MEM_RESERVE, PAGE_NOACCESS, 0};
    check(!mm_vm_allocate(&q, &got, &size), "no address space");
    base = (char *)got + GIB / 4;
    check(!mm_vm_free(got, 0, MEM_RELEASE, &got, &size), "free");
    window = window_size / PAGE_BYTES;
    model = calloc(window, sizeof *model);
    seed = first_seed * 0x9e3779b97f4a7c15u;
}

static void compare_sums(size_t others)
{
    check(mm_charge.used == committed + block_pages + others, "charge %zu, not %zu", mm_charge.used,
          committed + block_pages + others);
    if (step % 2000 == 0)
        check(mm_vm_is_valid(), "the tree is wrong");
}

static void an_array_of_pages_and_the_space_never_disagree(void)
{
    choose_window();
    size_t others = mm_charge.used;
    for (step = 1; step <= operations; step++) {
        deeds[chance(sizeof deeds / sizeof deeds[0])]();
        compare_sums(others);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (blocks[i].at)
            drop_block(i);
    check(!mm_vm_unmap(base, window * PAGE_BYTES), "unmap");
    check(mm_charge.used == others && mm_vm_is_valid(), "%zu pages left", mm_charge.used - others);
}

static const struct test tests[] = {
    TEST(an_array_of_pages_and_the_space_never_disagree, ""),
};

int main(int argc, char **argv)
{
    if (argc > 1)
        operations = atol(argv[1]);
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    if (!first_seed)
        first_seed = mm_os_now();
    if (argc > 3)
        window_size = strtoull(argv[3], NULL, 0) * MIB;
    mm_kernel_no_markers = argc > 4;
    mm_process_start();
    printf("# %ld operations, seed %#lx, window %zu MiB\n", operations, (unsigned long)first_seed,
           window_size / MIB);
    int result = test_main(tests, TEST_COUNT(tests), 1, argv);
    if (result)
        printf("# at step %ld; again: model %ld %#lx %zu\n", step, operations,
               (unsigned long)first_seed, window_size / MIB);
    return result;
}
