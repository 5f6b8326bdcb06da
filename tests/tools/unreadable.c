/*
 * unreadable.c - paged memory whose page file cannot be read any more: run by page_file_failures.py.
 *
 * usage: unreadable DISK; the page file lies on a loop device that is the file DISK.  Once pages have
 * left RAM the disk is cut short, so that reading is an error of the device.  Each page must then
 * hold what was written, or be an in-page error: never anything else.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <windows.h>

#define PAGE 4096u
#define PAGES 24576u    /* 96 MiB, four times the budget */
#define KEPT (1u << 20) /* bytes of the disk that stay */
#define DEVICE_ERROR 0xC0000185u

static EXCEPTION_RECORD seen;
static jmp_buf out;

static LONG CALLBACK note(EXCEPTION_POINTERS *pointers)
{
    seen = *pointers->ExceptionRecord;
    longjmp(out, 1);
}

static void fail(const char *what, size_t page)
{
    printf("page %zu: %s; exception %08x, %u parameters: %llx %llx %llx\n", page, what,
           (unsigned)seen.ExceptionCode, (unsigned)seen.NumberParameters,
           (unsigned long long)seen.ExceptionInformation[0],
           (unsigned long long)seen.ExceptionInformation[1],
           (unsigned long long)seen.ExceptionInformation[2]);
    exit(1);
}

static uint64_t stamp(size_t page)
{
    return (page + 1) * 0x9E3779B97F4A7C15u;
}

/* What must be told of an access to `address`. */
static void check_record(volatile uint64_t *address, ULONG_PTR write, size_t page)
{
    if (seen.ExceptionCode != EXCEPTION_IN_PAGE_ERROR || seen.NumberParameters != 3)
        fail("no in-page error", page);
    if (seen.ExceptionInformation[0] != write ||
        seen.ExceptionInformation[1] != (ULONG_PTR)address ||
        seen.ExceptionInformation[2] != DEVICE_ERROR)
        fail("other parameters", page);
}

/* Whether the page could be read or written, with what it must hold. */
static int touch(volatile uint64_t *address, int write, size_t page)
{
    if (setjmp(out)) {
        check_record(address, (ULONG_PTR)write, page);
        return 0;
    }
    if (write)
        *address = stamp(page);
    else if (*address != stamp(page))
        fail("not what was written", page);
    return 1;
}

int main(int argc, char **argv)
{
    char *memory = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    size_t errors[2] = {0, 0};
    unsigned char in;
    int folder = open(getenv("NTMM_PAGEFILE_DIR"), O_RDONLY);

    if (argc != 2 || folder < 0 || !memory)
        return 2;
    for (size_t i = 0; i < PAGES; i++)
        *(uint64_t *)(memory + i * PAGE + 8 * (i % 512)) = stamp(i);
    syncfs(
        folder); /* what stays dirty would be written behind the cut, and make the disk longer again */
    AddVectoredExceptionHandler(1, note);
    if (truncate(argv[1], KEPT))
        return 2;
    for (size_t i = 0; i < PAGES; i++) {
        int write = i % 3 == 0;
        volatile uint64_t *address = (volatile uint64_t *)(memory + i * PAGE + 8 * (i % 512));
        if (mincore(memory + i * PAGE, PAGE, &in) == 0 && !(in & 1) && !touch(address, write, i))
            errors[write]++;
    }
    for (size_t i = 0; i < PAGES; i++)
        touch((volatile uint64_t *)(memory + i * PAGE + 8 * (i % 512)), 0, i);
    if (!errors[0] || !errors[1])
        fail("no error at all", PAGES);
    printf("%zu reads and %zu writes failed as they should\n", errors[0], errors[1]);
    return 0;
}
