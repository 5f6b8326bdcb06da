/*
 * space.c - what `vm` promises beyond the calls that tests/api proves: arenas, the POSIX side,
 * guard pages, kernel mappings.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntstatus.h>

#include "os/os.h"
#include "test.h"
#include "vm/backing.h"
#include "vm/vm_internal.h"

#define PAGE PAGE_BYTES

static char *allocate(void *address, size_t size, ULONG type, ULONG protect)
{
    void *base = NULL;
    size_t rounded;
    struct vm_request q = {address, size, type, protect, 0};
    NTSTATUS status = mm_vm_allocate(&q, &base, &rounded);
    check(!status, "allocate %#zx: %#x", size, (unsigned)status);
    return base;
}

static char *reserve(size_t size)
{
    return allocate(NULL, size, MEM_RESERVE, PAGE_READWRITE);
}

static char *commit(size_t size)
{
    return allocate(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

static NTSTATUS release(void *base)
{
    void *start;
    size_t size;
    return mm_vm_free(base, 0, MEM_RELEASE, &start, &size);
}

static MEMORY_BASIC_INFORMATION query(const void *address)
{
    MEMORY_BASIC_INFORMATION info;
    NTSTATUS status = mm_vm_query(address, &info);
    check(!status, "query: %#x", (unsigned)status);
    return info;
}

static int count_mappings(void)
{
    struct os_mapping m;
    int count = 0;
    for (uintptr_t at = 0; !mm_os_mapping_at(at, &m); at = m.end)
        count++;
    return count;
}

/* The largest stretch of addresses where the kernel has nothing; sanitizers leave little. */
static struct range largest_hole(void)
{
    struct os_mapping m;
    struct range hole = {0, 0};
    uintptr_t at = MM_VM_LOWEST;
    while (at < MM_VM_END) {
        uintptr_t next = mm_os_mapping_at(at, &m) ? MM_VM_END : m.start;
        if (next > at && next - at > range_size(hole))
            hole = (struct range){at, next};
        at = next == MM_VM_END ? next : m.end;
    }
    return hole;
}

/* ---- address space ----------------------------------------------------------------------------- */

static void a_reservation_costs_no_mapping(void)
{
    char *first = reserve(PAGE);
    int before = count_mappings();
    for (int i = 0; i < 1000; i++)
        reserve(MIB);
    check(count_mappings() <= before + 1, "%d mappings, before %d", count_mappings(), before);
    for (int i = 0; i < 1000; i++)
        check(!release(first + UNIT_BYTES + (size_t)i * MIB), "release %d", i);
    check(!release(first) && mm_vm_is_valid(), "release");
}

static void neighbours_of_equal_access_are_one_mapping(void)
{
    char *p = reserve(64 * MIB);
    int before = count_mappings();
    for (size_t at = 0; at < 64 * MIB; at += UNIT_BYTES) {
        allocate(p + at, UNIT_BYTES, MEM_COMMIT, PAGE_READWRITE);
        memset(p + at, 1, UNIT_BYTES);
    }
    check(count_mappings() <= before + 2, "%d mappings, before %d", count_mappings(), before);
    check(!release(p), "release");
    check(count_mappings() <= before + 1, "%d mappings, before %d", count_mappings(), before);
}

static void memory_that_came_and_went_leaves_no_mapping(void)
{
    enum { BLOCKS = 200 };
    char *blocks[BLOCKS];
    char *keep = commit(PAGE);
    int before = count_mappings();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = commit(UNIT_BYTES * (1 + (size_t)i % 3));
            blocks[i][0] = 1;
        }
        for (int i = 0; i < BLOCKS; i++)
            check(!release(blocks[(i * 7) % BLOCKS]), "release %d", i);
    }
    check(count_mappings() <= before + 6, "%d mappings, before %d", count_mappings(), before);
    check(!release(keep), "release");
}

static void sixty_four_tebibytes_can_be_reserved_and_go_back(void)
{
    if (range_size(largest_hole()) < 65 * TIB)
        skip("so much address space is not free here");
    char *p = reserve(64 * TIB);
    check(query(p).RegionSize == 64 * TIB, "%#zx", query(p).RegionSize);
    check(!release(p), "release");
    check(query(p).State == MEM_FREE && mm_vm_is_valid(), "state %#x", query(p).State);
    check(!mm_vm_touches(p, 64 * TIB) || !mm_vm_touches(p, PAGE), "the arena stayed");
}

