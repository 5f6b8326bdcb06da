/*
 * nth.c - every call that can fail is made to fail, at each of its steps: nothing must change.
 *
 * A backing stands in front of the kernel's and refuses its N-th call; the pool refuses the N-th
 * need for a region, the charge the N-th commit.  For each deed, N counts up until the deed passes
 * untouched.  After each failure the runs, the charge, the access that the kernel grants and the
 * contents must be what they were.
 */
#include <stdlib.h>

#include <ntstatus.h>

#include "os/os.h"
#include "test.h"
#include "vm/backing.h"
#include "vm/vm_internal.h"

#define PAGES 16
#define MOST_RUNS 64

/* ---- a backing that refuses ------------------------------------------------------------------ */

static atomic_long refuse_at;

static bool refuses(void)
{
    return refuse_at > 0 && atomic_fetch_sub(&refuse_at, 1) == 1;
}

static NTSTATUS refusing_arena(void *where, size_t size, void **ret_base)
{
    return refuses() ? STATUS_NO_MEMORY : mm_backing_kernel.arena(where, size, ret_base);
}

static void arena_done(void *base, size_t size)
{
    mm_backing_kernel.arena_done(base, size);
}

static NTSTATUS refusing_commit(struct range r, int access, bool soon)
{
    return refuses() ? STATUS_COMMITMENT_LIMIT : mm_backing_kernel.commit(r, access, soon);
}

static bool is_accessible(struct range r)
{
    for (uintptr_t at = r.start; at < r.end; at += PAGE_BYTES)
        if (mm_os_can_read((void *)at, 1))
            return true;
    return false;
}

/* By contract: inaccessible pages can always be decommitted. */
static NTSTATUS refusing_decommit(struct range r)
{
    return is_accessible(r) && refuses() ? STATUS_NO_MEMORY : mm_backing_kernel.decommit(r);
}

/* By contract: a part may have changed. */
static NTSTATUS refusing_protect(struct range r, int access)
{
    if (!refuses())
        return mm_backing_kernel.protect(r, access);
    (void)mm_backing_kernel.protect((struct range){r.start, r.start + PAGE_BYTES}, access);
    return STATUS_NO_MEMORY;
}

static NTSTATUS refusing_zero(struct range r)
{
    return refuses() ? STATUS_NO_MEMORY : mm_backing_kernel.zero(r);
}

static void reset(struct range r)
{
    mm_backing_kernel.reset(r);
}

static void lend(struct range r)
{
    mm_backing_kernel.lend(r);
}

static NTSTATUS refusing_take_back(struct range r)
{
    return refuses() ? STATUS_NO_MEMORY : mm_backing_kernel.take_back(r);
}

static const struct backing refusing = {
    .name = "refusing",
    .arena = refusing_arena,
    .arena_done = arena_done,
    .commit = refusing_commit,
    .decommit = refusing_decommit,
    .protect = refusing_protect,
    .reset = reset,
    .zero = refusing_zero,
    .lend = lend,
    .take_back = refusing_take_back,
};

/* ---- what must not change --------------------------------------------------------------------- */

struct picture {
    struct vm_run runs[MOST_RUNS];
    int count;
    size_t charged;
    int access[PAGES]; /* what the kernel grants: 1 read, 2 write */
    char contents[PAGES];
};

static bool add_run(const struct vm_run *run, void *context)
{
    struct picture *p = context;
    p->runs[p->count++] = *run;
    return p->count < MOST_RUNS;
}

static void take_picture(char *base, struct picture *p)
{
    memset(p, 0, sizeof *p);
    mm_vm_visit(add_run, p);
    p->charged = mm_charge.used;
    for (int i = 0; i < PAGES; i++) {
        char *page = base + (size_t)i * PAGE_BYTES;
        p->access[i] = mm_os_can_read(page, 1) + 2 * mm_os_can_write(page, 1);
        p->contents[i] = p->access[i] ? *page : '-';
    }
}

static bool same_run(const struct vm_run *a, const struct vm_run *b)
{
    return a->range.start == b->range.start && a->range.end == b->range.end &&
           a->allocation_base == b->allocation_base && a->state == b->state &&
           a->allocation_protect == b->allocation_protect && a->protect == b->protect &&
           a->access == b->access && a->lent == b->lent;
}

