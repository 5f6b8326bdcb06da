/*
 * Free a block in one thread and again in another.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this block is not in use (freed twice?)
 * report: heap_double_free_thread+0x
 */
#include <windows.h>

#include <pthread.h>

#include "misuse.h"

static char *block;

static void *free_it(void *heap)
{
    HeapFree(heap, 0, block);
    return NULL;
}

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    pthread_t thread;

    block = HeapAlloc(heap, 0, 100);
    HeapFree(heap, 0, block);
    pthread_create(&thread, NULL, free_it, heap);
    pthread_join(thread, NULL);
    return still_running();
}
