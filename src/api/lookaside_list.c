/*
 * lookaside_list.c - lookaside lists.
 */
#include <wdm.h>

#include "api/api_internal.h"
#include "base/page.h"
#include "lookaside/lookaside.h"

#define POOL_MODIFIERS ((ULONG)NonPagedPoolSession | NonPagedPoolNx)
#define RAISE EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL
#define NO_RAISE EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE

_Static_assert(sizeof(LOOKASIDE_LIST_EX) == sizeof(struct lookaside), "one layout");
_Static_assert(offsetof(GENERAL_LOOKASIDE_POOL, Size) == offsetof(struct lookaside, size),
               "one layout");
_Static_assert(offsetof(GENERAL_LOOKASIDE_POOL, FreeEx) == offsetof(struct lookaside, end),
               "one layout");
_Static_assert(offsetof(GENERAL_LOOKASIDE_POOL, Future) == offsetof(struct lookaside, slot),
               "one layout");

static struct lookaside *ours(PLOOKASIDE_LIST_EX list)
{
    return (struct lookaside *)list;
}

static DECLSPEC_NOINLINE void no_list(void)
{
    mm_except_raise((DWORD)STATUS_INVALID_PARAMETER, EXCEPTION_NONCONTINUABLE, 0, NULL);
}

static NTSTATUS check_kind(POOL_TYPE type, ULONG flags, SIZE_T size, USHORT depth)
{
    if (((ULONG)type & ~POOL_MODIFIERS) >= MaxPoolType ||
        ((ULONG)type & ~POOL_MODIFIERS) == DontUseThisType)
        return STATUS_INVALID_PARAMETER_4;
    if (flags != 0 && flags != RAISE && flags != NO_RAISE)
        return STATUS_INVALID_PARAMETER_5;
    if (size > MAXLONG)
        return STATUS_INVALID_PARAMETER_6;
    return depth ? STATUS_INVALID_PARAMETER_8 : STATUS_SUCCESS;
}

static NTSTATUS check_list(PLOOKASIDE_LIST_EX list)
{
    if (!is_aligned((uintptr_t)list, MEMORY_ALLOCATION_ALIGNMENT))
        return STATUS_DATATYPE_MISALIGNMENT;
    return mm_api_writable(list, sizeof *list);
}

NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list, PALLOCATE_FUNCTION_EX allocate,
                                           PFREE_FUNCTION_EX free, POOL_TYPE type, ULONG flags,
                                           SIZE_T size, ULONG tag, USHORT depth)
{
    struct lookaside_kind kind = {
        (lookaside_allocate *)allocate, (lookaside_free *)free, type, flags, size, tag};

    api_enter();
    NTSTATUS status = check_list(list);
    if (!status)
        status = check_kind(type, flags, size, depth);
    return status ? status : mm_lookaside_init(ours(list), &kind);
}

VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX list)
{
    if (!mm_lookaside_done(ours(list)))
        no_list();
}

VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX list)
{
    if (!mm_lookaside_flush(ours(list)))
        no_list();
}

static DECLSPEC_NOINLINE PVOID nothing_from(struct lookaside *list)
{
    if (!mm_lookaside_is_list(list))
        no_list();
    if (list->flags == RAISE)
        mm_except_raise((DWORD)STATUS_INSUFFICIENT_RESOURCES, 0, 0, NULL);
    return NULL;
}

PVOID NTAPI ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX list)
{
    PVOID object = mm_lookaside_take(ours(list));
    return __builtin_expect(object != NULL, 1) ? object : nothing_from(ours(list));
}

VOID NTAPI ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX list, PVOID object)
{
    if (__builtin_expect(!mm_lookaside_give(ours(list), object), 0))
        no_list();
}