static void compare_pictures(const struct picture *a, const struct picture *b, const char *deed,
                             long n)
{
    check(a->count == b->count, "%s, %ld: %d runs, now %d", deed, n, a->count, b->count);
    for (int i = 0; i < a->count; i++)
        check(same_run(&a->runs[i], &b->runs[i]), "%s, %ld: run %d", deed, n, i);
    check(a->charged == b->charged, "%s, %ld: charge %zu, now %zu", deed, n, a->charged,
          b->charged);
    for (int i = 0; i < PAGES; i++) {
        check(a->access[i] == b->access[i], "%s, %ld: access of page %d was %d, is %d", deed, n, i,
              a->access[i], b->access[i]);
        check(a->contents[i] == b->contents[i], "%s, %ld: contents of page %d", deed, n, i);
    }
}

/* ---- deeds ------------------------------------------------------------------------------------ */

static NTSTATUS allocate(void *address, size_t pages, ULONG type, ULONG protect, void **ret_base)
{
    size_t size;
    struct vm_request q = {address, pages * PAGE_BYTES, type, protect, 0};
    return mm_vm_allocate(&q, ret_base, &size);
}

static NTSTATUS release(void *base)
{
    void *start;
    size_t size;
    return mm_vm_free(base, 0, MEM_RELEASE, &start, &size);
}

/* r r W W r R R N W r r r r r r W: reserved, writable, read-only, no access. */
static char *make_mixture(void)
{
    void *base;
    void *ignored;
    ULONG old;
    check(!allocate(NULL, PAGES, MEM_RESERVE, PAGE_READWRITE, &base), "reserve");
    char *p = base;
    for (int i = 0; i < PAGES; i++) {
        bool committed = strchr("WRN", "rrWWrRRNWrrrrrrW"[i]);
        char *page = p + (size_t)i * PAGE_BYTES;
        if (!committed)
            continue;
        check(!allocate(page, 1, MEM_COMMIT, PAGE_READWRITE, &ignored), "page %d", i);
        *page = (char)('a' + i);
    }
    check(!mm_vm_protect(p + 5 * PAGE_BYTES, 2 * PAGE_BYTES, PAGE_READONLY, &old), "read-only");
    check(!mm_vm_protect(p + 7 * PAGE_BYTES, PAGE_BYTES, PAGE_NOACCESS, &old), "no access");
    return p;
}

static NTSTATUS commit_all(char *p)
{
    void *base;
    return allocate(p, PAGES, MEM_COMMIT, PAGE_EXECUTE_READ, &base);
}

static NTSTATUS commit_some(char *p)
{
    void *base;
    return allocate(p + PAGE_BYTES, 5, MEM_COMMIT, PAGE_READONLY, &base);
}

static NTSTATUS decommit_all(char *p)
{
    void *base;
    size_t size;
    return mm_vm_free(p, 0, MEM_DECOMMIT, &base, &size);
}

static NTSTATUS decommit_some(char *p)
{
    void *base;
    size_t size;
    return mm_vm_free(p + 3 * PAGE_BYTES, 3 * PAGE_BYTES, MEM_DECOMMIT, &base, &size);
}

static NTSTATUS release_all(char *p)
{
    return release(p);
}

static NTSTATUS protect_some(char *p)
{
    ULONG old;
    return mm_vm_protect(p + 5 * PAGE_BYTES, 4 * PAGE_BYTES, PAGE_EXECUTE_READWRITE, &old);
}

static NTSTATUS access_all(char *p)
{
    return mm_vm_access(p, PAGES * PAGE_BYTES, PAGE_READONLY);
}

static NTSTATUS extend(char *p)
{
    return mm_vm_extend(p, PAGES * PAGE_BYTES, (PAGES + 3) * PAGE_BYTES);
}

static void *more; /* what allocate_more got */

static NTSTATUS allocate_more(char *p)
{
    (void)p;
    return allocate(NULL, 40, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, &more);
}

static uintptr_t elsewhere; /* a free place outside of all arenas */

