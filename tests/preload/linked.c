/*
 * linked.c - a program that is linked with the library itself and runs under preload/: there is one
 * of it, with one heap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include "../test.h"

static void one_library_is_loaded(void)
{
    char line[4352];
    char first[4096] = "";
    FILE *maps = fopen("/proc/self/maps", "r");

    check(maps != NULL, "no /proc/self/maps");
    while (maps && fgets(line, sizeof line, maps)) {
        const char *path = strchr(line, '/');
        if (!path || !strstr(path, "libntmm"))
            continue;
        if (!first[0])
            snprintf(first, sizeof first, "%s", path);
        check(strcmp(first, path) == 0, "%s and %s", first, path);
    }
    fclose(maps);
    check(strstr(first, "libntmm-preload"), "%s", first);
}

static void malloc_and_the_process_heap_are_one(void)
{
    char *block = malloc(100);
    check(HeapSize(GetProcessHeap(), 0, block) == 100, "%zu", HeapSize(GetProcessHeap(), 0, block));
    check(HeapFree(GetProcessHeap(), 0, block), "HeapFree of what malloc gave");
    block = HeapAlloc(GetProcessHeap(), 0, 200);
    check((block = realloc(block, 100000)) != NULL, "realloc of what HeapAlloc gave");
    check(HeapSize(GetProcessHeap(), 0, block) == 100000, "%zu",
          HeapSize(GetProcessHeap(), 0, block));
    free(block);
}

static void virtual_memory_and_mmap_share_one_space(void)
{
    MEMORY_BASIC_INFORMATION info;
    void *block = malloc(1 << 20);
    check(VirtualQuery(block, &info, sizeof info) == sizeof info, "VirtualQuery");
    check(info.State == MEM_COMMIT && info.Type == MEM_PRIVATE, "%#x", (unsigned)info.State);
    free(block);
}

static const struct test tests[] = {
    TEST(one_library_is_loaded, ""),
    TEST(malloc_and_the_process_heap_are_one, ""),
    TEST(virtual_memory_and_mmap_share_one_space, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
