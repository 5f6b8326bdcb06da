/*
 * decode_aarch64.c - nothing to tell apart: the signals of aarch64 name their causes, and a
 * division by zero is no fault there.
 */
#include "except/except_internal.h"

bool mm_except_is_privileged(uintptr_t ip)
{
    (void)ip;
    return false;
}

bool mm_except_divides_by_zero(const struct os_fault *fault)
{
    (void)fault;
    return true;
}
