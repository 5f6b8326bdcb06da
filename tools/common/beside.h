/*
 * beside.h - files that belong to ntmm, found from where this program is: built or installed.
 */
#ifndef NTMM_TOOLS_BESIDE_H
#define NTMM_TOOLS_BESIDE_H

#include <limits.h>
#include <stdbool.h>

/* The first of `places`, paths relative to this program's folder, that exists; false: none does. */
bool mm_beside(const char *const *places, int count, char ret_path[PATH_MAX]);

#endif
