/*
 * global_memory.c - GlobalAlloc and its kin: fixed and moveable blocks.
 */
#include "memory.h"

#define MIB ((SIZE_T)1 << 20)

static HGLOBAL moveable(SIZE_T size)
{
    HGLOBAL h = GlobalAlloc(GMEM_MOVEABLE, size);
    check(h, "error %u", (unsigned)GetLastError());
    return h;
}

static char *fixed(SIZE_T size)
{
    char *p = GlobalAlloc(GMEM_FIXED, size);
    check(p, "error %u", (unsigned)GetLastError());
    return p;
}

/* A handle that was one. */
static HGLOBAL freed(void)
{
    HGLOBAL h = moveable(10);
    check(!GlobalFree(h), "error %u", (unsigned)GetLastError());
    return h;
}

static void fill(HGLOBAL h, SIZE_T size)
{
    unsigned char *p = GlobalLock(h);
    check(p, "error %u", (unsigned)GetLastError());
    for (SIZE_T i = 0; i < size; i++)
        p[i] = (unsigned char)(i * 7 + 1);
    GlobalUnlock(h);
}

static void check_filled(HGLOBAL h, SIZE_T size)
{
    unsigned char *p = GlobalLock(h);
    check(p, "error %u", (unsigned)GetLastError());
    for (SIZE_T i = 0; i < size; i++)
        check(p[i] == (unsigned char)(i * 7 + 1), "byte %zu is %u", (size_t)i, p[i]);
    GlobalUnlock(h);
}

static void check_flags(HGLOBAL h, UINT wanted)
{
    UINT flags;
    check_works((flags = GlobalFlags(h)) != GMEM_INVALID_HANDLE);
    check(flags == wanted, "flags %#x", flags);
}

/* ---- beginning -------------------------------------------------------------------------------- */

static void zero_bytes_of_moveable_memory_are_a_discarded_object(void)
{
    HGLOBAL h = moveable(0);
    check_flags(h, GMEM_DISCARDED);
    check_works(GlobalSize(h) == 0);
    check_works(!GlobalFree(h));
}

static void a_discarded_object_cannot_be_locked(void)
{
    HGLOBAL h = moveable(0);
    check_fails(GlobalLock(h), ERROR_DISCARDED);
    check_fails(GlobalUnlock(h), ERROR_NOT_LOCKED);
    GlobalFree(h);
    h = moveable(10);
    check(GlobalDiscard(h) == h, "error %u", (unsigned)GetLastError());
    check_fails(GlobalLock(h), ERROR_DISCARDED);
    GlobalFree(h);
}

static void a_discarded_object_comes_back_under_its_handle(void)
{
    HGLOBAL h = moveable(10);
    check(GlobalDiscard(h) == h, "error %u", (unsigned)GetLastError());
    check_works(GlobalReAlloc(h, 100, 0) == h);
    check_flags(h, 0);
    check_works(GlobalSize(h) == 100);
    fill(h, 100);
    check_filled(h, 100);
    GlobalFree(h);
}

static void what_comes_back_reads_as_zero_when_asked_for(void)
{
    HGLOBAL h = moveable(100);
    fill(h, 100);
    check(GlobalDiscard(h) == h, "error %u", (unsigned)GetLastError());
    check(GlobalReAlloc(h, 100, GMEM_ZEROINIT) == h, "error %u", (unsigned)GetLastError());
    char *p = GlobalLock(h);
    for (int i = 0; i < 100; i++)
        check(p[i] == 0, "byte %d is %d", i, p[i]);
    GlobalFree(h);
}

static void a_handle_of_moveable_memory_is_not_its_address(void)
{
    HGLOBAL h = moveable(100);
    char *p = GlobalLock(h);
    check((char *)h != p, "handle %p", h);
    check(((ULONG_PTR)h & 8) && !((ULONG_PTR)p & 15), "handle %p, address %p", h, (void *)p);
    check_works(GlobalHandle(p) == h);
    check_fails(GlobalHandle(p + 1), ERROR_INVALID_HANDLE);
    check_fails(GlobalHandle(h), ERROR_INVALID_HANDLE);
    GlobalFree(h);
}

