/*
 * wdm.h - lookaside lists, as drivers know them, for programs.
 *
 * A lookaside list keeps freed objects of one size ready for whoever wants one next.  Each thread keeps
 * some of its own, so a pair that hits takes no lock; how many follows how often there was none.
 * What is not used for a while, or when memory is short, goes back to where it came from.
 *
 * All pools are the process heap: paged, not executable, not charged by tag.  There are no interrupt
 * levels.  Functions of the program may allocate from and free to lists; they must not flush or
 * delete one.
 */
#ifndef _WDMDDK_
#define _WDMDDK_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NTKERNELAPI
#define NTKERNELAPI DECLSPEC_IMPORT
#endif

typedef enum _POOL_TYPE {
    NonPagedPool,
    NonPagedPoolExecute = NonPagedPool,
    PagedPool,
    NonPagedPoolMustSucceed = NonPagedPool + 2,
    DontUseThisType,
    NonPagedPoolCacheAligned = NonPagedPool + 4,
    PagedPoolCacheAligned,
    NonPagedPoolCacheAlignedMustS = NonPagedPool + 6,
    MaxPoolType,
    NonPagedPoolBase = 0,
    NonPagedPoolBaseMustSucceed = NonPagedPoolBase + 2,
    NonPagedPoolBaseCacheAligned = NonPagedPoolBase + 4,
    NonPagedPoolBaseCacheAlignedMustS = NonPagedPoolBase + 6,
    NonPagedPoolSession = 32,
    PagedPoolSession = NonPagedPoolSession + 1,
    NonPagedPoolMustSucceedSession = PagedPoolSession + 1,
    DontUseThisTypeSession = NonPagedPoolMustSucceedSession + 1,
    NonPagedPoolCacheAlignedSession = DontUseThisTypeSession + 1,
    PagedPoolCacheAlignedSession = NonPagedPoolCacheAlignedSession + 1,
    NonPagedPoolCacheAlignedMustSSession = PagedPoolCacheAlignedSession + 1,
    NonPagedPoolNx = 512,
    NonPagedPoolNxCacheAligned = NonPagedPoolNx + 4,
    NonPagedPoolSessionNx = NonPagedPoolNx + 32
} POOL_TYPE;

#ifndef RTL_SIZEOF_THROUGH_FIELD
#define RTL_SIZEOF_THROUGH_FIELD(type, field) \
    (FIELD_OFFSET(type, field) + RTL_FIELD_SIZE(type, field))
#endif

#define LOOKASIDE_MINIMUM_BLOCK_SIZE (RTL_SIZEOF_THROUGH_FIELD(SLIST_ENTRY, Next))

struct _LOOKASIDE_LIST_EX;

/*
 * Makes an object when a list has none.
 *
 * type, size, tag  as the list was initialized with; size at least 16
 * list             the list
 * Returns the object; NULL: there is no memory.
 */
typedef PVOID(NTAPI *PALLOCATE_FUNCTION_EX)(POOL_TYPE type, SIZE_T size, ULONG tag,
                                            struct _LOOKASIDE_LIST_EX *list);

/* Ends an object that a list does not keep. */
typedef VOID(NTAPI *PFREE_FUNCTION_EX)(PVOID object, struct _LOOKASIDE_LIST_EX *list);

/* Only the functions look inside. */
typedef struct DECLSPEC_ALIGN(16) _GENERAL_LOOKASIDE_POOL {
    union {
        SLIST_HEADER ListHead;
        SINGLE_LIST_ENTRY SingleListHead;
    };
    USHORT Depth;
    USHORT MaximumDepth;
    ULONG TotalAllocates;
    union {
        ULONG AllocateMisses;
        ULONG AllocateHits;
    };
    ULONG TotalFrees;
    union {
        ULONG FreeMisses;
        ULONG FreeHits;
    };
    POOL_TYPE Type;
    ULONG Tag;
    ULONG Size;
    PALLOCATE_FUNCTION_EX AllocateEx;
    PFREE_FUNCTION_EX FreeEx;
    LIST_ENTRY ListEntry;
    ULONG LastTotalAllocates;
    union {
        ULONG LastAllocateMisses;
        ULONG LastAllocateHits;
    };
    ULONG Future[2];
} GENERAL_LOOKASIDE_POOL, *PGENERAL_LOOKASIDE_POOL;

typedef struct _LOOKASIDE_LIST_EX {
    GENERAL_LOOKASIDE_POOL L;
} LOOKASIDE_LIST_EX, *PLOOKASIDE_LIST_EX;

#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL 0x00000001UL
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE 0x00000002UL

/*
 * Make a list, empty.
 *
 * list      the list; 16-byte aligned; stays where it is until ExDeleteLookasideListEx
 * allocate  makes objects; NULL: the process heap does
 * free      ends them; NULL: the process heap does
 * type      POOL_TYPE; the cache-aligned ones align objects at 64 bytes
 * flags     0; EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL: a failing allocation raises
 *           STATUS_INSUFFICIENT_RESOURCES; EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE: it returns NULL,
 *           as with 0
 * size      bytes of an object; less than 16 counts as 16
 * tag       handed on to `allocate`
 * depth     0
 *
 * Returns STATUS_SUCCESS;
 * STATUS_ACCESS_VIOLATION         list cannot be written
 * STATUS_DATATYPE_MISALIGNMENT    list is not 16-byte aligned
 * STATUS_INVALID_PARAMETER_4      type is none
 * STATUS_INVALID_PARAMETER_5      flags has other bits, or both
 * STATUS_INVALID_PARAMETER_6      size has more than 31 bits
 * STATUS_INVALID_PARAMETER_8      depth is not 0
 * STATUS_INSUFFICIENT_RESOURCES   there are 4096 lists
 */
NTKERNELAPI NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list,
                                                       PALLOCATE_FUNCTION_EX allocate,
                                                       PFREE_FUNCTION_EX free, POOL_TYPE type,
                                                       ULONG flags, SIZE_T size, ULONG tag,
                                                       USHORT depth);

/*
 * End a list and the objects that it keeps, on all threads.  No other thread may be using it; objects
 * that are out stay valid, and can no more be given back to it.
 *
 * Raises STATUS_INVALID_PARAMETER: list is none.
 */
NTKERNELAPI VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX list);

/*
 * End the objects that a list keeps, on all threads; any thread may be using it.
 *
 * Raises STATUS_INVALID_PARAMETER: list is none.
 */
NTKERNELAPI VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX list);

/*
 * Take an object from a list, or have one made.  What it holds is undefined.
 *
 * Returns the object; NULL: there is no memory, unless the list was told to raise
 * STATUS_INSUFFICIENT_RESOURCES.
 * Raises STATUS_INVALID_PARAMETER: list is none.
 */
NTKERNELAPI PVOID NTAPI ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX list);

/*
 * Give an object back to its list, from any thread.
 *
 * object  what ExAllocateFromLookasideListEx returned; NULL is fine.  It is not looked at before it
 *         goes back to where it came from
 * Raises STATUS_INVALID_PARAMETER: list is none.
 */
NTKERNELAPI VOID NTAPI ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX list, PVOID object);

#ifdef __cplusplus
}
#endif

#endif
