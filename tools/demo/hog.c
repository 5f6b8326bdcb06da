/*
 * hog.c - a Windows program that takes all the memory there is, and is told when there is no more.
 *
 * Commits 32 MiB at a time, fills every byte, until VirtualAlloc says ERROR_COMMITMENT_LIMIT; then
 * reads every byte again, although most of it has left RAM long ago.  Windows calls only.
 */
#include <windows.h>

#include <psapi.h>
#include <stdint.h>
#include <stdio.h>

#define STEP ((SIZE_T)32 << 20)
#define MIB ((SIZE_T)1 << 20)
#define MOST 1024 /* blocks: 32 GiB */

static uint64_t *blocks[MOST];

/* Unlike any other word, so that a page from the wrong place is noticed. */
static uint64_t word_of(int block, size_t i)
{
    return ((uint64_t)block << 40 | i) * 0x9e3779b97f4a7c15u;
}

static void fill(int block)
{
    for (size_t i = 0; i < STEP / sizeof(uint64_t); i++)
        blocks[block][i] = word_of(block, i);
}

static size_t wrong_words(int block)
{
    size_t wrong = 0;
    for (size_t i = 0; i < STEP / sizeof(uint64_t); i++)
        wrong += blocks[block][i] != word_of(block, i);
    return wrong;
}

static void report_line(void)
{
    PROCESS_MEMORY_COUNTERS_EX m = {.cb = sizeof(m)};
    if (!GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&m, sizeof(m)))
        return;
    SIZE_T out = m.PrivateUsage > m.WorkingSetSize ? m.PrivateUsage - m.WorkingSetSize : 0;
    printf("  committed %4zu MiB   resident %4zu MiB   paged out %4zu MiB\n",
           (size_t)(m.PrivateUsage / MIB), (size_t)(m.WorkingSetSize / MIB), (size_t)(out / MIB));
}

static int take_all(void)
{
    int count = 0;
    while (count < MOST) {
        blocks[count] = VirtualAlloc(NULL, STEP, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
        if (!blocks[count])
            break;
        fill(count++);
        report_line();
    }
    return count;
}

static size_t verify_all(int count)
{
    size_t wrong = 0;
    for (int i = 0; i < count; i++)
        wrong += wrong_words(i);
    return wrong;
}

int main(void)
{
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOLBF, sizeof(buffer)); /* stdio's own would need memory at the end */

    int count = take_all();
    DWORD error = GetLastError();
    if (count == MOST) {
        printf("  there seems to be no limit; I stop at %d blocks\n", count);
        return 1;
    }
    printf("  VirtualAlloc of 32 MiB more: NULL, error %lu%s\n", (unsigned long)error,
           error == ERROR_COMMITMENT_LIMIT ? " (ERROR_COMMITMENT_LIMIT)" : "");
    size_t wrong = verify_all(count);
    printf("  read every byte of %zu MiB again: %zu wrong words\n", (size_t)count * 32, wrong);
    for (int i = 0; i < count; i++) {
        if (!VirtualFree(blocks[i], 0, MEM_RELEASE))
            wrong++;
    }
    return count && error == ERROR_COMMITMENT_LIMIT && !wrong ? 0 : 1;
}
