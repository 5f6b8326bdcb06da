/*
 * local_memory.c - LocalAlloc and its kin: where they are as GlobalAlloc's, and where they are not.
 */
#include "memory.h"

#define MIB ((SIZE_T)1 << 20)

static HLOCAL moveable(SIZE_T size)
{
    HLOCAL h = LocalAlloc(LMEM_MOVEABLE, size);
    check(h, "error %u", (unsigned)GetLastError());
    return h;
}

static char *fixed(SIZE_T size)
{
    char *p = LocalAlloc(LMEM_FIXED, size);
    check(p, "error %u", (unsigned)GetLastError());
    return p;
}

static HLOCAL freed(void)
{
    HLOCAL h = moveable(10);
    check(!LocalFree(h), "error %u", (unsigned)GetLastError());
    return h;
}

static void check_flags(HLOCAL h, UINT wanted)
{
    UINT flags;
    check_works((flags = LocalFlags(h)) != LMEM_INVALID_HANDLE);
    check(flags == wanted, "flags %#x", flags);
}

/* ---- as in the other family ------------------------------------------------------------------------ */

static void local_memory_lives_as_global_memory_does(void)
{
    HLOCAL h = moveable(100);
    char *p;
    check_works((p = LocalLock(h)) != NULL);
    memset(p, 'x', 100);
    check_works(LocalHandle(p) == h);
    check_flags(h, 1);
    check_fails(LocalReAlloc(h, 64 * MIB, 0), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(LocalUnlock(h), NO_ERROR);
    check_fails(LocalUnlock(h), ERROR_NOT_LOCKED);
    check_works(LocalReAlloc(h, MIB, LMEM_ZEROINIT) == h);
    check_works(LocalSize(h) == MIB);
    check_works((p = LocalLock(h)) != NULL);
    check(p[0] == 'x' && p[99] == 'x' && p[100] == 0 && p[MIB - 1] == 0, "contents");
    check_works(!LocalFree(h));
}

static void local_memory_of_zero_bytes_is_discarded(void)
{
    HLOCAL h = moveable(0);
    check_flags(h, LMEM_DISCARDED);
    check_fails(LocalLock(h), ERROR_DISCARDED);
    check_works(LocalSize(h) == 0);
    check_works(LocalReAlloc(h, 10, 0) == h);
    check_flags(h, 0);
    check_fails(LocalReAlloc(h, 0, 0), ERROR_INVALID_PARAMETER);
    LocalLock(h);
    check_fails(LocalDiscard(h), ERROR_INVALID_PARAMETER);
    LocalUnlock(h);
    check_works(LocalDiscard(h) == h);
    check_flags(h, LMEM_DISCARDED);
    LocalFree(h);
}

static void local_memory_reads_as_zero_when_asked_for(void)
{
    HLOCAL h = LocalAlloc(LHND, 3000);
    char *p = LocalLock(h);
    char *q = LocalAlloc(LPTR, 3000);
    for (int i = 0; i < 3000; i++)
        check(!p[i] && !q[i], "byte %d", i);
    LocalFree(h);
    LocalFree(q);
}

static void either_family_takes_the_others_handles(void)
{
    HGLOBAL g = GlobalAlloc(GMEM_MOVEABLE | GMEM_DISCARDABLE | GMEM_DDESHARE, 10);
    HLOCAL l = LocalAlloc(LMEM_MOVEABLE | LMEM_DISCARDABLE, 20);
    check_works(LocalLock(g) == GlobalLock(g));
    check_works(GlobalSize(l) == 20 && LocalSize(g) == 10);
    check_works(GlobalFlags(l) == GMEM_DISCARDABLE);
    check_works(GlobalFlags(g) == (GMEM_DISCARDABLE | GMEM_DDESHARE | 2));
    check_works(!GlobalFree(l));
    check_works(!LocalFree(g));
}

static void freed_local_handles_mean_nothing(void)
{
    HLOCAL h = freed();
    check_fails(LocalLock(h), ERROR_INVALID_HANDLE);
    check_fails(LocalSize(h), ERROR_INVALID_HANDLE);
    check_fails(LocalReAlloc(h, 10, LMEM_MOVEABLE), ERROR_INVALID_HANDLE);
    check_fails(LocalReAlloc(h, 10, LMEM_MODIFY), ERROR_INVALID_HANDLE);
    check_fails(LocalHandle(h), ERROR_INVALID_HANDLE);
    SetLastError(UNTOUCHED);
    check(LocalFlags(h) == LMEM_INVALID_HANDLE, "flags");
    check(GetLastError() == ERROR_INVALID_HANDLE, "error %u", (unsigned)GetLastError());
    SetLastError(UNTOUCHED);
    check(LocalFree(h) == h, "another result");
    check(GetLastError() == ERROR_INVALID_HANDLE, "error %u", (unsigned)GetLastError());
}

static void freeing_no_local_memory_is_fine(void)
{
    check_works(!LocalFree(NULL));
}

static void what_is_no_local_handle_has_no_size(void)
{
    check_fails(LocalSize(NULL), ERROR_INVALID_HANDLE);
    check_fails(LocalSize((HLOCAL)(ULONG_PTR)0xdead8), ERROR_INVALID_HANDLE);
    check_fails(LocalSize((HLOCAL)(ULONG_PTR)0xdead0), ERROR_INVALID_HANDLE);
}

static void a_locked_local_object_moves_when_told_to(void)
{
    HLOCAL h = moveable(100);
    strcpy(LocalLock(h), "contents");
    check_works(LocalReAlloc(h, 16 * MIB, LMEM_MOVEABLE) == h);
    check_flags(h, 1);
    check(!strcmp(LocalLock(h), "contents"), "contents");
    LocalFree(h);
}

/* ---- not as in the other family ---------------------------------------------------------------------- */

static void a_fixed_local_block_is_not_locked(void)
{
    char *p = fixed(10);
    check_works(LocalLock(p) == p);
    check_fails(LocalUnlock(p), ERROR_NOT_LOCKED);
    check_flags(p, 0);
    LocalFree(p);
}

static void a_fixed_local_block_of_zero_bytes_has_none(void)
{
    char *p = fixed(0);
    check_works(LocalSize(p) == 0);
    check_works(!LocalFree(p));
}

static void modifying_leaves_a_fixed_local_block_fixed(void)
{
    char *p = fixed(10);
    check_works(LocalReAlloc(p, 100, LMEM_MODIFY | LMEM_MOVEABLE) == p);
    check_works(LocalReAlloc(p, 100, LMEM_MODIFY | LMEM_MOVEABLE | LMEM_DISCARDABLE) == p);
    check_works(LocalReAlloc(p, 100, LMEM_MODIFY) == p);
    check_flags(p, 0);
    check(LocalHandle(p) == p && LocalSize(p) == 10, "size %zu", (size_t)LocalSize(p));
    LocalFree(p);
}

static void modifying_makes_a_moveable_local_object_discardable(void)
{
    HLOCAL h = moveable(10);
    check_works(LocalReAlloc(h, 100, LMEM_MODIFY | LMEM_DISCARDABLE) == h);
    check_flags(h, LMEM_DISCARDABLE);
    check_works(LocalReAlloc(h, 100, LMEM_MODIFY) == h);
    check(LocalSize(h) == 10, "size %zu", (size_t)LocalSize(h));
    LocalFree(h);
}

static void a_fixed_local_block_is_resized_where_it_is_or_not_at_all(void)
{
    char *p = fixed(1000);
    memset(p, 'x', 1000);
    check_works(LocalReAlloc(p, 1000, 0) == p);
    check_works(LocalReAlloc(p, 990, 0) == p);
    check_works(LocalSize(p) == 990);
    check_fails(LocalReAlloc(p, 64 * MIB, 0), ERROR_NOT_ENOUGH_MEMORY);
    check(LocalSize(p) == 990 && p[989] == 'x', "size %zu", (size_t)LocalSize(p));
    p = LocalReAlloc(p, 4 * MIB, LMEM_MOVEABLE);
    check(p && p[989] == 'x' && LocalSize(p) == 4 * MIB, "error %u", (unsigned)GetLastError());
    check_works(LocalLock(p) == p);
    LocalFree(p);
}

static void a_freed_local_handle_cannot_be_unlocked(void)
{
    check_fails(LocalUnlock(freed()), ERROR_INVALID_HANDLE);
}

static void discardable_local_memory_has_flags_of_its_own(void)
{
    HLOCAL h = LocalAlloc(LMEM_MOVEABLE | LMEM_DISCARDABLE, 10);
    check_flags(h, 0x0F00);
    check_works(LocalDiscard(h) == h);
    check_flags(h, 0x4F00);
    LocalFree(h);
}

static void local_and_global_objects_share_one_table(void)
{
    static HLOCAL all[70000];
    int count = 0;
    for (; count < 70000; count++) {
        all[count] = count % 2 ? LocalAlloc(LMEM_MOVEABLE, 0) : GlobalAlloc(GMEM_MOVEABLE, 0);
        if (!all[count])
            break;
    }
    check(count <= 65536 && count > 65000, "%d objects", count);
    check_fails(LocalAlloc(LMEM_MOVEABLE, 10), ERROR_NOT_ENOUGH_MEMORY);
    check_works(!LocalFree(all[0]));
    HGLOBAL h;
    check_works((h = GlobalAlloc(GMEM_MOVEABLE, 10)) != NULL);
    all[0] = h;
    for (int i = 0; i < count; i++)
        check(!LocalFree(all[i]), "%d: error %u", i, (unsigned)GetLastError());
}

static void more_local_memory_than_there_is_cannot_be_had(void)
{
    check_fails(LocalAlloc(LMEM_MOVEABLE, (SIZE_T)-1), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(LocalAlloc(LMEM_FIXED, (SIZE_T)-1), ERROR_NOT_ENOUGH_MEMORY);
}

static void shrinking_tells_what_the_heap_has(void)
{
    HLOCAL h = moveable(100000);
    check_works(LocalShrink(h, 10) >= 100000);
    check_works(LocalShrink(NULL, 0) >= 100000);
    check(LocalSize(h) == 100000, "size %zu", (size_t)LocalSize(h));
    LocalFree(h);
}

static const struct test tests[] = {
    TEST(local_memory_lives_as_global_memory_does, "S301 S302 S308 S309"),
    TEST(local_memory_of_zero_bytes_is_discarded, "S298 S299 S300"),
    TEST(local_memory_reads_as_zero_when_asked_for, ""),
    TEST(either_family_takes_the_others_handles, ""),
    TEST(freed_local_handles_mean_nothing, "S321"),
    TEST(freeing_no_local_memory_is_fine, "S320"),
    TEST(what_is_no_local_handle_has_no_size, "S324"),
    TEST(a_locked_local_object_moves_when_told_to, "S310"),
    TEST(a_fixed_local_block_is_not_locked, "S306"),
    TEST(a_fixed_local_block_of_zero_bytes_has_none, ""),
    TEST(modifying_leaves_a_fixed_local_block_fixed, "S318"),
    TEST(modifying_makes_a_moveable_local_object_discardable, "S316"),
    TEST(a_fixed_local_block_is_resized_where_it_is_or_not_at_all, ""),
    TEST(a_freed_local_handle_cannot_be_unlocked, "S326"),
    TEST(discardable_local_memory_has_flags_of_its_own, "S330"),
    TEST(local_and_global_objects_share_one_table, "S331"),
    TEST(more_local_memory_than_there_is_cannot_be_had, ""),
    TEST(shrinking_tells_what_the_heap_has, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
