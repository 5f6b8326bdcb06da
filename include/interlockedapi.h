/*
 * interlockedapi.h - singly linked lists that any thread may push to and pop from, without a lock.
 *
 * The usual pool of objects of one size: what is freed is pushed, what is wanted is popped, last in
 * first out.  The header (SLIST_HEADER) and every entry are 16-byte aligned: HeapAlloc, VirtualAlloc
 * and _aligned_malloc(size, MEMORY_ALLOCATION_ALIGNMENT) give such memory.
 *
 * A header or an entry that is not aligned raises STATUS_DATATYPE_MISALIGNMENT (0x80000002).  A list
 * that is broken, so that its first entry is no readable memory, raises an access violation.  There
 * are no other errors, and no call sets the last error.
 */
#ifndef _INTERLOCKAPI_H_
#define _INTERLOCKAPI_H_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Make a list empty, before its first use and while no other thread uses it.
 *
 * list  the header
 */
WINBASEAPI VOID WINAPI InitializeSListHead(PSLIST_HEADER list);

/*
 * Put an entry in front.
 *
 * list   the header
 * entry  the entry; on no list by now
 * Returns what was first before; NULL: the list was empty.
 */
WINBASEAPI PSLIST_ENTRY WINAPI InterlockedPushEntrySList(PSLIST_HEADER list, PSLIST_ENTRY entry);

/*
 * Put a chain of entries in front, all at once.
 *
 * list   the header
 * first  the first entry of a chain that is linked by Next
 * last   its last entry; its Next is set
 * count  entries of the chain
 * Returns what was first before; NULL: the list was empty.
 */
WINBASEAPI PSLIST_ENTRY WINAPI InterlockedPushListSListEx(PSLIST_HEADER list, PSLIST_ENTRY first,
                                                          PSLIST_ENTRY last, ULONG count);

/*
 * Take the first entry off.  Its memory may be freed at once, and decommitted, although another
 * thread may be about to take the same entry.
 *
 * list  the header
 * Returns the entry; NULL: the list is empty.
 */
WINBASEAPI PSLIST_ENTRY WINAPI InterlockedPopEntrySList(PSLIST_HEADER list);

/*
 * Take all entries off.
 *
 * list  the header
 * Returns the first of them, the others linked by Next; NULL: the list is empty.
 */
WINBASEAPI PSLIST_ENTRY WINAPI InterlockedFlushSList(PSLIST_HEADER list);

/*
 * Count the entries.
 *
 * list  the header
 * Returns their number modulo 65,536, as it was at some moment of the call.
 */
WINBASEAPI USHORT WINAPI QueryDepthSList(PSLIST_HEADER list);

#ifdef __cplusplus
}
#endif

#endif