static void memory_reads_as_zero_when_asked_for(void)
{
    for (int round = 0; round < 10; round++) {
        HGLOBAL h = GlobalAlloc(GHND, 5000);
        char *p = GlobalAlloc(GPTR, 300);
        char *q = GlobalLock(h);
        for (int i = 0; i < 5000; i++)
            check(!q[i] && !p[i % 300], "byte %d is %d", i, q[i]);
        memset(q, 'x', 5000);
        memset(p, 'x', 300);
        GlobalFree(h);
        GlobalFree(p);
    }
}

static void flags_without_a_meaning_are_ignored(void)
{
    UINT junk = GMEM_NOTIFY | GMEM_NODISCARD | GMEM_NOCOMPACT | GMEM_NOT_BANKED | GMEM_MODIFY;
    HGLOBAL h;
    check_works((h = GlobalAlloc(GMEM_MOVEABLE | junk | 0xFFFF000C, 10)) != NULL);
    check_flags(h, 0);
    check_works(GlobalSize(h) == 10);
    GlobalFree(h);
    check_works((h = GlobalAlloc(junk | GMEM_DISCARDABLE, 10)) != NULL);
    check_works(GlobalLock(h) == h);
    check_flags(h, 0);
    GlobalFree(h);
}

static void sharing_and_discarding_are_told_by_the_flags(void)
{
    HGLOBAL h = GlobalAlloc(GMEM_MOVEABLE | GMEM_DISCARDABLE, 10);
    check_flags(h, GMEM_DISCARDABLE);
    check(GlobalDiscard(h) == h, "error %u", (unsigned)GetLastError());
    check_flags(h, GMEM_DISCARDABLE | GMEM_DISCARDED);
    GlobalFree(h);
    h = GlobalAlloc(GMEM_MOVEABLE | GMEM_DDESHARE, 10);
    check_flags(h, GMEM_DDESHARE);
    GlobalFree(h);
}

static void sizes_are_exact(void)
{
    for (SIZE_T size = 1; size < 20000; size += 1 + size / 5) {
        HGLOBAL h = moveable(size);
        char *p = fixed(size);
        check_works(GlobalSize(h) == size);
        check_works(GlobalSize(p) == size);
        GlobalFree(h);
        GlobalFree(p);
    }
}

