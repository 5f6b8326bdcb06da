/*
 * tour.c - six concepts in the order in which they build on each other, shown on this process.
 *
 * Address space, paging, page faults, page file, virtual allocation, protection.  Every number
 * printed was measured the moment before.  Windows calls only; runs under
 * `ntmm run --ram 64M --pagefile 256M`.
 */
#include <windows.h>

#include <psapi.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE ((SIZE_T)4096)
#define MIB ((SIZE_T)1 << 20)
#define TIB ((SIZE_T)1 << 40)
#define BIG (96 * MIB)

static int failures;

/* A tour that shows something untrue has failed. */
static void expect(bool truth, const char *what)
{
    if (truth)
        return;
    printf("    !! not so: %s\n", what);
    failures++;
}

static double now_us(void)
{
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (double)count.QuadPart * 1e6 / (double)frequency.QuadPart;
}

static PROCESS_MEMORY_COUNTERS_EX memory_now(void)
{
    PROCESS_MEMORY_COUNTERS_EX m = {.cb = sizeof(m)};
    expect(GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&m, sizeof(m)),
           "GetProcessMemoryInfo answers");
    return m;
}

static size_t mib(SIZE_T bytes)
{
    return (size_t)(bytes / MIB);
}

/* Touch one word in each page; what was found there, added up. */
static uint64_t read_pages(const char *start, SIZE_T size)
{
    uint64_t sum = 0;
    for (SIZE_T at = 0; at < size; at += PAGE)
        sum += *(const volatile uint64_t *)(start + at);
    return sum;
}

static void write_pages(char *start, SIZE_T size)
{
    for (SIZE_T at = 0; at < size; at += PAGE)
        *(volatile uint64_t *)(start + at) = at / PAGE + 1;
}

/* What write_pages leaves for read_pages to find. */
static uint64_t expected_sum(SIZE_T size)
{
    uint64_t pages = size / PAGE;
    return pages * (pages + 1) / 2;
}

static const char *state_name(const void *address)
{
    MEMORY_BASIC_INFORMATION info;
    if (!VirtualQuery(address, &info, sizeof(info)))
        return "unknown";
    return info.State == MEM_COMMIT ? "committed" : info.State == MEM_RESERVE ? "reserved" : "free";
}

/* ---- 1 ---------------------------------------------------------------------------------------- */

static void count_regions(void)
{
    MEMORY_BASIC_INFORMATION info;
    SIZE_T free_bytes = 0, images = 0;
    int regions = 0;
    for (char *at = NULL; VirtualQuery(at, &info, sizeof(info));) {
        if (info.State == MEM_FREE)
            free_bytes += info.RegionSize;
        else if (info.Type == MEM_IMAGE || info.Type == MEM_MAPPED)
            images += info.RegionSize;
        regions++;
        at = (char *)info.BaseAddress + info.RegionSize;
    }
    printf("  VirtualQuery finds %d regions: %zu MiB of programs and files, %.1f TiB still free\n",
           regions, mib(images), (double)free_bytes / (double)TIB);
}

static void address_space(void)
{
    SYSTEM_INFO s;
    GetSystemInfo(&s);
    printf("\n1. Address space: names for memory, far more than there is memory\n");
    printf("  from %p to %p; pages of %lu bytes, handed out in pieces of %lu KiB\n",
           s.lpMinimumApplicationAddress, s.lpMaximumApplicationAddress,
           (unsigned long)s.dwPageSize, (unsigned long)s.dwAllocationGranularity / 1024);

    double start = now_us();
    void *tera = VirtualAlloc(NULL, TIB, MEM_RESERVE, PAGE_NOACCESS);
    double took = now_us() - start;
    expect(tera != NULL, "a tebibyte can be reserved");
    printf("  1 TiB reserved at %p in %.0f us: %s, and it costs no memory\n", tera, took,
           state_name(tera));
    count_regions();
    expect(VirtualFree(tera, 0, MEM_RELEASE), "it can be released");
}

/* ---- 2 ---------------------------------------------------------------------------------------- */

