/*
 * slist.h - a singly linked list that any thread may push to and pop from, without a lock.
 *
 * See README.md beside this file for the theory: the sequence, and how a pop may look at an entry
 * that is gone.  Any thread; nothing is allocated, nothing waited for; also in signal handlers.
 * Headers and entries are 16-byte aligned: api/ has looked.
 */
#ifndef NTMM_LOOKASIDE_SLIST_H
#define NTMM_LOOKASIDE_SLIST_H

#include <winnt.h>

/* Put a chain of entries in front: what was first before. */
PSLIST_ENTRY mm_slist_push(PSLIST_HEADER list, PSLIST_ENTRY entry);
PSLIST_ENTRY mm_slist_push_chain(PSLIST_HEADER list, PSLIST_ENTRY first, PSLIST_ENTRY last,
                                 ULONG count);

/*
 * Take the first entry off: NULL when there is none.
 *
 * => faults like any read of the caller's when the first entry cannot be read and stays on the list
 */
PSLIST_ENTRY mm_slist_pop(PSLIST_HEADER list);

/* Take all of them off, as they are linked: NULL when there is none. */
PSLIST_ENTRY mm_slist_flush(PSLIST_HEADER list);

USHORT mm_slist_depth(const SLIST_HEADER *list);

#endif