static void a_fixed_address_that_is_nobodys_is_had_and_given_back(void)
{
    struct range hole = largest_hole();
    void *where = (void *)align_up(hole.start + range_size(hole) / 2, UNIT_BYTES);
    char *p = allocate(where, 5 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    check(p == where, "%p", (void *)p);
    memset(p, 'x', 5 * PAGE);
    check(mm_vm_owns(p, 5 * PAGE) && !mm_vm_owns(p, 6 * PAGE), "owns");
    check(!release(p) && !mm_vm_touches(p, PAGE), "the arena stayed");
    void *mapped =
        mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(mapped == p, "the kernel still has something there");
    munmap(p, PAGE);
}

static void a_fixed_address_that_other_code_mapped_is_refused(void)
{
    char *p = mmap(NULL, UNIT_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct vm_request q = {p, PAGE, MEM_RESERVE, PAGE_READWRITE, 0};
    void *base;
    size_t size;
    NTSTATUS status = mm_vm_allocate(&q, &base, &size);
    check(status == STATUS_CONFLICTING_ADDRESSES, "%#x", (unsigned)status);
    munmap(p, UNIT_BYTES);
}

static void the_highest_place_is_above_the_lowest(void)
{
    char *low = reserve(PAGE);
    char *high = allocate(NULL, 3 * PAGE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
    check(high > low + GIB, "%p and %p", (void *)low, (void *)high);
    char *next = allocate(NULL, PAGE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
    check(next < high && next > low + GIB, "%p below %p", (void *)next, (void *)high);
    check(!release(low) && !release(high) && !release(next), "release");
}

static void a_million_reservations_are_possible(void)
{
    enum { COUNT = 1000000 };
    char *first = reserve(PAGE);
    for (int i = 1; i < COUNT; i++)
        reserve(PAGE);
    check(query(first + (COUNT - 1) * UNIT_BYTES).State == MEM_RESERVE, "the last");
    for (size_t i = 0; i < COUNT; i++)
        check(!release(first + i * UNIT_BYTES), "release %zu", i);
    check(mm_space.reserved == 0 && mm_vm_is_valid(), "%zu bytes left", mm_space.reserved);
}

/* Windows has no limit here; the kernel allows 65,530 mappings, and markers are the way round. */
static void a_hundred_thousand_small_allocations_are_possible(void)
{
    enum { COUNT = 100000 };
    char *probe = commit(PAGE);
    check(!release(probe), "release");
    if (mm_kernel_no_markers)
        skip("this kernel has no guard markers (Linux 6.13)");
    if (range_size(mm_space.first_arena) < TIB)
        skip("little address space is free here, and markers are not used");
    char *first = commit(PAGE);
    for (size_t i = 1; i < COUNT; i++)
        check(commit(PAGE) == first + i * UNIT_BYTES, "number %zu", i);
    for (size_t i = 0; i < COUNT; i += 10)
        first[i * UNIT_BYTES] = 'x';
    char *last = first + (COUNT - 1) * UNIT_BYTES;
    check(mm_os_can_write(last, 1) && !mm_os_can_read(last + PAGE, 1), "the last and what follows");
    check(count_mappings() < 40000, "%d mappings", count_mappings());
    for (size_t i = 0; i < COUNT; i++)
        check(!release(first + i * UNIT_BYTES), "release %zu", i);
    check(!mm_os_can_read(first, 1) && !mm_os_can_read(last, 1), "free memory can be read");
    char *again = commit(PAGE);
    check(again == first && *again == 0, "old contents: %d", *again);
    check(!release(again) && mm_charge.used == 0, "release");
}

static void a_forked_child_has_no_more_access_than_its_parent(void)
{
    char *p = commit(3 * UNIT_BYTES);
    void *base;
    size_t size;
    int status = 0;
    p[0] = 'x';
    p[UNIT_BYTES] = 'y';
    check(!mm_vm_free(p + UNIT_BYTES, UNIT_BYTES, MEM_DECOMMIT, &base, &size), "decommit");
    pid_t child = fork();
    if (child == 0) {
        bool right = p[0] == 'x' && !mm_os_can_read(p + UNIT_BYTES, 1) &&
                     mm_os_can_write(p + 2 * UNIT_BYTES, 1) && !release(p) && !mm_os_can_read(p, 1);
        _exit(right ? 0 : 1);
    }
    check(waitpid(child, &status, 0) == child && status == 0, "the child ended with %#x", status);
    check(!mm_os_can_read(p + UNIT_BYTES, 1) && p[0] == 'x', "the parent's memory changed");
    check(!release(p), "release");
}

static void pages_locked_in_memory_can_be_decommitted(void)
{
    char *p = commit(2 * UNIT_BYTES);
    void *base;
    size_t size;
    check(!mlock(p, UNIT_BYTES), "mlock");
    check(!mm_vm_free(p, UNIT_BYTES, MEM_DECOMMIT, &base, &size), "decommit");
    check(!mm_os_can_read(p, 1) && mm_os_can_read(p + UNIT_BYTES, 1), "access");
    check(!release(p) && mm_vm_is_valid(), "release");
}

/* In a child with little address space: how many MiB it reserves in all, in pieces of 16 MiB. */
static int reserve_all_there_is(size_t address_space)
{
    struct rlimit limit = {address_space, address_space};
    setrlimit(RLIMIT_AS, &limit);
    struct vm_request q = {NULL, 16 * MIB, MEM_RESERVE, PAGE_READWRITE, 0};
    void *base;
    size_t size;
    int pieces = 0;
    while (!mm_vm_allocate(&q, &base, &size))
        pieces++;
    return pieces;
}

static void with_little_address_space_half_is_left_at_first(void)
{
    int pipes[2];
    int pieces[2] = {0, 0};
    check(!pipe(pipes), "pipe");
    pid_t child = fork();
    if (child == 0) {
        /* The child is a fresh process as far as `vm` goes. */
        mm_space =
            (struct space){.backing = &mm_backing_kernel, .pool = {.size = sizeof(struct region)}};
        struct os_mapping m;
        size_t used = 0;
        for (uintptr_t at = 0; !mm_os_mapping_at(at, &m); at = m.end)
            used += m.end - m.start;
        pieces[0] = reserve_all_there_is(used + 3 * GIB);
        pieces[1] = (int)(range_size(mm_space.first_arena) / MIB);
        _exit(write(pipes[1], pieces, sizeof pieces) != sizeof pieces);
    }
    check(read(pipes[0], pieces, sizeof pieces) == sizeof pieces, "the child is gone");
    waitpid(child, NULL, 0);
    check(pieces[1] == 1024, "the first arena has %d MiB", pieces[1]);
    check(pieces[0] * 16 > 2800, "%d MiB of 3072 reserved", pieces[0] * 16);
}

/* ---- query ------------------------------------------------------------------------------------- */

static void walking_all_of_memory_meets_every_address_once(void)
{
    char *p = commit(3 * PAGE);
    uintptr_t at = 0;
    bool met = false;
    ULONG before = 0;
    MEMORY_BASIC_INFORMATION info;
    while (at < MM_VM_END) {
        check(!mm_vm_query((void *)at, &info), "at %#lx", (unsigned long)at);
        check((uintptr_t)info.BaseAddress == at && info.RegionSize, "at %#lx", (unsigned long)at);
        check(info.State != MEM_FREE || before != MEM_FREE, "two free at %#lx", (unsigned long)at);
        met |= info.BaseAddress == p;
        before = info.State;
        at += info.RegionSize;
    }
    check(at == MM_VM_END && met, "ended at %#lx", (unsigned long)at);
    check(!release(p), "release");
}

static void an_image_has_the_base_of_its_library(void)
{
    MEMORY_BASIC_INFORMATION code =
        query((void *)(uintptr_t)walking_all_of_memory_meets_every_address_once);
    check(code.State == MEM_COMMIT && code.Protect == PAGE_EXECUTE_READ, "%#x", code.Protect);
    check(code.Type == MEM_IMAGE, "type %#x", code.Type);
    check(!memcmp(code.AllocationBase, "\177ELF", 4), "base %p", code.AllocationBase);
}

static void foreign_pages_can_be_protected(void)
{
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ULONG old = 0;
    check(!mm_vm_protect(p + PAGE, PAGE, PAGE_READONLY, &old), "read-only");
    check(old == PAGE_READWRITE && query(p + PAGE).Protect == PAGE_READONLY, "old %#x", old);
    check(query(p).Protect == PAGE_READWRITE, "the page before");
    munmap(p + PAGE, PAGE);
    NTSTATUS status = mm_vm_protect(p, 3 * PAGE, PAGE_READONLY, &old);
    check(status == STATUS_CONFLICTING_ADDRESSES, "%#x", (unsigned)status);
    check(query(p).Protect == PAGE_READWRITE, "changed in spite of the hole");
    munmap(p, PAGE);
    munmap(p + 2 * PAGE, PAGE);
}

/* ---- guard pages --------------------------------------------------------------------------------- */

static void a_guard_is_taken_once(void)
{
    char *p = commit(3 * PAGE);
    ULONG old;
    check(!mm_vm_protect(p, 3 * PAGE, PAGE_READWRITE | PAGE_GUARD, &old), "guard");
    check(!mm_os_can_read(p + PAGE, 1), "a guard page can be read");
    check(mm_vm_take_guard(p + PAGE + 5, OS_READ) == STATUS_GUARD_PAGE_VIOLATION, "the first");
    check(mm_vm_take_guard(p + PAGE + 5, OS_WRITE) == STATUS_SUCCESS, "the second");
    check(mm_os_can_write(p + PAGE, 1), "no access");
    check(query(p).Protect == (PAGE_READWRITE | PAGE_GUARD), "the page before");
    check(query(p + PAGE).RegionSize == PAGE, "the page alone");
    check(mm_vm_take_guard(p + PAGE, OS_EXEC) == STATUS_ACCESS_VIOLATION, "execute");
    check(!release(p), "release");
    check(mm_vm_take_guard(p, OS_READ) == STATUS_ACCESS_VIOLATION, "free memory");
}

static void a_guard_is_not_waited_for_while_the_space_is_held(void)
{
    char *p = allocate(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    MEMORY_BASIC_INFORMATION info;
    mm_vm_lock_for_fork();
    NTSTATUS guard = mm_vm_take_guard(p, OS_READ);
    NTSTATUS asked = mm_vm_try_query(p, &info);
    mm_vm_unlock_after_fork();
    check(guard == STATUS_LOCK_NOT_GRANTED, "%#x", (unsigned)guard);
    check(asked == STATUS_LOCK_NOT_GRANTED, "%#x", (unsigned)asked);
    check(!mm_vm_try_query(p, &info) && info.Protect == (PAGE_READWRITE | PAGE_GUARD), "query");
    check(!release(p), "release");
}

/* ---- POSIX --------------------------------------------------------------------------------------- */

static void unmapping_the_middle_makes_two_allocations(void)
{
    char *p = commit(10 * PAGE);
    memset(p, 'x', 10 * PAGE);
    size_t charged = mm_charge.used;
    check(!mm_vm_unmap(p + 4 * PAGE, 2 * PAGE), "unmap");
    check(mm_charge.used == charged - 2, "%zu pages given back", charged - mm_charge.used);
    check(query(p).AllocationBase == p && query(p).RegionSize == 4 * PAGE, "the head");
    check(query(p + 4 * PAGE).State == MEM_FREE, "the hole");
    check(query(p + 7 * PAGE).AllocationBase == p + 6 * PAGE, "the tail");
    check(p[0] == 'x' && p[9 * PAGE] == 'x', "contents");
    check(!release(p + 6 * PAGE) && !release(p) && mm_vm_is_valid(), "release");
}

static void unmapping_passes_over_what_is_free_and_spans_allocations(void)
{
    char *a = reserve(UNIT_BYTES);
    char *b = commit(UNIT_BYTES + PAGE);
    char *c = commit(UNIT_BYTES);
    check(b == a + UNIT_BYTES && c == b + 2 * UNIT_BYTES, "not neighbours");
    check(!mm_vm_unmap(a + PAGE, 4 * UNIT_BYTES - 2 * PAGE), "unmap");
    check(query(a).RegionSize == PAGE && query(a).State == MEM_RESERVE, "the first page of a");
    check(query(b).State == MEM_FREE, "b");
    char *last = c + UNIT_BYTES - PAGE;
    check(query(last).AllocationBase == last && query(last).State == MEM_COMMIT, "the last of c");
    check(!release(a) && !release(last) && mm_charge.used == 0, "%zu charged", mm_charge.used);
}

static void making_accessible_commits_and_taking_access_keeps(void)
{
    char *p = reserve(8 * PAGE);
    check(!mm_vm_access(p, 8 * PAGE, PAGE_NOACCESS), "no access");
    check(mm_charge.used == 0 && query(p).State == MEM_RESERVE, "a reservation stays one");
    check(!mm_vm_access(p + PAGE, 3 * PAGE, PAGE_READWRITE), "read-write");
    check(mm_charge.used == 3, "%zu charged", mm_charge.used);
    p[PAGE] = 'x';
    check(!mm_vm_access(p, 8 * PAGE, PAGE_NOACCESS), "no access");
    check(mm_charge.used == 3 && query(p + PAGE).State == MEM_COMMIT, "%zu", mm_charge.used);
    check(!mm_vm_access(p, 8 * PAGE, PAGE_READONLY), "read-only");
    check(mm_charge.used == 8 && p[PAGE] == 'x', "%zu charged", mm_charge.used);
    check(!release(p) && mm_charge.used == 0, "release");
    check(mm_vm_access(p, PAGE, PAGE_READONLY) == STATUS_CONFLICTING_ADDRESSES, "free");
}

static void zeroed_pages_stay_committed(void)
{
    char *p = commit(4 * PAGE);
    memset(p, 'x', 4 * PAGE);
    check(!mm_vm_zero(p + PAGE, 2 * PAGE), "zero");
    check(p[0] == 'x' && p[PAGE] == 0 && p[2 * PAGE] == 0 && p[3 * PAGE] == 'x', "contents");
    check(mm_charge.used == 4 && query(p).RegionSize == 4 * PAGE, "%zu charged", mm_charge.used);
    check(!release(p), "release");
}

static void mapping_over_starts_afresh(void)
{
    char *p = commit(8 * PAGE);
    memset(p, 'x', 8 * PAGE);
    mm_charge_set_limit(&mm_charge, 8);
    NTSTATUS status =
        mm_vm_map_over(p + 2 * PAGE, 4 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    mm_charge_set_limit(&mm_charge, SIZE_MAX);
    check(!status, "the charge is exchanged, not added: %#x", (unsigned)status);
    check(p[PAGE] == 'x' && p[2 * PAGE] == 0 && p[6 * PAGE] == 'x', "contents");
    check(query(p + 2 * PAGE).AllocationBase == p + 2 * PAGE, "an allocation of its own");
    check(query(p + 6 * PAGE).AllocationBase == p + 6 * PAGE, "the rest");
    check(!mm_vm_map_over(p, 8 * PAGE, MEM_RESERVE, PAGE_NOACCESS), "reserve");
    check(mm_charge.used == 0 && query(p).RegionSize == 8 * PAGE, "%zu charged", mm_charge.used);
    check(!release(p) && mm_vm_is_valid(), "release");
}

static void what_is_lent_is_the_borrowers_until_unmapped(void)
{
    char *p = commit(8 * PAGE);
    memset(p, 'x', 8 * PAGE);
    check(!mm_vm_lend(p + 2 * PAGE, 2 * PAGE) && mm_charge.used == 6, "lend");
    char *file =
        mmap(p + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    check(file == p + 2 * PAGE, "map");
    MEMORY_BASIC_INFORMATION info = query(file + PAGE);
    check(info.Type == MEM_MAPPED && info.Protect == PAGE_READONLY, "%#x", info.Protect);
    check(info.RegionSize == PAGE, "%#zx", info.RegionSize);
    void *base;
    size_t size;
    check(mm_vm_free(file, 0, MEM_RELEASE, &base, &size) == STATUS_UNABLE_TO_DELETE_SECTION,
          "free");
    check(!mm_vm_access(file, PAGE, PAGE_NOACCESS) && !mm_os_can_read(file, 1), "access");
    check(!mm_vm_unmap(file, 2 * PAGE) && query(file).State == MEM_FREE, "unmap");
    check(!mm_vm_map_over(file, 2 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), "again ours");
    check(file[0] == 0 && mm_charge.used == 8, "contents");
    check(!mm_vm_unmap(p, 8 * PAGE) && mm_vm_is_valid() && mm_charge.used == 0, "unmap all");
}

static void an_allocation_grows_where_it_stands_if_there_is_room(void)
{
    char *p = commit(2 * PAGE);
    char *q = reserve(PAGE);
    check(q == p + UNIT_BYTES, "not neighbours");
    check(!mm_vm_extend(p, 2 * PAGE, UNIT_BYTES), "within the unit");
    check(query(p).RegionSize == UNIT_BYTES && mm_charge.used == UNIT_PAGES, "%zu", mm_charge.used);
    p[UNIT_BYTES - 1] = 'x';
    NTSTATUS status = mm_vm_extend(p, UNIT_BYTES, UNIT_BYTES + PAGE);
    check(status == STATUS_CONFLICTING_ADDRESSES, "%#x", (unsigned)status);
    check(!release(p) && !release(q), "release");
}

/* ---- the kernel's limit --------------------------------------------------------------------------- */

/* Every second page read-only: two mappings a pair, until the kernel has no more. */
static size_t protect_until_refused(char *p, size_t pages, NTSTATUS *ret_status)
{
    ULONG old;
    for (size_t i = 0; i < pages; i += 2) {
        *ret_status = mm_vm_protect(p + i * PAGE, PAGE, PAGE_READONLY, &old);
        if (*ret_status)
            return i;
    }
    return pages;
}

static void too_many_mappings_are_an_error_that_changes_nothing(void)
{
    enum { MANY = 100000 };
    NTSTATUS status = STATUS_SUCCESS;
    char *p = commit(MANY * PAGE);
    size_t at = protect_until_refused(p, MANY, &status);
    if (at == MANY) {
        check(!release(p), "release");
        skip("this kernel allows more mappings than the test makes");
    }
    check(status == STATUS_NO_MEMORY, "%#x at page %zu", (unsigned)status, at);
    check(query(p + at * PAGE).Protect == PAGE_READWRITE && mm_vm_is_valid(), "page %zu", at);
    p[at * PAGE] = 'x';
    void *base;
    size_t size;
    p[(at + 101) * PAGE] = 'y';
    status = mm_vm_free(p + (at + 100) * PAGE, 2 * PAGE, MEM_DECOMMIT, &base, &size);
    if (status)
        check(p[(at + 101) * PAGE] == 'y', "a failed decommit lost contents");
    check(!release(p) && mm_charge.used == 0 && mm_vm_is_valid(), "release");
}

static const struct test tests[] = {
    TEST(with_little_address_space_half_is_left_at_first, ""),
    TEST(a_reservation_costs_no_mapping, ""),
    TEST(neighbours_of_equal_access_are_one_mapping, ""),
    TEST(memory_that_came_and_went_leaves_no_mapping, ""),
    TEST(sixty_four_tebibytes_can_be_reserved_and_go_back, "S034"),
    TEST(a_fixed_address_that_is_nobodys_is_had_and_given_back, ""),
    TEST(a_fixed_address_that_other_code_mapped_is_refused, ""),
    TEST(the_highest_place_is_above_the_lowest, "S036"),
    TEST(a_million_reservations_are_possible, ""),
    TEST(a_hundred_thousand_small_allocations_are_possible, ""),
    TEST(a_forked_child_has_no_more_access_than_its_parent, ""),
    TEST(pages_locked_in_memory_can_be_decommitted, ""),
    TEST(walking_all_of_memory_meets_every_address_once, ""),
    TEST(an_image_has_the_base_of_its_library, ""),
    TEST(foreign_pages_can_be_protected, ""),
    TEST(a_guard_is_taken_once, ""),
    TEST(a_guard_is_not_waited_for_while_the_space_is_held, ""),
    TEST(unmapping_the_middle_makes_two_allocations, ""),
    TEST(unmapping_passes_over_what_is_free_and_spans_allocations, ""),
    TEST(making_accessible_commits_and_taking_access_keeps, ""),
    TEST(zeroed_pages_stay_committed, ""),
    TEST(mapping_over_starts_afresh, ""),
    TEST(what_is_lent_is_the_borrowers_until_unmapped, ""),
    TEST(an_allocation_grows_where_it_stands_if_there_is_room, ""),
    TEST(too_many_mappings_are_an_error_that_changes_nothing, ""),
};

/* The argument "unmarked" plays a kernel without guard markers; others name tests. */
int main(int argc, char **argv)
{
    mm_kernel_no_markers = argc > 1 && !strcmp(argv[1], "unmarked");
    if (mm_kernel_no_markers)
        argc = 1;
    mm_vm_init(&mm_backing_kernel);
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
