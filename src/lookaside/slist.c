/*
 * slist.c - a singly linked list that any thread may push to and pop from, without a lock.
 *
 * The header is two words that change at once (base/pair.h): low is Sequence << 16 | Depth, high the
 * address of the first entry.
 *
 * I1  whoever puts an entry on the list counts Sequence up, by compare and swap of both words.  So
 *     if low and high are at two moments the same, the first entry was on the list all the time in
 *     between, and first (a list without pushes only gets shorter, and Depth tells): what was read
 *     as its Next is its Next, and a pop that swaps takes off what it means to take off
 *
 * A pop reads the first entry's Next.  At that moment another thread may have taken the entry, freed
 * it, and decommitted its page: the read may find anything, or fault.  Garbage is never used (I1).
 * The read is one that may fail (os/os_try.h).  Where it failed and the header has changed, the
 * entry was somebody else's by then and the pop begins again.  Where it failed and the header is the
 * same as before, I1 says that the entry was on the list while it was read: the program has broken
 * its list, or keeps entries on pages that a handler of its own will commit.  Then Next is read by
 * an ordinary load, for the exception that the program is to see; the handler may mend it.
 */
#include "lookaside/slist.h"

#include "base/pair.h"
#include "os/os_try.h"

#define DEPTH_MASK 0xffffull
#define ONE_PUSH 0x10000ull

_Static_assert(sizeof(SLIST_HEADER) == sizeof(struct pair), "a header is a pair");
_Static_assert(OS_UNREADABLE % 16 != 0, "no entry has that address");

static uint64_t after_push(uint64_t low, uint64_t count)
{
    return (low & ~DEPTH_MASK) + ONE_PUSH + ((low + count) & DEPTH_MASK);
}

static uint64_t after_pop(uint64_t low)
{
    return (low & ~DEPTH_MASK) | ((low - 1) & DEPTH_MASK);
}

static struct pair *words_of(PSLIST_HEADER list)
{
    return (struct pair *)list;
}

PSLIST_ENTRY mm_slist_push_chain(PSLIST_HEADER list, PSLIST_ENTRY first, PSLIST_ENTRY last,
                                 ULONG count)
{
    struct pair *words = words_of(list);
    struct pair old = pair_glance(words);
    struct pair fresh = {0, (uintptr_t)first};

    do {
        __atomic_store_n(&last->Next, (PSLIST_ENTRY)(uintptr_t)old.high, __ATOMIC_RELAXED);
        fresh.low = after_push(old.low, count);
    } while (__builtin_expect(!pair_replace(words, &old, fresh), 0));

    return (PSLIST_ENTRY)(uintptr_t)old.high;
}

PSLIST_ENTRY mm_slist_push(PSLIST_HEADER list, PSLIST_ENTRY entry)
{
    return mm_slist_push_chain(list, entry, entry, 1);
}

/* The first entry could not be read: look at the header again, or read it for all to see. */
static __attribute__((noinline, cold)) bool first_is_broken(struct pair *words, struct pair *old,
                                                            uintptr_t *ret_next)
{
    struct pair before = *old;

    if (!pair_replace(words, old, before))
        return false;
    *ret_next = (uintptr_t)((volatile SLIST_ENTRY *)(uintptr_t)before.high)->Next;
    return true;
}

/* The Next of the first entry; false: the header has changed meanwhile, and *old is how it is now. */
static inline bool next_of_first(struct pair *words, struct pair *old, uintptr_t *ret_next)
{
    uintptr_t next = os_try_word((void *)(uintptr_t)old->high);
    bool known = true;

    if (__builtin_expect(next == OS_UNREADABLE, 0)) {
        struct pair now = *old; /* copies, so that the others stay in registers */
        uintptr_t read;
        known = first_is_broken(words, &now, &read);
        *old = now;
        next = known ? read : 0;
    }
    *ret_next = next;
    return known;
}

PSLIST_ENTRY mm_slist_pop(PSLIST_HEADER list)
{
    struct pair *words = words_of(list);
    struct pair old = pair_glance(words);
    uintptr_t next;

    while (old.high)
        if (next_of_first(words, &old, &next) &&
            pair_replace(words, &old, (struct pair){after_pop(old.low), next}))
            break;
    return (PSLIST_ENTRY)(uintptr_t)old.high;
}

PSLIST_ENTRY mm_slist_flush(PSLIST_HEADER list)
{
    struct pair *words = words_of(list);
    struct pair old = pair_glance(words);

    do {
        if (!old.high)
            return NULL;
    } while (!pair_replace(words, &old, (struct pair){old.low & ~DEPTH_MASK, 0}));

    return (PSLIST_ENTRY)(uintptr_t)old.high;
}

USHORT mm_slist_depth(const SLIST_HEADER *list)
{
    return (USHORT)(__atomic_load_n(&list->Alignment, __ATOMIC_RELAXED) & DEPTH_MASK);
}
