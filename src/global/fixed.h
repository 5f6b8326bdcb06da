/*
 * fixed.h - fixed blocks: plain blocks of the process heap, named by their address.
 *
 * A moveable block named by its address is one of these to all who do not ask for its handle.
 */
#ifndef NTMM_GLOBAL_FIXED_H
#define NTMM_GLOBAL_FIXED_H

#include "global/global.h"

/* As their namesakes in global.h.  `block` may be any value. */
NTSTATUS mm_fixed_allocate(ULONG attributes, size_t size, void **ret_block);
NTSTATUS mm_fixed_resize(void *block, size_t size, ULONG attributes, void **ret_block);
NTSTATUS mm_fixed_free(void *block);
NTSTATUS mm_fixed_lock(void *block, void **ret_block);
NTSTATUS mm_fixed_unlock(const void *block, unsigned *ret_left);

/* => STATUS_INVALID_HANDLE: no block of the process heap starts there */
NTSTATUS mm_fixed_size(const void *block, size_t *ret_size);

#endif
