/*
 * memory.h - what the tests of virtual memory share: ways to get memory, and to ask what it is.
 */
#ifndef NTMM_TESTS_API_MEMORY_H
#define NTMM_TESTS_API_MEMORY_H

#include "../test.h"

#include <windows.h>

#define PAGE 4096u
#define GRANULE 65536u
#define GIB ((SIZE_T)1 << 30)
#define TIB ((SIZE_T)1 << 40)

/* No call sets this last error. */
#define UNTOUCHED 0xBADC0DEu

/* The call must fail, with that last error. */
#define check_fails(call, error)                                                                 \
    do {                                                                                         \
        SetLastError(UNTOUCHED);                                                                 \
        check(!(call), "it should fail");                                                        \
        check(GetLastError() == (error), "after " #call ": error %u", (unsigned)GetLastError()); \
    } while (0)

/* The call must succeed, and leave the last error alone. */
#define check_works(call)                                                                          \
    do {                                                                                           \
        SetLastError(UNTOUCHED);                                                                   \
        check(call, "error %u", (unsigned)GetLastError());                                         \
        check(GetLastError() == UNTOUCHED, "after " #call ": error %u", (unsigned)GetLastError()); \
    } while (0)

/* The run that starts at p must be `size` bytes of that state and protection. */
#define check_run(p, size, state, protect)                                                         \
    do {                                                                                           \
        MEMORY_BASIC_INFORMATION run_ = info_of(p);                                                \
        check(run_.State == (DWORD)(state), "at " #p ": state %#x", (unsigned)run_.State);         \
        check(run_.Protect == (DWORD)(protect), "at " #p ": %#x", (unsigned)run_.Protect);         \
        check(run_.RegionSize == (SIZE_T)(size), "at " #p ": size %#zx", (size_t)run_.RegionSize); \
    } while (0)

__attribute__((unused)) static MEMORY_BASIC_INFORMATION info_of(const void *p)
{
    MEMORY_BASIC_INFORMATION info;

    memset(&info, 0xee, sizeof(info));
    check(VirtualQuery(p, &info, sizeof(info)) == sizeof(info), "error %u",
          (unsigned)GetLastError());
    return info;
}

__attribute__((unused)) static char *reserve(SIZE_T size)
{
    char *p = VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE);
    check(p, "error %u", (unsigned)GetLastError());
    return p;
}

__attribute__((unused)) static char *commit(SIZE_T size)
{
    char *p = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    check(p, "error %u", (unsigned)GetLastError());
    return p;
}

__attribute__((unused)) static void release(void *p)
{
    check(VirtualFree(p, 0, MEM_RELEASE), "error %u", (unsigned)GetLastError());
}

/* Addresses that were free a moment ago, 64 KiB aligned. */
__attribute__((unused)) static char *free_place(SIZE_T size)
{
    char *p = reserve(size);
    release(p);
    return p;
}

/* Change protection; what it was. */
__attribute__((unused)) static DWORD protect(void *p, SIZE_T size, DWORD now)
{
    DWORD old = 0;
    check(VirtualProtect(p, size, now, &old), "error %u", (unsigned)GetLastError());
    return old;
}

#endif
