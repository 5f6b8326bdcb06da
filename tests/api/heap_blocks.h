/*
 * heap_blocks.h - what the tests of heaps share.
 */
#ifndef NTMM_TESTS_API_HEAP_BLOCKS_H
#define NTMM_TESTS_API_HEAP_BLOCKS_H

#include "memory.h"

#define KIB ((SIZE_T)1 << 10)
#define MIB ((SIZE_T)1 << 20)
#define IMPOSSIBLE ((SIZE_T)1 << 62)
#define NO_SIZE ((SIZE_T)-1)

__attribute__((unused)) static HANDLE new_heap(DWORD options, SIZE_T initial, SIZE_T maximum)
{
    HANDLE heap = HeapCreate(options, initial, maximum);
    check(heap, "error %u", (unsigned)GetLastError());
    return heap;
}

__attribute__((unused)) static char *take(HANDLE heap, DWORD flags, SIZE_T size)
{
    char *block = HeapAlloc(heap, flags, size);
    check(block, "%zu bytes: error %u", (size_t)size, (unsigned)GetLastError());
    return block;
}

__attribute__((unused)) static void give(HANDLE heap, void *block)
{
    check_works(HeapFree(heap, 0, block));
}

__attribute__((unused)) static void destroy(HANDLE heap)
{
    check_works(HeapDestroy(heap));
}

/* Whether the bytes [from, to) of a block are all `with`. */
__attribute__((unused)) static bool is_filled(const char *block, SIZE_T from, SIZE_T to, int with)
{
    for (SIZE_T i = from; i < to; i++)
        if (block[i] != (char)with)
            return false;
    return true;
}

#endif
