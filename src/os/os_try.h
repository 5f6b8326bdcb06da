/*
 * os_try.h - read a word that may not be there, at the cost of a plain load.
 *
 * mm_os_peek costs a system call.  Here the load itself stands in a table (the section
 * mm_os_tries): when it faults, the handler of os_fault.c finds it there and has the thread go on
 * behind it with OS_UNREADABLE.  Where the program has taken SIGSEGV from us behind our back, such
 * a fault is the program's.
 */
#ifndef NTMM_OS_TRY_H
#define NTMM_OS_TRY_H

#include <stdint.h>

/* What cannot be read; also a word that holds this, so ask only where no such word can be. */
#define OS_UNREADABLE ((uintptr_t)1)

/* Offsets from the fields themselves: nothing for the loader to relocate. */
struct os_try {
    int32_t load;  /* the instruction that may fault */
    int32_t after; /* where the thread goes on, with OS_UNREADABLE in rax or x9 */
};

#define OS_TRY_ENTRY                               \
    ".pushsection mm_os_tries, \"a\", @progbits\n" \
    ".balign 4\n"                                  \
    ".long 1b - .\n"                               \
    ".long 2b - .\n"                               \
    ".popsection\n"

static inline uintptr_t os_try_word(const void *from)
{
#if defined(__x86_64__)
    uintptr_t word;
    __asm__ volatile("1: mov (%1), %0\n"
                     "2:\n" OS_TRY_ENTRY
                     : "=a"(word)
                     : "r"(from)
                     : "memory");
#else
    register uintptr_t word __asm__("x9");
    __asm__ volatile("1: ldr %0, [%1]\n"
                     "2:\n" OS_TRY_ENTRY
                     : "=r"(word)
                     : "r"(from)
                     : "memory");
#endif
    return word;
}

#endif
