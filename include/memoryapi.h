/*
 * memoryapi.h - virtual memory: reserve, commit, protect, query; the working set's limits.
 *
 * A page has 4096 bytes; addresses are reserved at 65536-byte borders.  Reserving takes addresses,
 * committing takes a promise of memory (the commit charge), touching takes RAM.
 *
 * All calls may be made from any thread.  A call that fails changes nothing, and sets the last
 * error that is listed with it; a call that succeeds leaves the last error alone.
 */
#ifndef _APISET_MEMORY_H_
#define _APISET_MEMORY_H_

#include <minwindef.h>
#include <minwinbase.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FILE_MAP_COPY 0x00000001
#define FILE_MAP_WRITE SECTION_MAP_WRITE
#define FILE_MAP_READ SECTION_MAP_READ
#define FILE_MAP_EXECUTE SECTION_MAP_EXECUTE_EXPLICIT
#define FILE_MAP_ALL_ACCESS SECTION_ALL_ACCESS
#define FILE_MAP_LARGE_PAGES 0x20000000
#define FILE_MAP_TARGETS_INVALID 0x40000000
#define FILE_MAP_RESERVE 0x80000000

#define FILE_CACHE_MAX_HARD_ENABLE 0x00000001
#define FILE_CACHE_MAX_HARD_DISABLE 0x00000002
#define FILE_CACHE_MIN_HARD_ENABLE 0x00000004
#define FILE_CACHE_MIN_HARD_DISABLE 0x00000008

typedef struct _WIN32_MEMORY_RANGE_ENTRY {
    PVOID VirtualAddress;
    SIZE_T NumberOfBytes;
} WIN32_MEMORY_RANGE_ENTRY, *PWIN32_MEMORY_RANGE_ENTRY;

typedef struct WIN32_MEMORY_REGION_INFORMATION {
    PVOID AllocationBase;
    ULONG AllocationProtect;
    union {
        ULONG Flags;
        struct {
            ULONG Private : 1;
            ULONG MappedDataFile : 1;
            ULONG MappedImage : 1;
            ULONG MappedPageFile : 1;
            ULONG MappedPhysical : 1;
            ULONG DirectMapped : 1;
            ULONG Reserved : 26;
        };
    };
    SIZE_T RegionSize;
    SIZE_T CommitSize;
} WIN32_MEMORY_REGION_INFORMATION, *PWIN32_MEMORY_REGION_INFORMATION;

/*
 * Reserve addresses, commit pages, or both; or tell that contents are no longer needed.
 *
 * address  where; NULL: anywhere.  Rounded down to 64 KiB when reserving, else to a page
 * size     bytes, at least 1; the range covers every page that holds one of them
 * type     MEM_RESERVE takes addresses; MEM_COMMIT makes pages usable, all zero at first;
 *          MEM_COMMIT with address NULL does both.  With MEM_RESERVE also MEM_TOP_DOWN (high
 *          addresses).  MEM_RESET alone: pages stay committed, their contents may become zero;
 *          MEM_RESET_UNDO alone: contents are wanted after all
 * protect  one PAGE_* value, with MEM_RESERVE the one to remember; PAGE_GUARD, PAGE_NOCACHE or
 *          PAGE_WRITECOMBINE may be added, not to PAGE_NOACCESS.  MEM_RESET ignores it but it must
 *          be valid
 *
 * Returns the base of the range, or NULL:
 *   ERROR_INVALID_PARAMETER   size 0 or past the user addresses; unknown, missing or contradicting
 *                             type bits; a protection that is not one base value, or is copy-on-
 *                             write; an address outside the user range; MEM_LARGE_PAGES without
 *                             MEM_COMMIT, or with a size that is not a multiple of 2 MiB
 *   ERROR_INVALID_ADDRESS     MEM_RESERVE: part of the range is in use.  MEM_COMMIT, MEM_RESET:
 *                             part of the range is not reserved, or not in one reservation
 *   ERROR_COMMITMENT_LIMIT    the commit limit would be passed, or the page file's disk is full
 *   ERROR_NOT_ENOUGH_MEMORY   no free addresses of that size; the kernel refused
 *   ERROR_PRIVILEGE_NOT_HELD  MEM_LARGE_PAGES
 *   ERROR_BUSY                MEM_RESET_UNDO: contents that were reset are gone, always so far
 *   ERROR_NOT_SUPPORTED       MEM_WRITE_WATCH, MEM_PHYSICAL: not there yet
 */
WINBASEAPI LPVOID WINAPI VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protect);

/*
 * VirtualAlloc in a process.
 *
 * process  GetCurrentProcess(); no other process can be named yet
 *
 * Errors of VirtualAlloc, and ERROR_INVALID_HANDLE: `process` is not a process.
 */
WINBASEAPI LPVOID WINAPI VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type,
                                        DWORD protect);