static char *paging(void)
{
    printf("\n2. Paging: more memory than RAM\n");
    char *big = VirtualAlloc(NULL, BIG, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    expect(big != NULL, "96 MiB can be committed in 64");
    if (!big)
        return NULL;
    PROCESS_MEMORY_COUNTERS_EX before = memory_now();
    printf("  committed %zu MiB, working set %zu MiB: promised, not yet touched\n",
           mib(before.PrivateUsage), mib(before.WorkingSetSize));
    write_pages(big, BIG);
    PROCESS_MEMORY_COUNTERS_EX after = memory_now();
    printf("  a word written into each of %zu pages: working set %zu MiB of the 64 allowed\n",
           (size_t)(BIG / PAGE), mib(after.WorkingSetSize));
    expect(after.WorkingSetSize < 80 * MIB, "the working set stays near its budget");
    return big;
}

/* ---- 3 ---------------------------------------------------------------------------------------- */

static void fault_line(const char *what, const char *start, SIZE_T size)
{
    DWORD faults = memory_now().PageFaultCount;
    double from = now_us();
    (void)read_pages(start, size);
    double took = now_us() - from;
    faults = memory_now().PageFaultCount - faults;
    printf("  %-44s %6lu faults, %7.2f us a page\n", what, (unsigned long)faults,
           took / (double)(size / PAGE));
}

static void page_faults(char *big)
{
    SIZE_T size = 8 * MIB;
    printf("\n3. Page faults: how a page comes back (2,048 pages each time)\n");
    char *fresh = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    expect(fresh != NULL, "8 MiB can be committed");
    if (!fresh)
        return;
    fault_line("first touch: a fresh page of zeros", fresh, size);
    fault_line("touched again: it is in the working set", fresh, size);
    expect(EmptyWorkingSet(GetCurrentProcess()), "the working set can be emptied");
    fault_line("after EmptyWorkingSet: soft, found in RAM", fresh, size);
    fault_line("written long ago: hard, read from the page file", big, size);
    expect(VirtualFree(fresh, 0, MEM_RELEASE), "they can be released");
}

/* ---- 4 ---------------------------------------------------------------------------------------- */

static void page_file(char *big)
{
    MEMORYSTATUSEX m = {.dwLength = sizeof(m)};
    printf("\n4. Page file: where pages wait\n");
    expect(GlobalMemoryStatusEx(&m), "GlobalMemoryStatusEx answers");
    printf("  commit limit %zu MiB = RAM + page file; %zu MiB of it still to be had\n",
           mib(m.ullTotalPageFile), mib(m.ullAvailPageFile));
    double start = now_us();
    uint64_t sum = read_pages(big, BIG);
    double took = now_us() - start;
    printf("  all %zu pages read again through 64 MiB of RAM in %.0f ms: sum %llu, %s\n",
           (size_t)(BIG / PAGE), took / 1e3, (unsigned long long)sum,
           sum == expected_sum(BIG) ? "as written" : "NOT as written");
    expect(sum == expected_sum(BIG), "every page came back as it was");
}

/* ---- 5 ---------------------------------------------------------------------------------------- */

static void virtual_allocation(void)
{
    printf("\n5. Virtual allocation: reserve, commit, decommit, release\n");
    char *base = VirtualAlloc(NULL, 4 * MIB, MEM_RESERVE, PAGE_READWRITE);
    expect(base != NULL, "4 MiB can be reserved");
    if (!base)
        return;
    printf("  MEM_RESERVE  4 MiB at %p          %s\n", (void *)base, state_name(base));
    expect(VirtualAlloc(base + MIB, PAGE, MEM_COMMIT, PAGE_READWRITE) == base + MIB,
           "a page of it can be committed");
    base[MIB] = 'x';
    printf("  MEM_COMMIT   one page in its middle        %s, its neighbour %s\n",
           state_name(base + MIB), state_name(base + MIB + PAGE));
    expect(VirtualFree(base + MIB, PAGE, MEM_DECOMMIT), "it can be decommitted");
    printf("  MEM_DECOMMIT the same page                 %s\n", state_name(base + MIB));
    expect(VirtualAlloc(base + MIB, PAGE, MEM_COMMIT, PAGE_READWRITE) != NULL, "and again");
    printf("  MEM_COMMIT   again                         %s, holds %d: contents were forgotten\n",
           state_name(base + MIB), base[MIB]);
    expect(base[MIB] == 0, "a page committed anew is zero");
    expect(VirtualFree(base, 0, MEM_RELEASE), "all of it can be released");
    printf("  MEM_RELEASE  all of it                     %s\n", state_name(base));

    void *much = VirtualAlloc(NULL, 1024 * MIB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    printf("  MEM_COMMIT   1 GiB, past the limit         %s, error %lu\n", much ? "given" : "NULL",
           (unsigned long)GetLastError());
    expect(!much && GetLastError() == ERROR_COMMITMENT_LIMIT, "the limit holds");
}

/* ---- 6 ---------------------------------------------------------------------------------------- */

static char *guarded;

/* Says what it sees, makes the page writable, and lets the instruction run again. */
static LONG CALLBACK on_exception(EXCEPTION_POINTERS *e)
{
    const EXCEPTION_RECORD *r = e->ExceptionRecord;
    DWORD old;
    if (r->ExceptionCode == STATUS_GUARD_PAGE_VIOLATION) {
        printf("    exception %08lX: a guard page was touched, once; it is plain now\n",
               (unsigned long)r->ExceptionCode);
        return EXCEPTION_CONTINUE_EXECUTION;
    }
    if (r->ExceptionCode != EXCEPTION_ACCESS_VIOLATION ||
        r->ExceptionInformation[1] != (ULONG_PTR)guarded)
        return EXCEPTION_CONTINUE_SEARCH;
    printf("    exception %08lX: a %s at %p; the handler makes it writable and goes on\n",
           (unsigned long)r->ExceptionCode, r->ExceptionInformation[0] == 1 ? "write" : "read",
           (void *)r->ExceptionInformation[1]);
    VirtualProtect(guarded, PAGE, PAGE_READWRITE, &old);
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void write_under(DWORD protect, const char *name)
{
    DWORD old;
    expect(VirtualProtect(guarded, PAGE, protect, &old), "protection can be changed");
    printf("  %s, then a write:\n", name);
    *(volatile char *)guarded = 'y';
    expect(*(volatile char *)guarded == 'y', "the write was done in the end");
}

static void protection(void)
{
    printf("\n6. Protection: who may do what\n");
    guarded = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    void *handler = AddVectoredExceptionHandler(1, on_exception);
    expect(guarded && handler, "a page and a handler can be had");
    if (!guarded || !handler)
        return;
    write_under(PAGE_READONLY, "PAGE_READONLY");
    write_under(PAGE_NOACCESS, "PAGE_NOACCESS");
    write_under(PAGE_READWRITE | PAGE_GUARD, "PAGE_READWRITE | PAGE_GUARD");
    RemoveVectoredExceptionHandler(handler);
    expect(VirtualFree(guarded, 0, MEM_RELEASE), "it can be released");
}

int main(void)
{
    address_space();
    char *big = paging();
    if (big) {
        page_faults(big);
        page_file(big);
        expect(VirtualFree(big, 0, MEM_RELEASE), "it can be released");
    }
    virtual_allocation();
    protection();
    return failures ? 1 : 0;
}
