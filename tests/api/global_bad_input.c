/*
 * global_bad_input.c - Global and Local calls with every sort of value that is no handle.
 *
 * Nothing crashes, every call says so with its own error, and the objects beside are as they were.
 */
#include "memory.h"

#define VALUES 28

static ULONG_PTR values[VALUES];
static HGLOBAL object; /* a good one in the midst of bad ones */
static char *block;    /* a fixed block */

static void make_values(void)
{
    static char here;
    char local;
    HGLOBAL before = GlobalAlloc(GMEM_MOVEABLE, 10);
    object = GlobalAlloc(GMEM_MOVEABLE, 1000);
    HGLOBAL after = GlobalAlloc(GMEM_MOVEABLE, 10);
    block = GlobalAlloc(GMEM_FIXED, 1000);
    char *freed = GlobalAlloc(GMEM_FIXED, 1000);
    ULONG_PTR o = (ULONG_PTR)object;
    ULONG_PTR b = (ULONG_PTR)block;
    ULONG_PTR list[VALUES] = {
        1,
        2,
        7,
        8,
        0x18,
        0xdead0,
        0xdead8,
        0xdeadf, /* small */
        (ULONG_PTR)-1,
        (ULONG_PTR)-8,
        (ULONG_PTR)-16,
        (ULONG_PTR)1 << 63, /* large */
        (ULONG_PTR)1 << 47,
        0x7ffffffffff0,
        0x7ffffffffff8,
        (ULONG_PTR)&here,
        (ULONG_PTR)&here | 8,
        (ULONG_PTR)&local & ~(ULONG_PTR)15, /* variables */
        (ULONG_PTR)&local | 8,
        (ULONG_PTR)&make_values & ~(ULONG_PTR)15,
        o + 1,
        o - 1,
        o + 4,
        (ULONG_PTR)before,
        (ULONG_PTR)after, /* beside handles, and freed */
        b + 16,
        b + 24,
        (ULONG_PTR)freed, /* within blocks, and freed */
    };
    memcpy(values, list, sizeof(values));
    GlobalFree(before);
    GlobalFree(after);
    GlobalFree(freed);
    memset(GlobalLock(object), 'o', 1000);
    memset(block, 'b', 1000);
}

static void drop_objects(void)
{
    char *p = GlobalLock(object);
    check(p && GlobalSize(object) == 1000 && GlobalFlags(object) == 2, "the object changed");
    check(GlobalSize(block) == 1000, "the block changed");
    for (int i = 0; i < 1000; i++)
        check(p[i] == 'o' && block[i] == 'b', "contents changed at %d", i);
    GlobalFree(object);
    GlobalFree(block);
}

