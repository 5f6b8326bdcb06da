/*
 * slist.c - interlocked singly linked lists, under their two names.
 *
 * Nothing here starts the library: its constructor has, and a list needs nothing of it but the
 * handler of faults.
 */
#include <interlockedapi.h>

#include "api/api_internal.h"
#include "lookaside/slist.h"

#define NOT_ALIGNED (MEMORY_ALLOCATION_ALIGNMENT - 1)

static DECLSPEC_NOINLINE void misaligned(void)
{
    mm_except_raise((DWORD)STATUS_DATATYPE_MISALIGNMENT, 0, 0, NULL);
}

/* Raise unless all these addresses, or'ed together, are 16-byte aligned. */
static inline void need_aligned(ULONG_PTR addresses)
{
    if (__builtin_expect((addresses & NOT_ALIGNED) != 0, 0))
        misaligned();
}

/* As on Windows a header that is nowhere is an access violation: UBSan shall let it happen. */
__attribute__((no_sanitize("undefined"))) VOID WINAPI InitializeSListHead(PSLIST_HEADER list)
{
    need_aligned((ULONG_PTR)list);
    *list = (SLIST_HEADER){.Region = 0};
}

PSLIST_ENTRY WINAPI InterlockedPushEntrySList(PSLIST_HEADER list, PSLIST_ENTRY entry)
{
    need_aligned((ULONG_PTR)list | (ULONG_PTR)entry);
    return mm_slist_push(list, entry);
}

PSLIST_ENTRY WINAPI InterlockedPushListSListEx(PSLIST_HEADER list, PSLIST_ENTRY first,
                                               PSLIST_ENTRY last, ULONG count)
{
    need_aligned((ULONG_PTR)list | (ULONG_PTR)first | (ULONG_PTR)last);
    return mm_slist_push_chain(list, first, last, count);
}

PSLIST_ENTRY WINAPI InterlockedPopEntrySList(PSLIST_HEADER list)
{
    need_aligned((ULONG_PTR)list);
    return mm_slist_pop(list);
}

PSLIST_ENTRY WINAPI InterlockedFlushSList(PSLIST_HEADER list)
{
    need_aligned((ULONG_PTR)list);
    return mm_slist_flush(list);
}

USHORT WINAPI QueryDepthSList(PSLIST_HEADER list)
{
    return mm_slist_depth(list);
}

PSLIST_ENTRY NTAPI RtlFirstEntrySList(const SLIST_HEADER *list)
{
    return (PSLIST_ENTRY)__atomic_load_n(&list->Region, __ATOMIC_ACQUIRE);
}

#define ALSO(name) __attribute__((alias(name)))

VOID NTAPI RtlInitializeSListHead(PSLIST_HEADER list) ALSO("InitializeSListHead");
PSLIST_ENTRY NTAPI RtlInterlockedPushEntrySList(PSLIST_HEADER list, PSLIST_ENTRY entry)
    ALSO("InterlockedPushEntrySList");
PSLIST_ENTRY NTAPI RtlInterlockedPopEntrySList(PSLIST_HEADER list) ALSO("InterlockedPopEntrySList");
PSLIST_ENTRY NTAPI RtlInterlockedFlushSList(PSLIST_HEADER list) ALSO("InterlockedFlushSList");
PSLIST_ENTRY NTAPI RtlInterlockedPushListSListEx(PSLIST_HEADER list, PSLIST_ENTRY first,
                                                 PSLIST_ENTRY last, DWORD count)
    ALSO("InterlockedPushListSListEx");
WORD NTAPI RtlQueryDepthSList(PSLIST_HEADER list) ALSO("QueryDepthSList");
