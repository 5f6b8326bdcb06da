/*
 * rtl.c - moving and filling memory, as functions; winnt.h has them as macros and inlines too.
 */
#include <string.h>

#include <winnt.h>

#undef RtlMoveMemory
#undef RtlCopyMemory
#undef RtlFillMemory
#undef RtlZeroMemory

VOID NTAPI RtlMoveMemory(VOID *destination, const VOID *source, SIZE_T length)
{
    memmove(destination, source, length);
}

/* Windows exports one function under both names: overlapping blocks are moved rightly. */
VOID NTAPI RtlCopyMemory(VOID *destination, const VOID *source, SIZE_T length)
{
    memmove(destination, source, length);
}

VOID NTAPI RtlFillMemory(VOID *destination, SIZE_T length, int fill)
{
    memset(destination, fill, length);
}

VOID NTAPI RtlZeroMemory(VOID *destination, SIZE_T length)
{
    memset(destination, 0, length);
}

SIZE_T NTAPI RtlCompareMemory(const VOID *a, const VOID *b, SIZE_T length)
{
    const unsigned char *left = a;
    const unsigned char *right = b;
    SIZE_T equal = 0;

    while (equal < length && left[equal] == right[equal])
        equal++;
    return equal;
}

/* The bodies of the inline functions, for callers that take their address. */
extern PVOID RtlSecureZeroMemory(PVOID address, SIZE_T length);
extern volatile void *RtlCopyVolatileMemory(volatile void *destination, volatile const void *source,
                                            SIZE_T length);
extern volatile void *RtlMoveVolatileMemory(volatile void *destination, volatile const void *source,
                                            SIZE_T length);
extern volatile void *RtlFillVolatileMemory(volatile void *destination, SIZE_T length, int fill);
extern volatile void *RtlZeroVolatileMemory(volatile void *destination, SIZE_T length);
extern volatile void *RtlSecureZeroMemory2(volatile void *address, SIZE_T length);