/* The call must fail with one of two errors, for every bad value `h`. */
#define refuse(call, error)                                                                      \
    do {                                                                                         \
        make_values();                                                                           \
        for (int i_ = 0; i_ < VALUES; i_++) {                                                    \
            HANDLE h = (HANDLE)values[i_];                                                       \
            SetLastError(UNTOUCHED);                                                             \
            check(!(call), #call ": value %#zx is accepted", (size_t)values[i_]);                \
            check(GetLastError() == (error), #call ": value %#zx: error %u", (size_t)values[i_], \
                  (unsigned)GetLastError());                                                     \
        }                                                                                        \
        drop_objects();                                                                          \
    } while (0)

static void no_value_but_a_handle_can_be_locked(void)
{
    refuse(GlobalLock(h), ERROR_INVALID_HANDLE);
    refuse(LocalLock(h), ERROR_INVALID_HANDLE);
    refuse(GlobalWire(h), ERROR_INVALID_HANDLE);
}

static void no_value_but_a_handle_can_be_unlocked(void)
{
    refuse(LocalUnlock(h), ERROR_INVALID_HANDLE);
    make_values();
    for (int i = 0; i < VALUES; i++) {
        SetLastError(UNTOUCHED);
        (void)GlobalUnlock((HGLOBAL)values[i]); /* TRUE for those that were handles */
        check(GetLastError() == ERROR_INVALID_HANDLE, "value %#zx", (size_t)values[i]);
    }
    drop_objects();
}

static void no_value_but_a_handle_has_a_size_or_a_handle(void)
{
    refuse(GlobalSize(h), ERROR_INVALID_HANDLE);
    refuse(LocalSize(h), ERROR_INVALID_HANDLE);
    refuse(GlobalHandle(h), ERROR_INVALID_HANDLE);
    refuse(LocalHandle(h), ERROR_INVALID_HANDLE);
}

static void no_value_but_a_handle_has_flags(void)
{
    refuse(GlobalFlags(h) != GMEM_INVALID_HANDLE, ERROR_INVALID_HANDLE);
    refuse(LocalFlags(h) != LMEM_INVALID_HANDLE, ERROR_INVALID_HANDLE);
}

static void no_value_but_a_handle_can_be_resized(void)
{
    refuse(GlobalReAlloc(h, 10, 0), ERROR_INVALID_HANDLE);
    refuse(GlobalReAlloc(h, 10, GMEM_MOVEABLE), ERROR_INVALID_HANDLE);
    refuse(GlobalReAlloc(h, 0, GMEM_MOVEABLE), ERROR_INVALID_HANDLE);
    refuse(GlobalReAlloc(h, 10, GMEM_MODIFY | GMEM_MOVEABLE), ERROR_INVALID_HANDLE);
    refuse(LocalReAlloc(h, 10, 0), ERROR_INVALID_HANDLE);
    refuse(LocalReAlloc(h, 10, LMEM_MOVEABLE), ERROR_INVALID_HANDLE);
    refuse(LocalReAlloc(h, 10, LMEM_MODIFY), ERROR_INVALID_HANDLE);
}

static void no_value_but_a_handle_can_be_freed(void)
{
    make_values();
    for (int i = 0; i < VALUES; i++) {
        HANDLE h = (HANDLE)values[i];
        DWORD error = values[i] & 8 ? ERROR_INVALID_HANDLE : ERROR_NOACCESS;
        SetLastError(UNTOUCHED);
        check(GlobalFree(h) == h && GetLastError() == error, "value %#zx: error %u",
              (size_t)values[i], (unsigned)GetLastError());
        SetLastError(UNTOUCHED);
        check(LocalFree(h) == h && GetLastError() == error, "value %#zx: error %u",
              (size_t)values[i], (unsigned)GetLastError());
    }
    drop_objects();
}

static void fixing_and_shrinking_take_any_value(void)
{
    make_values();
    for (int i = 0; i < VALUES; i++) {
        HANDLE h = (HANDLE)values[i];
        GlobalFix(h);
        GlobalUnfix(h);
        (void)LocalShrink(h, (UINT)i);
        (void)GlobalUnWire(h);
    }
    drop_objects();
}

static const UINT junk[] = {
    0,       1,          2,          4,      8,          0x10,       0x20,       0x40,
    0x80,    0x100,      0x200,      0xF00,  0x1000,     0x2000,     0x4000,     0x8000,
    0x10000, 0x40000000, 0x80000000, 0x7F72, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFF7F, 0xDEADBEEF,
};
#define JUNK (sizeof(junk) / sizeof(junk[0]))

static void junk_flags_allocate_and_resize_all_the_same(void)
{
    for (size_t i = 0; i < JUNK; i++) {
        HGLOBAL g = GlobalAlloc(junk[i], 100);
        HLOCAL l = LocalAlloc(junk[i], 100);
        check(g && l, "flags %#x: error %u", junk[i], (unsigned)GetLastError());
        check((((ULONG_PTR)g & 8) != 0) == ((junk[i] & GMEM_MOVEABLE) != 0), "%#x: %p", junk[i], g);
        check(GlobalSize(g) == 100 && LocalSize(l) == 100, "flags %#x", junk[i]);
        check(!GlobalFree(g) && !LocalFree(l), "flags %#x", junk[i]);
        g = GlobalAlloc(GMEM_MOVEABLE, 100);
        bool refused = junk[i] & LMEM_DISCARDABLE && !(junk[i] & GMEM_MODIFY);
        check((GlobalReAlloc(g, 200, junk[i]) == g) == !refused, "flags %#x", junk[i]);
        SIZE_T size = refused || junk[i] & GMEM_MODIFY ? 100 : 200;
        check(GlobalSize(g) == size, "flags %#x", junk[i]);
        GlobalFree(g);
    }
}

static void discardable_goes_with_modify_alone(void)
{
    HGLOBAL h = GlobalAlloc(GMEM_MOVEABLE, 100);
    char *p = GlobalAlloc(GMEM_FIXED, 100);
    check_fails(GlobalReAlloc(h, 200, GMEM_DISCARDABLE), ERROR_INVALID_PARAMETER);
    check_fails(GlobalReAlloc(p, 50, GMEM_DISCARDABLE), ERROR_INVALID_PARAMETER);
    check_fails(LocalReAlloc(h, 200, LMEM_DISCARDABLE), ERROR_INVALID_PARAMETER);
    check_works(GlobalFlags(h) == 0 && GlobalSize(h) == 100);
    GlobalFree(h);
    GlobalFree(p);
}

static void sizes_that_nobody_has_are_refused_everywhere(void)
{
    HGLOBAL h = GlobalAlloc(GMEM_MOVEABLE, 100);
    char *p = LocalAlloc(LMEM_FIXED, 100);
    for (int i = 0; i < 20; i++) {
        SIZE_T size = i < 10 ? (SIZE_T)-1 - ((SIZE_T)1 << (3 * i)) : ((SIZE_T)1 << 63) + (SIZE_T)i;
        check_fails(GlobalAlloc(junk[i] & 0x42, size), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(LocalAlloc(junk[i] & 0x42, size), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(GlobalReAlloc(h, size, junk[i] & 0x42), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(LocalReAlloc(p, size, junk[i] & 0x42), ERROR_NOT_ENOUGH_MEMORY);
    }
    check(GlobalSize(h) == 100 && LocalSize(p) == 100, "sizes changed");
    GlobalFree(h);
    LocalFree(p);
}

static const struct test tests[] = {
    TEST(no_value_but_a_handle_can_be_locked, ""),
    TEST(no_value_but_a_handle_can_be_unlocked, ""),
    TEST(no_value_but_a_handle_has_a_size_or_a_handle, ""),
    TEST(no_value_but_a_handle_has_flags, ""),
    TEST(no_value_but_a_handle_can_be_resized, ""),
    TEST(no_value_but_a_handle_can_be_freed, ""),
    TEST(fixing_and_shrinking_take_any_value, ""),
    TEST(junk_flags_allocate_and_resize_all_the_same, ""),
    TEST(discardable_goes_with_modify_alone, ""),
    TEST(sizes_that_nobody_has_are_refused_everywhere, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
