/*
 * system_memory.h - the memory of the system that a program sees: its budget, or the machine.
 */
#ifndef NTMM_API_SYSTEM_MEMORY_H
#define NTMM_API_SYSTEM_MEMORY_H

#include <stdint.h>

/* All in bytes. */
struct system_memory {
    uint64_t ram;
    uint64_t ram_available;
    uint64_t commit_limit;
    uint64_t committed;
    uint64_t committed_peak;
    uint64_t addresses; /* the user address range */
    uint64_t addresses_free;
};

void mm_api_system_memory(struct system_memory *ret_memory);

#endif
