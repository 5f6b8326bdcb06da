/*
 * paged.h - memory that is in the page file alone, for tests.
 */
#ifndef NTMM_TESTS_PAGER_PAGED_H
#define NTMM_TESTS_PAGER_PAGED_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <windows.h>

#include <psapi.h>

#include "../test.h"

#define PAGE 4096u

static char *paged_ballast;
static size_t paged_ballast_bytes;

__attribute__((unused)) static char *paged_commit(size_t bytes)
{
    char *p = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    check(p, "%zu bytes: error %u", bytes, (unsigned)GetLastError());
    return p;
}

/* Three times the budget of memory to be written. */
__attribute__((unused)) static void paged_prepare(void)
{
    const char *ram = getenv("NTMM_RAM");
    if (!ram)
        skip("needs NTMM_RAM");
    if (paged_ballast)
        return;
    paged_ballast_bytes = 3 * strtoul(ram, NULL, 0);
    paged_ballast = paged_commit(paged_ballast_bytes);
}

/* Write the next part of the ballast, a quarter of the budget. */
__attribute__((unused)) static void paged_push(void)
{
    static size_t at;

    for (size_t end = at + paged_ballast_bytes / 12; at < end; at += PAGE)
        (*(volatile unsigned *)(paged_ballast + at % paged_ballast_bytes))++;
}

/* How many pages of [p, p + bytes) are in RAM; p lies at the start of a page. */
__attribute__((unused)) static size_t paged_in_ram(const void *p, size_t bytes)
{
    size_t count = 0;
    unsigned char in[256];

    check(bytes <= sizeof(in) * PAGE && mincore((void *)p, bytes, in) == 0, "mincore");
    for (size_t i = 0; i < (bytes + PAGE - 1) / PAGE; i++)
        count += in[i] & 1;
    return count;
}

/* Make all of it leave RAM. */
__attribute__((unused)) static void paged_send_out(const void *p, size_t bytes)
{
    for (int tries = 0; tries < 400 && paged_in_ram(p, bytes); tries++) {
        K32EmptyWorkingSet(GetCurrentProcess());
        paged_push();
    }
    check(paged_in_ram(p, bytes) == 0, "%zu pages stay in RAM", paged_in_ram(p, bytes));
}

#endif