/* In the first gibibyte from 16 GiB on where the kernel has nothing. */
static uintptr_t find_elsewhere(void)
{
    struct os_mapping m;
    uintptr_t end = 16 * GIB;
    while (!mm_os_mapping_at(end, &m) && m.start < end + GIB)
        end = m.end;
    return align_up(end + GIB / 2, UNIT_BYTES);
}

/* A fixed address that is nobody's becomes an arena of its own; it must not stay behind. */
static NTSTATUS allocate_elsewhere(char *p)
{
    void *base;
    (void)p;
    return allocate((void *)elsewhere, 3, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, &base);
}

struct deed {
    const char *name;
    NTSTATUS (*act)(char *mixture);
};

static const struct deed deeds[] = {
    {"commit all", commit_all},       {"commit some", commit_some},
    {"decommit all", decommit_all},   {"decommit some", decommit_some},
    {"release", release_all},         {"protect some", protect_some},
    {"access all", access_all},       {"extend", extend},
    {"allocate more", allocate_more}, {"allocate elsewhere", allocate_elsewhere},
};

/* ---- the loops -------------------------------------------------------------------------------- */

static void clean_up(char *mixture)
{
    MEMORY_BASIC_INFORMATION info;
    check(!more || !release(more), "release more");
    more = NULL;
    check(!mm_vm_query((void *)elsewhere, &info), "query");
    if (info.State != MEM_FREE)
        check(!release((void *)elsewhere), "release");
    check(!mm_vm_query(mixture, &info), "query");
    if (info.State != MEM_FREE)
        check(!mm_vm_unmap(mixture, (PAGES + 3) * PAGE_BYTES), "unmap");
    check(mm_charge.used == 0, "%zu pages left behind", mm_charge.used);
}

/* Fail the N-th step for every N until the deed passes; how many failures there were. */
static long fail_each_step(const struct deed *d, atomic_long *countdown)
{
    static struct picture before;
    static struct picture after;
    for (long n = 1;; n++) {
        char *p = make_mixture();
        take_picture(p, &before);
        *countdown = n;
        NTSTATUS status = d->act(p);
        bool reached = *countdown <= 0;
        *countdown = 0;
        check(mm_vm_is_valid(), "%s, %ld", d->name, n);
        if (status) {
            take_picture(p, &after);
            compare_pictures(&before, &after, d->name, n);
        }
        clean_up(p);
        check(!status || reached, "%s fails by itself: %#x", d->name, (unsigned)status);
        if (!reached)
            return n - 1;
    }
}

static void fail_all(atomic_long *countdown, long least)
{
    long failures = 0;
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++)
        failures += fail_each_step(&deeds[i], countdown);
    check(failures >= least, "%ld failures were tried", failures);
}

static void a_backing_that_fails_at_any_call_changes_nothing(void)
{
    fail_all(&refuse_at, 30);
}

static void a_region_that_cannot_be_had_changes_nothing(void)
{
    fail_all(&mm_space.fail_nodes, 9);
}

static void a_commit_that_is_refused_changes_nothing(void)
{
    fail_all(&mm_charge.fail_at, 6);
}

static void a_limit_in_the_way_changes_nothing(void)
{
    static struct picture before;
    static struct picture after;
    char *p = make_mixture();
    take_picture(p, &before);
    for (size_t more = 0; more < 8; more++) {
        mm_charge_set_limit(&mm_charge, mm_charge.used + more);
        check(commit_all(p) == STATUS_COMMITMENT_LIMIT, "%zu pages left to promise", more);
        take_picture(p, &after);
        compare_pictures(&before, &after, "commit all", (long)more);
    }
    mm_charge_set_limit(&mm_charge, SIZE_MAX);
    check(!commit_all(p), "without a limit");
    clean_up(p);
}

static const struct test tests[] = {
    TEST(a_backing_that_fails_at_any_call_changes_nothing, ""),
    TEST(a_region_that_cannot_be_had_changes_nothing, ""),
    TEST(a_commit_that_is_refused_changes_nothing, ""),
    TEST(a_limit_in_the_way_changes_nothing, ""),
};

int main(int argc, char **argv)
{
    mm_vm_init(&refusing);
    elsewhere = find_elsewhere();
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
