/*
 * entry.c - the word of a moveable object: locks counted, pins and seals taken, without a lock.
 *
 * To lock is one compare-exchange that fails for a sealed entry; to unlock is one that waits for
 * nobody.  A seal is a compare-exchange, too, and needs a lock count of 0 unless it is told
 * otherwise: so of a locker and a mover one comes first, and the other sees it.
 *
 *   not live --begin--> live <--pin, unpin--> pinned --seal--> sealed --unpin--> live
 *                                                                 `-----end----> not live
 *
 * I1  sealed implies pinned, pinned implies live
 * I2  `block` changes only while the entry is sealed, or not live; save that a pinned discarded
 *     object, which nobody can lock, gets one
 * I3  live and not discarded: there is a block.  Otherwise, once no thread is in it: none
 * I4  a discarded object has lock count 0
 * I5  who waits is waited for: AWAITED is set before a thread sleeps, and who clears PINNED or
 *     SEALED wakes those who set it
 *
 * A sleeper looks at the whole word, so a lock count that changes wakes nobody and loses nobody: the
 * word it sleeps on has AWAITED, and the end of the pin wakes.
 */
#include <ntstatus.h>

#include "base/check.h"
#include "global/global_internal.h"
#include "heap/heap.h"
#include "os/os.h"

#define LOOKS_BEFORE_SLEEP 100

atomic_uint mm_global_clock;

bool mm_entry_is_valid(const struct entry *e)
{
    unsigned word = mm_entry_word(e);
    bool has_block = mm_entry_block(e) != NULL;

    if (!(word & WORD_LIVE))
        return word % WORD_VERSION == 0 && !has_block;
    if (word & WORD_SEALED && !(word & WORD_PINNED))
        return false;
    if (word & WORD_DISCARDED)
        return !(word & WORD_COUNT) && (word & WORD_PINNED || !has_block);
    return has_block;
}

/* ---- waiting ------------------------------------------------------------------------------------- */

/* Wait until one of the flags `until` of `word`, as it was seen, may have gone; the word now. */
static unsigned wait_for(struct entry *e, unsigned word, unsigned until)
{
    for (int look = 0; look < LOOKS_BEFORE_SLEEP && word & until; look++)
        word = mm_entry_word(e);
    if (!(word & until))
        return word;
    if (!atomic_compare_exchange_strong(&e->word, &word, word | WORD_AWAITED))
        return word;
    (void)mm_os_wait(&e->word, word | WORD_AWAITED, 0); /* woken or too late: look again */
    return mm_entry_word(e);
}

/* ---- locks ---------------------------------------------------------------------------------------- */

NTSTATUS mm_entry_lock(struct entry *e, void **ret_block)
{
    unsigned word = mm_entry_word(e);

    for (;;) {
        if (!(word & WORD_LIVE))
            return STATUS_INVALID_HANDLE;
        if (word & WORD_DISCARDED)
            return STATUS_DISCARDED;
        if (word & WORD_SEALED)
            word = wait_for(e, word, WORD_SEALED);
        else if ((word & WORD_COUNT) == WORD_COUNT)
            break;
        else if (atomic_compare_exchange_weak_explicit(&e->word, &word, word + 1,
                                                       memory_order_acquire, memory_order_acquire))
            break;
    }
    mm_entry_note_use(e, word);
    *ret_block = mm_entry_block(e);
    return STATUS_SUCCESS;
}

NTSTATUS mm_entry_unlock(struct entry *e, unsigned *ret_left)
{
    unsigned word = mm_entry_word(e);

    do {
        if (!(word & WORD_LIVE))
            return STATUS_INVALID_HANDLE;
        if (!(word & WORD_COUNT))
            return STATUS_NOT_LOCKED;
    } while (!atomic_compare_exchange_weak_explicit(&e->word, &word, word - 1, memory_order_release,
                                                    memory_order_acquire));
    *ret_left = (word & WORD_COUNT) - 1;
    return STATUS_SUCCESS;
}

/* What the heap says of the block that `word` promises. */
static NTSTATUS ask_size(const struct entry *e, unsigned word, size_t *ret_size)
{
    *ret_size = 0;
    if (word & WORD_DISCARDED)
        return STATUS_SUCCESS;
    return mm_heap_size(mm_heap_process(), mm_entry_block(e), ret_size);
}

