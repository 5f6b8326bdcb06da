/*
 * chance.h - repeatable random numbers for threads that must not share a generator.
 */
#ifndef NTMM_TESTS_CHANCE_H
#define NTMM_TESTS_CHANCE_H

#include <stdint.h>

/* A number from 0 to below - 1; *seed is not 0 and moves on. */
static inline uint64_t chance(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (*seed * 0x2545f4914f6cdd1du >> 16) % below;
}

#endif
