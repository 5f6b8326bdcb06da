/*
 * machine.h - small facts the kernel tells in small files.
 */
#ifndef NTMM_TOOLS_MACHINE_H
#define NTMM_TOOLS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A small file as text, cut to `size`; false when it cannot be read. */
bool mm_read_text(const char *path, char *text, size_t size);

/* The number a file begins with; false when there is none, as with "max". */
bool mm_read_number(const char *path, uint64_t *ret_number);

/* The limit of our memory cgroup, and whether it is "v1" or "v2"; false: there is none. */
bool mm_cgroup_limit(uint64_t *ret_limit, const char **ret_version);

#endif
