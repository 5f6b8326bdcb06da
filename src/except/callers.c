/*
 * callers.c - who called, many times a second: the page heap asks at every allocation.
 *
 * An unwind table says in a little program where a frame's return address is; nearly always the
 * answer is three offsets.  They are kept by place, in a table of fixed size where a newer place
 * replaces an older one.  An entry is two words, each written and read at once, and the first holds
 * place and rule mixed: an entry that is half an older one is seen, and no lock is needed.  Only a
 * look into the tables themselves takes one, with signals blocked.
 *
 * The stack is read without system calls; where a rule leads astray (a library was unloaded and
 * another lies there) the read fails by a fault that os/ catches, and the walk ends.
 */
#include <stdatomic.h>

#include "base/page.h"
#include "except/unwind.h"

#define ENTRIES 8192
#define LARGEST_FRAME ((uintptr_t)16 << 20)

/* What is kept of a struct unwind_step; 0: the walk ends at that place. */
#define KNOWN 1ull
#define FROM_FP 2ull
#define KEEPS_FP 4ull

static MM_APART struct entry {
    atomic_ullong mixed; /* place ^ rule */
    atomic_ullong rule;
} entries[ENTRIES];

static struct os_signal_lock tables; /* mm_except_step_at: one at a time */

static bool fits(int32_t offset)
{
    return offset % 8 == 0 && offset / 8 >= INT16_MIN && offset / 8 <= INT16_MAX;
}

static uint64_t packed(const struct unwind_step *s)
{
    if (!fits(s->back) || !fits(s->fp) || s->cfa < 0 || s->cfa >= 1 << 28)
        return 0;
    return KNOWN | (s->from_fp ? FROM_FP : 0) | (s->keeps_fp ? KEEPS_FP : 0) |
           (uint64_t)s->cfa << 3 | (uint64_t)(uint16_t)(s->back / 8) << 32 |
           (uint64_t)(uint16_t)(s->fp / 8) << 48;
}

static uint64_t look_up(uintptr_t place, struct entry *e)
{
    struct unwind_step step;
    uint64_t rule = 0;

    uint64_t signals = mm_os_signal_lock(&tables);
    if (mm_except_step_at(place, &step))
        rule = packed(&step);
    mm_os_signal_unlock(&tables, signals);
    atomic_store_explicit(&e->rule, rule, memory_order_relaxed);
    atomic_store_explicit(&e->mixed, place ^ rule, memory_order_relaxed);
    return rule;
}

static uint64_t rule_of(uintptr_t place)
{
    struct entry *e = &entries[place * 0x9E3779B97F4A7C15u >> 51];
    uint64_t rule = atomic_load_explicit(&e->rule, memory_order_relaxed);
    uint64_t mixed = atomic_load_explicit(&e->mixed, memory_order_relaxed);

    return (mixed ^ rule) == place ? rule : look_up(place, e);
}
_Static_assert(ENTRIES == 1 << (64 - 51), "the hash is as wide as the table");

struct walk {
    uintptr_t place;
    uintptr_t sp;
    uintptr_t fp;
};

static bool up(struct walk *w)
{
    uint64_t rule = rule_of(w->place);
    uintptr_t cfa = (rule & FROM_FP ? w->fp : w->sp) + (rule >> 3 & 0xfffffff);
    int64_t back = (int16_t)(rule >> 32) * 8;
    int64_t fp = (int16_t)(rule >> 48) * 8;

    if (!(rule & KNOWN) || cfa <= w->sp || cfa - w->sp > LARGEST_FRAME || cfa % 8)
        return false;
    if (!(rule & KEEPS_FP) && !mm_os_peek_fast(&w->fp, (void *)(cfa + (uintptr_t)fp), sizeof w->fp))
        return false;
    w->sp = cfa;
    return mm_os_peek_fast(&w->place, (void *)(cfa + (uintptr_t)back), sizeof w->place) && w->place;
}

__attribute__((noinline)) unsigned mm_except_callers(uintptr_t *ret_places, unsigned capacity)
{
    struct walk w = {
        .place = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)__builtin_dwarf_cfa(),
        .fp = *(uintptr_t *)__builtin_frame_address(0),
    };
    unsigned count = 0;

    while (count < capacity) {
        ret_places[count++] = w.place;
        if (!up(&w))
            break;
    }
    return count;
}