/*
 * Neither a lock nor a pin is taken, since a thread that holds the heap's lock may ask while another
 * has pinned the object and waits for the heap.  If the block was replaced meanwhile, the version is
 * another and the answer of the heap worth nothing.
 */
NTSTATUS mm_entry_size(struct entry *e, size_t *ret_size)
{
    const unsigned same = WORD_LIVE | WORD_SEALED | WORD_DISCARDED | ~(WORD_VERSION - 1);
    unsigned word = mm_entry_word(e);
    size_t size;

    while (word & WORD_LIVE) {
        if (word & WORD_SEALED) {
            word = wait_for(e, word, WORD_SEALED);
            continue;
        }
        unsigned before = word;
        NTSTATUS status = ask_size(e, word, &size);
        word = atomic_fetch_add(&e->word, 0); /* a read that the heap's reads come before */
        if ((before ^ word) & same)
            continue;
        *ret_size = size;
        return status ? STATUS_INVALID_HANDLE : STATUS_SUCCESS;
    }
    return STATUS_INVALID_HANDLE;
}

/* ---- pins and seals --------------------------------------------------------------------------------- */

NTSTATUS mm_entry_pin(struct entry *e)
{
    unsigned word = mm_entry_word(e);

    for (;;) {
        if (!(word & WORD_LIVE))
            return STATUS_INVALID_HANDLE;
        if (word & WORD_PINNED)
            word = wait_for(e, word, WORD_PINNED);
        else if (atomic_compare_exchange_weak(&e->word, &word, word | WORD_PINNED))
            return STATUS_SUCCESS;
    }
}

bool mm_entry_try_pin(struct entry *e)
{
    unsigned word = mm_entry_word(e);

    if ((word & (WORD_LIVE | WORD_PINNED | WORD_DISCARDED | WORD_COUNT)) != WORD_LIVE)
        return false;
    return atomic_compare_exchange_strong(&e->word, &word, word | WORD_PINNED);
}

bool mm_entry_seal(struct entry *e, bool even_locked)
{
    unsigned word = mm_entry_word(e);

    assert_that(word & WORD_PINNED && !(word & WORD_SEALED));
    do {
        if (word & WORD_COUNT && !even_locked)
            return false;
    } while (!atomic_compare_exchange_weak(&e->word, &word, word | WORD_SEALED));
    return true;
}

static void wake(struct entry *e, unsigned word)
{
    if (word & WORD_AWAITED)
        mm_os_wake(&e->word, INT32_MAX);
}

void mm_entry_unpin(struct entry *e, unsigned set, unsigned clear)
{
    unsigned word = mm_entry_word(e);
    unsigned new;

    assert_that(word & WORD_PINNED);
    do {
        new = (word & ~(WORD_PINNED | WORD_SEALED | WORD_AWAITED | clear)) | set;
        if (word & WORD_SEALED)
            new += WORD_VERSION;
    } while (!atomic_compare_exchange_weak(&e->word, &word, new));
    wake(e, word);
}

/* ---- beginning and end -------------------------------------------------------------------------------- */

void mm_entry_set_block(struct entry *e, void *block)
{
    if (mm_entry_block(e))
        mm_index_remove(e);
    atomic_store_explicit(&e->block, block, memory_order_relaxed);
    if (block)
        mm_index_add(e);
}

void mm_entry_begin(struct entry *e, ULONG attributes, void *block)
{
    unsigned version = mm_entry_word(e) & ~(WORD_VERSION - 1);
    unsigned word = version | WORD_LIVE | (attributes & WORD_ATTRIBUTES);

    mm_entry_set_block(e, block);
    mm_entry_note_use(e, word);
    atomic_store_explicit(&e->word, block ? word : word | WORD_DISCARDED, memory_order_release);
}

void mm_entry_end(struct entry *e)
{
    unsigned version = (mm_entry_word(e) & ~(WORD_VERSION - 1)) + WORD_VERSION;

    assert_that(mm_entry_word(e) & WORD_SEALED);
    mm_entry_set_block(e, NULL);
    wake(e, atomic_exchange(&e->word, version));
}
