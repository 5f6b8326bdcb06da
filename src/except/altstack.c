/*
 * altstack.c - alternate stacks, so that a thread can tell of its own stack's overflow.
 *
 * Each has an inaccessible page below it and begins, above that, with a note of who owns it.  None
 * is ever given back: a thread that ends is not seen, but its stack is found by the next thread
 * that starts, since the kernel knows no thread of that id any more.  What is not touched costs
 * address space only.
 *
 * I1  a stack whose owner belongs to another process was inherited by fork and is left alone: the
 *     thread that forked still stands on it, under a new id
 */
#include <errno.h>

#include "base/page.h"
#include "except/except_internal.h"

#define GUARD_BYTES PAGE_BYTES
#define FIRST_BYTES (256 * KIB) /* of the first thread, whose handlers do the most */
#define OTHER_BYTES (64 * KIB)
#define MOST_LOOKS 8 /* stacks looked at before a new one is made */

struct stack {
    struct stack *next;     /* (c) once linked */
    size_t size;            /* (c) bytes, this note included */
    _Atomic uint64_t owner; /* process id << 32 | thread id */
};

static _Atomic(struct stack *) all;
static _Atomic(struct stack *) looked_at; /* where the next search goes on */
__thread bool mm_except_thread_started;

static uint64_t myself(void)
{
    return (uint64_t)mm_os_pid() << 32 | (uint32_t)mm_os_tid();
}

static bool is_abandoned(uint64_t owner)
{
    return owner >> 32 == (uint64_t)mm_os_pid() &&
           mm_os_task_signal((pid_t)(uint32_t)owner, 0) == -ESRCH;
}

static struct stack *find_abandoned(uint64_t me)
{
    struct stack *s = atomic_load(&looked_at);

    for (int looks = 0; looks < MOST_LOOKS; looks++) {
        if (!s)
            s = atomic_load(&all);
        if (!s)
            return NULL;
        uint64_t owner = atomic_load(&s->owner);
        atomic_store(&looked_at, s->next);
        if (is_abandoned(owner) && atomic_compare_exchange_strong(&s->owner, &owner, me))
            return s;
        s = s->next;
    }
    return NULL;
}

static struct stack *make(size_t size, uint64_t me)
{
    char *memory = mm_os_own_memory(GUARD_BYTES + size);
    if (!memory)
        return NULL;

    (void)mm_os_protect(memory, GUARD_BYTES, OS_NONE); /* without it, an overflow is seen later */
    struct stack *s = (struct stack *)(memory + GUARD_BYTES);
    s->size = size;
    atomic_store(&s->owner, me);
    s->next = atomic_load(&all);
    while (!atomic_compare_exchange_weak(&all, &s->next, s))
        ;
    return s;
}

void mm_except_thread_first(void)
{
    mm_except_thread_started = true;

    uint64_t me = myself();
    struct stack *s = find_abandoned(me);
    if (!s)
        s = make(atomic_load(&all) ? OTHER_BYTES : FIRST_BYTES, me);
    if (s && mm_os_alternate_stack(s + 1, s->size - sizeof *s))
        atomic_store(&s->owner, 0); /* the program has given it one */
}
