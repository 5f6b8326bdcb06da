/*
 * unwind.c - who called whom, read from a stack that may be damaged.
 *
 * A step asks, in this order: is it the frame of a signal; does the module's unwind table know the
 * place; is there a chain of frame pointers.  The place of the fault itself may be no code at all
 * (a call through a bad pointer): then the word at the stack pointer is where that call came from.
 *
 * Every read of the stack may fail without a fault.  A step that does not go up ends the walk.
 */
#include "base/page.h"
#include "except/unwind.h"

#define LARGEST_FRAME (16 * MIB)

static uintptr_t sp_of(const struct frame *f)
{
    return (uintptr_t)f->registers[mm_except_sp];
}

static bool is_code(uintptr_t address)
{
    struct os_mapping m;
    return !mm_os_mapping_at(address, &m) && m.start <= address && m.access & OS_EXEC;
}

static bool by_signal(struct frame *f)
{
    static struct os_registers registers; /* one walk at a time: the report's */

    if (!mm_os_signal_frame(f->ip, sp_of(f), &registers))
        return false;
    mm_except_frame_of(&registers, f);
    return true;
}

static bool by_wild_call(struct frame *f)
{
    uintptr_t caller;

    if (!f->exact || is_code(f->ip) || !mm_os_peek(&caller, (void *)sp_of(f), sizeof caller) ||
        !is_code(caller))
        return false;
    f->ip = caller;
    f->exact = false;
    f->registers[mm_except_sp] += sizeof caller;
    return true;
}

static bool by_frame_pointer(struct frame *f)
{
    uintptr_t pair[2]; /* the caller's frame pointer, the return address */
    uintptr_t fp = (uintptr_t)f->registers[mm_except_fp];

    if (fp < sp_of(f) || fp - sp_of(f) > LARGEST_FRAME || !is_aligned(fp, sizeof fp))
        return false;
    if (!mm_os_peek(pair, (void *)fp, sizeof pair) || !is_code(pair[1]))
        return false;
    f->registers[mm_except_fp] = pair[0];
    f->registers[mm_except_sp] = fp + sizeof pair;
    f->ip = pair[1];
    f->exact = false;
    return true;
}

static bool step(struct frame *f)
{
    uintptr_t before = sp_of(f);
    bool first = f->exact; /* its function may have pushed nothing yet */

    if (by_signal(f))
        return true; /* onto another stack, higher or lower */
    if (!mm_except_unwind(f) && !by_wild_call(f) && !by_frame_pointer(f))
        return false;
    return f->ip && (sp_of(f) > before || (first && sp_of(f) == before));
}

int mm_except_walk(const CONTEXT *context, uintptr_t *ret_places, int capacity)
{
    struct frame f;
    int count = 0;

    mm_except_frame(context, &f);
    do
        ret_places[count++] = f.ip;
    while (count < capacity && step(&f));
    return count;
}
