/*
 * aligned_junk.c - freeing what is no aligned block ends the process.
 *
 * exit: SIGABRT
 * report: 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this block is not in use
 */
#include <malloc.h>

int main(void)
{
    char *block = (char *)_aligned_malloc(100, 64);
    _aligned_free(block);
    _aligned_free(block);
    return 0;
}
