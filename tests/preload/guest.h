/*
 * guest.h - what guest.c keeps, for the program that looks at it.
 */
#ifndef NTMM_TESTS_PRELOAD_GUEST_H
#define NTMM_TESTS_PRELOAD_GUEST_H

#include <stddef.h>

#define GUEST_BLOCKS 60

struct guest_block {
    unsigned char *at; /* filled with its number and 1 */
    size_t size;
};

/* From 1 byte to 1 MiB. */
static inline size_t guest_size(int number)
{
    return (size_t)(number % 3 + 1) << number / 3;
}

struct guest_block *guest_blocks(void);

#endif
