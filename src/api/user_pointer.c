/*
 * user_pointer.c - pointers and handles of callers: never trusted, never a crash.
 *
 * The kernel is asked whether a buffer can be written, which costs a system call, unless
 *
 * - it lies in memory of ours: the region table tells; or
 * - it is a variable of a calling function, as most are: a page above the current frame that has
 *   been proven once stays writable as long as the thread stands on that stack.  `proven` has a bit
 *   for each page from `first_page` on.  Pages of our arenas are never remembered, since a stack
 *   may end right below one.
 */
#include <stdint.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/page.h"
#include "os/os.h"
#include "vm/vm.h"

#define WINDOW_PAGES 64

static _Thread_local struct {
    uintptr_t first_page;
    uint64_t proven;
} stack;

/* The bit of a page in the window, or 0 when it lies outside. */
static uint64_t bit_of(uintptr_t page)
{
    uintptr_t index = (page - stack.first_page) >> PAGE_SHIFT;
    return index < WINDOW_PAGES ? (uint64_t)1 << index : 0;
}

static void remember(uintptr_t page, uintptr_t frame)
{
    if (!bit_of(page)) {
        stack.first_page = align_down(frame, PAGE_BYTES);
        stack.proven = 0;
    }
    stack.proven |= bit_of(page);
}

/* Whether the region table says so; it knows our own memory only. */
static bool table_allows(uintptr_t address, size_t size)
{
    MEMORY_BASIC_INFORMATION info;

    if (mm_vm_query((const void *)address, &info) || info.State != MEM_COMMIT)
        return false;
    if (address + size > (uintptr_t)info.BaseAddress + info.RegionSize)
        return false;
    return info.Protect == PAGE_READWRITE || info.Protect == PAGE_EXECUTE_READWRITE;
}

bool mm_api_can_write(const void *where, size_t size)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    uintptr_t address = (uintptr_t)where;
    uintptr_t page = align_down(address, PAGE_BYTES);
    bool on_one_page = align_down(address + size - 1, PAGE_BYTES) == page;
    bool above = address >= frame && address - frame < WINDOW_PAGES / 2 * PAGE_BYTES;

    if (above && on_one_page && (stack.proven & bit_of(page)))
        return true;
    bool ours = mm_vm_touches(where, size);
    if (ours && table_allows(address, size))
        return true;
    if (!mm_os_can_write(where, size))
        return false;
    if (above && on_one_page && !ours)
        remember(page, frame);
    return true;
}

NTSTATUS mm_api_writable(const void *where, size_t size)
{
    return mm_api_can_write(where, size) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

void mm_api_write(void *to, const void *from, size_t size)
{
    if (mm_api_can_write(to, size))
        memcpy(to, from, size);
}

/* The handle of GetCurrentProcess is all ones. */
NTSTATUS mm_api_this_process(HANDLE process)
{
    return process == (HANDLE)(LONG_PTR)-1 ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}