static void more_than_there_is_cannot_be_had(void)
{
    static const SIZE_T sizes[] = {(SIZE_T)-1, (SIZE_T)-16, (SIZE_T)-4096, (SIZE_T)1 << 63};
    HGLOBAL h = moveable(100);
    fill(h, 100);
    for (int i = 0; i < 4; i++) {
        check_fails(GlobalAlloc(GMEM_MOVEABLE, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(GlobalAlloc(GMEM_FIXED, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(GlobalReAlloc(h, sizes[i], 0), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(GlobalReAlloc(h, sizes[i], GMEM_MOVEABLE), ERROR_NOT_ENOUGH_MEMORY);
    }
    check_filled(h, 100);
    check_works(GlobalSize(h) == 100);
    GlobalFree(h);
}

/* ---- locks ---------------------------------------------------------------------------------------- */

static void locks_are_counted_and_tell_one_address(void)
{
    HGLOBAL h = moveable(10);
    char *p = NULL;
    check_works((p = GlobalLock(h)) != NULL);
    for (UINT n = 1; n < 20; n++) {
        check_flags(h, n);
        check_works(GlobalLock(h) == p);
    }
    check_works((GlobalFlags(h) & GMEM_LOCKCOUNT) == 20);
    GlobalFree(h);
}

static void the_last_unlock_returns_false_without_an_error(void)
{
    HGLOBAL h = moveable(10);
    GlobalLock(h);
    GlobalLock(h);
    check_works(GlobalUnlock(h));
    check_fails(GlobalUnlock(h), NO_ERROR);
    check_fails(GlobalUnlock(h), ERROR_NOT_LOCKED);
    check_fails(GlobalUnlock(h), ERROR_NOT_LOCKED);
    check_flags(h, 0);
    GlobalFree(h);
}

static void the_lock_count_ends_at_255(void)
{
    HGLOBAL h = moveable(10);
    char *p = GlobalLock(h);
    for (int i = 1; i < 300; i++)
        check_works(GlobalLock(h) == p);
    check_flags(h, GMEM_LOCKCOUNT);
    for (int i = 0; i < 254; i++)
        check_works(GlobalUnlock(h));
    check_fails(GlobalUnlock(h), NO_ERROR);
    check_fails(GlobalUnlock(h), ERROR_NOT_LOCKED);
    GlobalFree(h);
}

static void a_fixed_block_is_its_own_handle_and_never_locked(void)
{
    char *p = fixed(10);
    check_works(GlobalLock(p) == p);
    check_works(GlobalLock(p) == p);
    check_flags(p, 0);
    for (int i = 0; i < 5; i++)
        check_works(GlobalUnlock(p));
    check_works(GlobalHandle(p) == p);
    GlobalFree(p);
}

static void the_address_of_a_moveable_block_works_like_a_handle(void)
{
    HGLOBAL h = moveable(77);
    char *p = GlobalLock(h);
    check_works(GlobalSize(p) == 77);
    check_works(GlobalLock(p) == p);
    check_works(GlobalUnlock(p));
    check_flags(h, 1);
    GlobalFree(h);
}

static void freeing_by_the_address_frees_the_handle(void)
{
    HGLOBAL h = moveable(77);
    char *p = GlobalLock(h);
    check_works(!GlobalFree(p));
    check_fails(GlobalLock(h), ERROR_INVALID_HANDLE);
}

static void resizing_by_the_address_resizes_the_object(void)
{
    HGLOBAL h = moveable(100);
    char *p = GlobalLock(h);
    memset(p, 'x', 100);
    char *q = GlobalReAlloc(p, MIB, GMEM_MOVEABLE);
    check(q && q[99] == 'x', "error %u", (unsigned)GetLastError());
    check(GlobalSize(h) == MIB && GlobalHandle(q) == h, "size %zu", (size_t)GlobalSize(h));
    check(GlobalLock(h) == q, "the handle has another address");
    GlobalFree(h);
}

/* ---- sizes that change ------------------------------------------------------------------------------ */

static void an_unlocked_block_changes_its_size_and_keeps_its_contents(void)
{
    static const SIZE_T sizes[] = {200, 5000, 100, 300000, 3 * MIB, 9 * MIB, 70000, 64, 1};
    HGLOBAL h = moveable(100);
    SIZE_T size = 100;
    fill(h, size);
    for (int i = 0; i < 9; i++) {
        check_works(GlobalReAlloc(h, sizes[i], 0) == h);
        check_works(GlobalSize(h) == sizes[i]);
        check_filled(h, size < sizes[i] ? size : sizes[i]);
        size = sizes[i];
        fill(h, size);
    }
    GlobalFree(h);
}

static void what_a_growing_block_gains_reads_as_zero_when_asked_for(void)
{
    static const SIZE_T sizes[] = {17, 64, 1000, 100000, 3 * MIB};
    HGLOBAL h = moveable(10);
    SIZE_T size = 10;
    for (int i = 0; i < 5; i++) {
        fill(h, size);
        check_works(GlobalReAlloc(h, sizes[i], GMEM_ZEROINIT) == h);
        check_filled(h, size);
        char *p = GlobalLock(h);
        for (; size < sizes[i]; size++)
            check(p[size] == 0, "byte %zu is %d", (size_t)size, p[size]);
        GlobalUnlock(h);
    }
    GlobalFree(h);
}

static void a_locked_block_does_not_leave_its_place_to_grow(void)
{
    HGLOBAL h = moveable(100);
    fill(h, 100);
    char *p = GlobalLock(h);
    check_fails(GlobalReAlloc(h, 64 * MIB, 0), ERROR_NOT_ENOUGH_MEMORY);
    check(GlobalSize(h) == 100 && GlobalLock(h) == p, "size %zu", (size_t)GlobalSize(h));
    check_filled(h, 100);
    check_works(GlobalReAlloc(h, 50, 0) == h);
    check(GlobalSize(h) == 50 && GlobalLock(h) == p, "size %zu", (size_t)GlobalSize(h));
    GlobalFree(h);
}

static void a_locked_block_moves_when_told_to(void)
{
    HGLOBAL h = moveable(100);
    fill(h, 100);
    GlobalLock(h);
    GlobalLock(h);
    check_works(GlobalReAlloc(h, 64 * MIB, GMEM_MOVEABLE) == h);
    check_flags(h, 2);
    check_works(GlobalSize(h) == 64 * MIB);
    check_filled(h, 100);
    GlobalFree(h);
}

static void zero_bytes_need_the_word_moveable(void)
{
    HGLOBAL h = moveable(10);
    check_fails(GlobalReAlloc(h, 0, 0), ERROR_INVALID_PARAMETER);
    check_fails(GlobalReAlloc(h, 0, GMEM_ZEROINIT), ERROR_INVALID_PARAMETER);
    check_works(GlobalSize(h) == 10);
    check_works(GlobalReAlloc(h, 0, GMEM_MOVEABLE) == h);
    check_fails(GlobalReAlloc(h, 0, 0), ERROR_INVALID_PARAMETER);
    GlobalFree(h);
}

static void only_unlocked_objects_are_discarded(void)
{
    HGLOBAL h = moveable(10);
    fill(h, 10);
    char *p = GlobalLock(h);
    check(!GlobalDiscard(h), "it was discarded");
    check(GlobalLock(h) == p && GlobalSize(h) == 10, "size %zu", (size_t)GlobalSize(h));
    check_filled(h, 10);
    GlobalUnlock(h);
    GlobalUnlock(h);
    check_works(GlobalDiscard(h) == h);
    check_flags(h, GMEM_DISCARDED);
    check_works(GlobalSize(h) == 0);
    check_works(GlobalDiscard(h) == h);
    GlobalFree(h);
}

static void discarding_a_locked_object_is_a_wrong_parameter(void)
{
    HGLOBAL h = moveable(10);
    GlobalLock(h);
    check_fails(GlobalDiscard(h), ERROR_INVALID_PARAMETER);
    check_fails(GlobalReAlloc(h, 0, 0), ERROR_INVALID_PARAMETER);
    GlobalFree(h);
}

static void a_fixed_block_is_not_resized_without_the_word_moveable(void)
{
    char *p = fixed(100);
    memset(p, 'x', 100);
    check_fails(GlobalReAlloc(p, 64 * MIB, 0), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(GlobalReAlloc(p, 101, GMEM_ZEROINIT), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(GlobalReAlloc(p, 10, 0), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(GlobalReAlloc(p, 100, 0), ERROR_NOT_ENOUGH_MEMORY);
    check(GlobalSize(p) == 100 && p[99] == 'x', "size %zu", (size_t)GlobalSize(p));
    GlobalFree(p);
}

static void a_fixed_block_moves_when_told_to_and_stays_fixed(void)
{
    char *p = fixed(100);
    memset(p, 'x', 100);
    p = GlobalReAlloc(p, 4 * MIB, GMEM_MOVEABLE);
    check(p && p[0] == 'x' && p[99] == 'x', "error %u", (unsigned)GetLastError());
    check_works(GlobalSize(p) == 4 * MIB);
    check_works(GlobalLock(p) == p);
    check_works(GlobalHandle(p) == p);
    check_flags(p, 0);
    GlobalFree(p);
}

static void modifying_ignores_the_size(void)
{
    HGLOBAL h = moveable(100);
    char *p = fixed(100);
    fill(h, 100);
    check_works(GlobalReAlloc(h, 7, GMEM_MODIFY) == h);
    check_works(GlobalReAlloc(h, (SIZE_T)-1, GMEM_MODIFY | GMEM_DISCARDABLE) == h);
    check_works(GlobalReAlloc(p, 0, GMEM_MODIFY) == p);
    check_works(GlobalSize(h) == 100 && GlobalSize(p) == 100);
    check_flags(h, GMEM_DISCARDABLE);
    check_filled(h, 100);
    GlobalFree(h);
    GlobalFree(p);
}

static void modifying_makes_a_fixed_block_moveable_where_it_is(void)
{
    char *p = fixed(100);
    memset(p, 'x', 100);
    HGLOBAL h = GlobalReAlloc(p, 0, GMEM_MODIFY | GMEM_MOVEABLE | GMEM_DISCARDABLE);
    check(h && h != p, "error %u", (unsigned)GetLastError());
    check_flags(h, GMEM_DISCARDABLE);
    check(GlobalLock(h) == p && GlobalSize(h) == 100 && p[99] == 'x', "moved");
    check_works(GlobalHandle(p) == h);
    check_works(!GlobalFree(h));
}

static void a_fixed_block_of_zero_bytes_has_one(void)
{
    char *p = fixed(0);
    check_works(GlobalSize(p) == 1);
    GlobalFree(p);
}

/* ---- the end --------------------------------------------------------------------------------------------- */

static void a_locked_object_can_be_freed(void)
{
    HGLOBAL h = moveable(10);
    GlobalLock(h);
    check_works(!GlobalFree(h));
    check_fails(GlobalSize(h), ERROR_INVALID_HANDLE);
}

static void freeing_nothing_is_fine(void)
{
    check_works(!GlobalFree(NULL));
}

static void a_freed_handle_cannot_be_freed(void)
{
    HGLOBAL h = freed();
    SetLastError(UNTOUCHED);
    check(GlobalFree(h) == h, "another result");
    check(GetLastError() == ERROR_INVALID_HANDLE, "error %u", (unsigned)GetLastError());
}

static void what_is_no_handle_cannot_be_freed(void)
{
    HGLOBAL h = (HGLOBAL)(ULONG_PTR)0xdead8;
    HGLOBAL p = (HGLOBAL)(ULONG_PTR)0xdead0;
    SetLastError(UNTOUCHED);
    check(GlobalFree(h) == h, "another result");
    check(GetLastError() == ERROR_INVALID_HANDLE, "error %u", (unsigned)GetLastError());
    SetLastError(UNTOUCHED);
    check(GlobalFree(p) == p, "another result");
    check(GetLastError() == ERROR_NOACCESS, "error %u", (unsigned)GetLastError());
}

static void flags_of_what_is_no_handle_are_invalid(void)
{
    HGLOBAL wrong[] = {freed(), NULL, (HGLOBAL)(ULONG_PTR)0xdead8, (HGLOBAL)(ULONG_PTR)0xdead0};
    for (int i = 0; i < 4; i++) {
        SetLastError(UNTOUCHED);
        check(GlobalFlags(wrong[i]) == GMEM_INVALID_HANDLE, "%p", wrong[i]);
        check(GetLastError() == ERROR_INVALID_HANDLE, "error %u", (unsigned)GetLastError());
    }
}

static void what_is_no_handle_has_no_size(void)
{
    check_fails(GlobalSize(NULL), ERROR_INVALID_HANDLE);
    check_fails(GlobalSize(freed()), ERROR_INVALID_HANDLE);
    check_fails(GlobalSize((HGLOBAL)(ULONG_PTR)0xdead8), ERROR_INVALID_HANDLE);
    check_fails(GlobalSize((HGLOBAL)(ULONG_PTR)0xdead0), ERROR_INVALID_HANDLE);
}

static void a_freed_handle_cannot_be_locked(void)
{
    check_fails(GlobalLock(freed()), ERROR_INVALID_HANDLE);
}

static void a_freed_handle_is_unlocked_with_an_error_and_true(void)
{
    SetLastError(UNTOUCHED);
    check(GlobalUnlock(freed()), "FALSE");
    check(GetLastError() == ERROR_INVALID_HANDLE, "error %u", (unsigned)GetLastError());
}

static void a_freed_handle_cannot_be_resized_or_modified(void)
{
    HGLOBAL h = freed();
    check_fails(GlobalReAlloc(h, 10, 0), ERROR_INVALID_HANDLE);
    check_fails(GlobalReAlloc(h, 0, GMEM_MOVEABLE), ERROR_INVALID_HANDLE);
    check_fails(GlobalReAlloc(h, 0, GMEM_MODIFY), ERROR_INVALID_HANDLE);
    check_fails(GlobalHandle(h), ERROR_INVALID_HANDLE);
}

static void nothing_is_no_handle(void)
{
    check(!GlobalLock(NULL), "it can be locked");
    check_fails(GlobalReAlloc(NULL, 10, 0), ERROR_INVALID_HANDLE);
    check_fails(GlobalReAlloc(NULL, 10, GMEM_MODIFY), ERROR_INVALID_HANDLE);
    check_fails(GlobalHandle(NULL), ERROR_INVALID_PARAMETER);
}

static void locking_nothing_is_an_error(void)
{
    check_fails(GlobalLock(NULL), ERROR_INVALID_HANDLE);
}

static HGLOBAL many[70000];

static void there_are_65536_moveable_objects_of_both_families(void)
{
    int count = 0;
    char *p = fixed(10);
    for (; count < 70000; count++) {
        many[count] = count % 2 ? LocalAlloc(LMEM_MOVEABLE, 1) : GlobalAlloc(GMEM_MOVEABLE, 0);
        if (!many[count])
            break;
    }
    check(GetLastError() == ERROR_NOT_ENOUGH_MEMORY, "error %u", (unsigned)GetLastError());
    check(count <= 65536 && count > 65000, "%d objects", count);
    check_fails(GlobalReAlloc(p, 0, GMEM_MODIFY | GMEM_MOVEABLE), ERROR_NOT_ENOUGH_MEMORY);
    check_works(!GlobalFree(p));
    for (int i = 0; i < count; i++)
        check(!GlobalFree(many[i]), "%d: error %u", i, (unsigned)GetLastError());
    check_works((p = GlobalAlloc(GMEM_MOVEABLE, 1)) != NULL);
    GlobalFree(p);
}

/* ---- of 16-bit Windows -------------------------------------------------------------------------------------- */

static void compacting_keeps_contents_handles_and_locked_addresses(void)
{
    static char *addresses[300];
    for (int i = 0; i < 300; i++) {
        many[i] = moveable((SIZE_T)(i * 37 % 3000 + 1));
        fill(many[i], (SIZE_T)(i * 37 % 3000 + 1));
        addresses[i] = i % 5 == 0 ? GlobalLock(many[i]) : NULL;
    }
    for (int i = 0; i < 300; i++)
        if (i % 3 == 1)
            GlobalFree(many[i]);
    SetLastError(UNTOUCHED);
    (void)GlobalCompact(0);
    (void)GlobalCompact(100000);
    (void)LocalCompact(0);
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
    for (int i = 0; i < 300; i++) {
        if (i % 3 == 1)
            continue;
        check(GlobalSize(many[i]) == (SIZE_T)(i * 37 % 3000 + 1), "size of %d", i);
        check_filled(many[i], (SIZE_T)(i * 37 % 3000 + 1));
        check(!addresses[i] || GlobalLock(many[i]) == addresses[i], "a locked block moved");
        GlobalFree(many[i]);
    }
}

static void compacting_tells_the_largest_free_block(void)
{
    GlobalFree(moveable(3000));
    SIZE_T size;
    check_works((size = GlobalCompact(0)) != 0);
    check(size % 16 == 0 && size >= 16, "%zu bytes", (size_t)size);
}

static void fixing_and_wiring_lock(void)
{
    HGLOBAL h = moveable(10);
    GlobalFix(h);
    check_flags(h, 1);
    check_works(GlobalWire(h) == GlobalLock(h));
    check_flags(h, 3);
    check_works(GlobalUnWire(h));
    GlobalUnfix(h);
    check_fails(GlobalUnWire(h), NO_ERROR);
    check_fails(GlobalUnWire(h), ERROR_NOT_LOCKED);
    SetLastError(UNTOUCHED);
    GlobalUnfix(h);
    check(GetLastError() == ERROR_NOT_LOCKED, "error %u", (unsigned)GetLastError());
    check(GlobalLRUNewest(h) == h && GlobalLRUOldest(h) == h, "another handle");
    GlobalFree(h);
}

static const struct test tests[] = {
    TEST(zero_bytes_of_moveable_memory_are_a_discarded_object, "S298"),
    TEST(a_discarded_object_cannot_be_locked, "S299"),
    TEST(a_discarded_object_comes_back_under_its_handle, "S300"),
    TEST(what_comes_back_reads_as_zero_when_asked_for, ""),
    TEST(a_handle_of_moveable_memory_is_not_its_address, "S301"),
    TEST(memory_reads_as_zero_when_asked_for, ""),
    TEST(flags_without_a_meaning_are_ignored, "S329"),
    TEST(sharing_and_discarding_are_told_by_the_flags, ""),
    TEST(sizes_are_exact, "S333"),
    TEST(more_than_there_is_cannot_be_had, ""),
    TEST(locks_are_counted_and_tell_one_address, "S302"),
    TEST(the_last_unlock_returns_false_without_an_error, ""),
    TEST(the_lock_count_ends_at_255, "S304"),
    TEST(a_fixed_block_is_its_own_handle_and_never_locked, "S305"),
    TEST(the_address_of_a_moveable_block_works_like_a_handle, "S307"),
    TEST(freeing_by_the_address_frees_the_handle, ""),
    TEST(resizing_by_the_address_resizes_the_object, ""),
    TEST(an_unlocked_block_changes_its_size_and_keeps_its_contents, "S308"),
    TEST(what_a_growing_block_gains_reads_as_zero_when_asked_for, ""),
    TEST(a_locked_block_does_not_leave_its_place_to_grow, "S309"),
    TEST(a_locked_block_moves_when_told_to, "S310"),
    TEST(zero_bytes_need_the_word_moveable, "S312"),
    TEST(only_unlocked_objects_are_discarded, "S313"),
    TEST(discarding_a_locked_object_is_a_wrong_parameter, ""),
    TEST(a_fixed_block_is_not_resized_without_the_word_moveable, "S314"),
    TEST(a_fixed_block_moves_when_told_to_and_stays_fixed, "S315"),
    TEST(modifying_ignores_the_size, "S316"),
    TEST(modifying_makes_a_fixed_block_moveable_where_it_is, ""),
    TEST(a_fixed_block_of_zero_bytes_has_one, ""),
    TEST(a_locked_object_can_be_freed, "S319"),
    TEST(freeing_nothing_is_fine, "S320"),
    TEST(a_freed_handle_cannot_be_freed, "S321"),
    TEST(what_is_no_handle_cannot_be_freed, "S322"),
    TEST(flags_of_what_is_no_handle_are_invalid, "S323"),
    TEST(what_is_no_handle_has_no_size, "S324"),
    TEST(a_freed_handle_cannot_be_locked, "S325"),
    TEST(a_freed_handle_is_unlocked_with_an_error_and_true, "S326"),
    TEST(a_freed_handle_cannot_be_resized_or_modified, ""),
    TEST(nothing_is_no_handle, "S327"),
    TEST(locking_nothing_is_an_error, ""),
    TEST(there_are_65536_moveable_objects_of_both_families, "S331"),
    TEST(compacting_keeps_contents_handles_and_locked_addresses, ""),
    TEST(compacting_tells_the_largest_free_block, ""),
    TEST(fixing_and_wiring_lock, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
