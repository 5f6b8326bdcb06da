/*
 * pair.h - two words that change at once: the processor's 16-byte compare and swap.
 *
 * x86-64 has cmpxchg16b (every processor that Windows 8.1 and later run on), 64-bit ARM a loop of
 * exclusive loads and stores.  Written out, since gcc would call libatomic for them.
 */
#ifndef NTMM_BASE_PAIR_H
#define NTMM_BASE_PAIR_H

#include <stdbool.h>
#include <stdint.h>

struct pair {
    uint64_t low;
    uint64_t high;
} __attribute__((aligned(16)));

/*
 * Put `fresh` into *place if it holds *expected, else store in *expected what it holds.
 *
 * => a full barrier; place is 16-byte aligned
 */
static inline bool pair_replace(struct pair *place, struct pair *expected, struct pair fresh)
{
#if defined(__x86_64__)
    bool done;
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(*place), "+a"(expected->low), "+d"(expected->high)
                     : "b"(fresh.low), "c"(fresh.high)
                     : "memory");
    return done;
#else
    uint64_t low, high;
    uint32_t failed;
    __asm__ volatile("1: ldaxp %0, %1, %3\n"
                     "   cmp %0, %4\n"
                     "   ccmp %1, %5, #0, eq\n"
                     "   b.ne 2f\n"
                     "   stlxp %w2, %6, %7, %3\n"
                     "   cbnz %w2, 1b\n"
                     "   b 3f\n"
                     "2: stlxp %w2, %0, %1, %3\n" /* only so is what was read one moment's */
                     "   cbnz %w2, 1b\n"
                     "3:\n"
                     : "=&r"(low), "=&r"(high), "=&r"(failed), "+Q"(*place)
                     : "r"(expected->low), "r"(expected->high), "r"(fresh.low), "r"(fresh.high)
                     : "cc", "memory");
    bool done = low == expected->low && high == expected->high;
    *expected = (struct pair){low, high};
    return done;
#endif
}

/*
 * The two words one after the other, the low one first: of two moments when others write.  `place` may
 * be nowhere: that is an access violation, which UBSan shall let happen.
 */
__attribute__((no_sanitize("undefined"))) static inline struct pair pair_glance(
    const struct pair *place)
{
    uint64_t low = __atomic_load_n(&place->low, __ATOMIC_ACQUIRE);
    return (struct pair){low, __atomic_load_n(&place->high, __ATOMIC_ACQUIRE)};
}

#endif
