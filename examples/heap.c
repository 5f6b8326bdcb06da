/*
 * heap.c - a heap of one's own: fill it, walk it, and drop all of it in one call.
 */
#include <stdio.h>
#include <windows.h>

#define WORDS 1000

static void count_blocks(HANDLE heap)
{
    PROCESS_HEAP_ENTRY entry = {.lpData = NULL};
    SIZE_T bytes = 0;
    int blocks = 0;

    HeapLock(heap);
    while (HeapWalk(heap, &entry)) {
        if (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) {
            blocks++;
            bytes += entry.cbData;
        }
    }
    DWORD end = GetLastError();
    HeapUnlock(heap);
    printf("%d blocks, %zu bytes; the walk ended with %u\n", blocks, bytes, (unsigned)end);
}

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *words[WORDS];

    for (int i = 0; i < WORDS; i++) {
        words[i] = HeapAlloc(heap, HEAP_ZERO_MEMORY, 16 + i % 50);
        snprintf(words[i], 16, "word %d", i);
    }
    count_blocks(heap);

    words[7] = HeapReAlloc(heap, 0, words[7], 100000);
    printf("%s has %zu bytes now\n", words[7], HeapSize(heap, 0, words[7]));
    for (int i = 0; i < WORDS; i += 2)
        HeapFree(heap, 0, words[i]);
    count_blocks(heap);

    printf("block 1 is %s, block 2 is %s, the heap is %s\n",
           HeapValidate(heap, 0, words[1]) ? "valid" : "gone",
           HeapValidate(heap, 0, words[2]) ? "valid" : "gone",
           HeapValidate(heap, 0, NULL) ? "valid" : "torn");

    if (!HeapAlloc(heap, 0, (SIZE_T)1 << 62))
        printf("four million terabytes: error %u\n", (unsigned)GetLastError());
    printf("500 blocks at once: %s\n", HeapDestroy(heap) ? "gone" : "still there");
    return 0;
}