/*
 * Give pages back: their contents (MEM_DECOMMIT) or their addresses as well (MEM_RELEASE).
 *
 * address  MEM_RELEASE: what VirtualAlloc returned.  MEM_DECOMMIT: any page of an allocation
 * size     bytes.  MEM_RELEASE: 0.  MEM_DECOMMIT: every page that holds one of them; 0 at the base:
 *          the whole allocation
 * type     MEM_DECOMMIT or MEM_RELEASE, one of them.  Pages never committed may be decommitted
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_PARAMETER  another type; MEM_RELEASE with a size; the range is longer than its
 *                            allocation; memory that is not of VirtualAlloc (a file, the stack);
 *                            a NULL or out-of-range address
 *   ERROR_INVALID_ADDRESS    nothing is allocated there; size 0 and not at the base
 */
WINBASEAPI BOOL WINAPI VirtualFree(LPVOID address, SIZE_T size, DWORD type);

/* VirtualFree in a process; ERROR_INVALID_HANDLE: `process` is not a process. */
WINBASEAPI BOOL WINAPI VirtualFreeEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type);

/*
 * Change the protection of committed pages; contents stay.
 *
 * address  any, rounded down to a page
 * size     bytes, at least 1; the range covers every page that holds one of them
 * protect  as for VirtualAlloc.  PAGE_GUARD: the first touch raises STATUS_GUARD_PAGE_VIOLATION
 *          and removes it
 * old      gets the protection of the first page; needed
 *
 * Returns TRUE, or FALSE with all pages and *old as they were:
 *   ERROR_INVALID_PARAMETER  size 0; no valid protection, or one that is for views
 *   ERROR_INVALID_ADDRESS    a page is not committed; the range is not within one allocation
 *   ERROR_NOACCESS           `old` cannot be written
 *   ERROR_NOT_ENOUGH_MEMORY  the kernel has no mapping left to tell the pages apart
 *   ERROR_NOT_SUPPORTED      PAGE_GUARD on memory that is not of VirtualAlloc
 */
WINBASEAPI BOOL WINAPI VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD old);

/* VirtualProtect in a process; ERROR_INVALID_HANDLE: `process` is not a process. */
WINBASEAPI BOOL WINAPI VirtualProtectEx(HANDLE process, LPVOID address, SIZE_T size, DWORD protect,
                                        PDWORD old);

/*
 * Tell what the pages from an address on are, as far as they tell the same story.
 *
 * address  any, also one that nobody owns
 * info     gets the story: see MEMORY_BASIC_INFORMATION
 * size     bytes that `info` has, at least sizeof(MEMORY_BASIC_INFORMATION)
 *
 * Returns the bytes written, sizeof(MEMORY_BASIC_INFORMATION), or 0:
 *   ERROR_BAD_LENGTH         `size` is too small
 *   ERROR_NOACCESS           `info` cannot be written
 *   ERROR_INVALID_PARAMETER  `address` is above the highest user address
 */
WINBASEAPI SIZE_T WINAPI VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION info, SIZE_T size);

/* VirtualQuery in a process; ERROR_INVALID_HANDLE: `process` is not a process. */
WINBASEAPI SIZE_T WINAPI VirtualQueryEx(HANDLE process, LPCVOID address,
                                        PMEMORY_BASIC_INFORMATION info, SIZE_T size);

/*
 * Tell the limits of a working set.
 *
 * process           GetCurrentProcess()
 * minimum, maximum  get bytes
 * flags             gets QUOTA_LIMITS_HARDWS_*: which of the limits are hard
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE  `process` is not a process
 *   ERROR_NOACCESS        an out-parameter cannot be written
 */
WINBASEAPI BOOL WINAPI GetProcessWorkingSetSizeEx(HANDLE process, PSIZE_T minimum, PSIZE_T maximum,
                                                  PDWORD flags);

/*
 * Set the limits of a working set, or trim it.
 *
 * process           GetCurrentProcess()
 * minimum, maximum  bytes; both (SIZE_T)-1: take all pages out of the working set, limits stay.
 *                   A minimum below 20 pages counts as 20 pages
 * flags             QUOTA_LIMITS_HARDWS_MIN_ENABLE or _DISABLE, _MAX_ENABLE or _DISABLE.
 *                   A hard maximum also is the RAM budget where there is a pager
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE     `process` is not a process
 *   ERROR_INVALID_PARAMETER  minimum above maximum or 0, maximum below 13 pages; unknown flags,
 *                            or a limit both enabled and disabled
 */
WINBASEAPI BOOL WINAPI SetProcessWorkingSetSizeEx(HANDLE process, SIZE_T minimum, SIZE_T maximum,
                                                  DWORD flags);

/* GetProcessWorkingSetSizeEx without the flags. */
WINBASEAPI BOOL WINAPI GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum);

/* SetProcessWorkingSetSizeEx that leaves hard and soft as they are. */
WINBASEAPI BOOL WINAPI SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum);

#ifdef __cplusplus
}
#endif

#endif
