/*
 * guest.c - a library that takes memory before main and keeps it, for lifetimes.c.
 *
 * Loaded twice: by LD_PRELOAD beside our own, where its constructor runs before the program's, and by
 * dlopen, where its destructor frees what it has at dlclose.
 */
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static struct guest_block kept[GUEST_BLOCKS];

__attribute__((constructor)) static void take(void)
{
    for (int i = 0; i < GUEST_BLOCKS; i++) {
        kept[i].size = guest_size(i);
        kept[i].at = i % 3 ? malloc(kept[i].size) : calloc(1, kept[i].size);
        if (kept[i].at)
            memset(kept[i].at, i + 1, kept[i].size);
    }
}

__attribute__((destructor)) static void give_back(void)
{
    for (int i = 0; i < GUEST_BLOCKS; i++)
        free(kept[i].at);
}

struct guest_block *guest_blocks(void)
{
    return kept;
}
