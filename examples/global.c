/*
 * global.c - moveable memory: locked while it is used, moved and discarded while it is not.
 */
#include <stdio.h>
#include <windows.h>

#define COUNT 1000

int main(void)
{
    static HGLOBAL notes[COUNT];

    for (int i = 0; i < COUNT; i++) {
        notes[i] = GlobalAlloc(GMEM_MOVEABLE | GMEM_DISCARDABLE, 400);
        char *text = GlobalLock(notes[i]);
        snprintf(text, 400, "note %d of %d", i + 1, COUNT);
        GlobalUnlock(notes[i]);
    }

    char *locked = GlobalLock(notes[500]);
    for (int i = 0; i < COUNT; i++)
        if (i % 100)
            GlobalFree(notes[i]);
    GlobalCompact(0);
    printf("after compaction: \"%s\", still at its place: %s\n", locked,
           GlobalLock(notes[500]) == locked ? "yes" : "no");
    printf("locks: %u, size: %zu, handle found from the address: %s\n",
           GlobalFlags(notes[500]) & GMEM_LOCKCOUNT, GlobalSize(notes[500]),
           GlobalHandle(locked) == notes[500] ? "yes" : "no");

    GlobalDiscard(notes[900]);
    if (!GlobalLock(notes[900]))
        printf("discarded: it cannot be locked, error %u\n", (unsigned)GetLastError());
    GlobalReAlloc(notes[900], 50, GMEM_ZEROINIT);
    printf("back again: %zu bytes, all zero: \"%s\"\n", GlobalSize(notes[900]),
           (char *)GlobalLock(notes[900]));

    GlobalFree(notes[500]);
    if (!GlobalLock(notes[500]))
        printf("freed: it is no handle any more, error %u\n", (unsigned)GetLastError());
    return 0;
}
