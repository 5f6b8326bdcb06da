/*
 * winbase.h - names of kernel32 that have no header of their own.
 */
#ifndef _WINBASE_
#define _WINBASE_

#include <minwindef.h>
#include <minwinbase.h>
#include <debugapi.h>
#include <errhandlingapi.h>
#include <handleapi.h>
#include <heapapi.h>
#include <interlockedapi.h>
#include <memoryapi.h>
#include <processthreadsapi.h>
#include <profileapi.h>
#include <synchapi.h>
#include <sysinfoapi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MoveMemory RtlMoveMemory
#define CopyMemory RtlCopyMemory
#define FillMemory RtlFillMemory
#define ZeroMemory RtlZeroMemory
#define SecureZeroMemory RtlSecureZeroMemory
#define CopyVolatileMemory RtlCopyVolatileMemory
#define MoveVolatileMemory RtlMoveVolatileMemory
#define FillVolatileMemory RtlFillVolatileMemory
#define ZeroVolatileMemory RtlZeroVolatileMemory
#define SecureZeroMemory2 RtlSecureZeroMemory2

/* GlobalMemoryStatusEx with the sizes in SIZE_T, for old programs. */
typedef struct _MEMORYSTATUS {
    DWORD dwLength; /* set by the call */
    DWORD dwMemoryLoad;
    SIZE_T dwTotalPhys;
    SIZE_T dwAvailPhys;
    SIZE_T dwTotalPageFile;
    SIZE_T dwAvailPageFile;
    SIZE_T dwTotalVirtual;
    SIZE_T dwAvailVirtual;
} MEMORYSTATUS, *LPMEMORYSTATUS;

/*
 * Tell how much memory there is and how much is left.
 *
 * status  gets the answer; a pointer that cannot be written is left alone
 */
WINBASEAPI VOID WINAPI GlobalMemoryStatus(LPMEMORYSTATUS status);

/*
 * ---- Global and Local memory ------------------------------------------------------------------
 *
 * Blocks of the process heap.  A *fixed* block is named by its address.  A *moveable* one is named by
 * a handle, and its address is had by locking it: while nobody has it locked it may be moved, or,
 * where it was declared discardable and memory is short, discarded.  An object of 0 bytes is
 * discarded, too; its handle stays.
 *
 * The two families are one: either takes the other's handles, and there are 65536 of them.  An
 * address of a moveable block is taken for a fixed block, which is never moved for those who lock it
 * so; GlobalHandle tells its handle, GlobalFree and GlobalReAlloc find it by themselves.  Any value
 * may be given for a handle: what is none is refused.
 *
 * Unless told otherwise below: a call that fails changes nothing, and one that succeeds leaves the
 * last error alone.
 */
#define GMEM_FIXED 0x0
#define GMEM_MOVEABLE 0x2
#define GMEM_NOCOMPACT 0x10
#define GMEM_NODISCARD 0x20
#define GMEM_ZEROINIT 0x40
#define GMEM_MODIFY 0x80
#define GMEM_DISCARDABLE 0x100
#define GMEM_NOT_BANKED 0x1000
#define GMEM_SHARE 0x2000
#define GMEM_DDESHARE 0x2000
#define GMEM_NOTIFY 0x4000
#define GMEM_LOWER GMEM_NOT_BANKED
#define GMEM_VALID_FLAGS 0x7F72
#define GMEM_INVALID_HANDLE 0x8000
#define GHND (GMEM_MOVEABLE | GMEM_ZEROINIT)
#define GPTR (GMEM_FIXED | GMEM_ZEROINIT)
#define GMEM_DISCARDED 0x4000
#define GMEM_LOCKCOUNT 0x00FF

/*
 * Allocate a block.
 *
 * flags  GMEM_MOVEABLE: a moveable one, else fixed.  GMEM_ZEROINIT: all zero.  GMEM_DISCARDABLE: of a
 *        moveable one, it may be discarded.  GMEM_DDESHARE is remembered for GlobalFlags.  All others
 *        are ignored
 * size   bytes; 0: a discarded moveable object, or one byte of a fixed one
 *
 * Returns the handle or address, or NULL:
 *   ERROR_NOT_ENOUGH_MEMORY  the heap cannot have as much; GMEM_MOVEABLE: 65536 objects already
 */
WINBASEAPI HGLOBAL WINAPI GlobalAlloc(UINT flags, SIZE_T size);

/*
 * Change the size of a block, or its attributes.
 *
 * handle  of an object, or the address of a block
 * size    bytes; contents stay up to the smaller size.  Not used with GMEM_MODIFY
 * flags   GMEM_MOVEABLE: it may move even if it is fixed or locked; with size 0 an unlocked moveable
 *         object is discarded.  GMEM_ZEROINIT: what is new reads as zero.
 *         GMEM_MODIFY: attributes alone.  GMEM_DISCARDABLE makes a moveable object discardable,
 *         GMEM_MOVEABLE a fixed block moveable
 *
 * Returns what names the block now, or NULL.  That is the same handle; for a fixed block its address,
 * which may be another; for a fixed block made moveable its handle:
 *   ERROR_INVALID_HANDLE     neither a handle nor the address of a block, or freed
 *   ERROR_NOT_ENOUGH_MEMORY  the heap cannot have as much; a fixed block without GMEM_MOVEABLE; a
 *                            locked one without it that does not fit where it is
 *   ERROR_INVALID_PARAMETER  0 bytes of a moveable object that is locked, or without GMEM_MOVEABLE;
 *                            GMEM_DISCARDABLE without GMEM_MODIFY
 */
WINBASEAPI HGLOBAL WINAPI GlobalReAlloc(HGLOBAL handle, SIZE_T size, UINT flags);

/*
 * Free an object, locked or not.
 *
 * handle  of an object, or the address of a block; NULL: nothing to do
 *
 * Returns NULL, or `handle` itself:
 *   ERROR_INVALID_HANDLE  a value with bit 3 set that is no handle, or freed
 *   ERROR_NOACCESS        any other value that is not the address of a block
 */
WINBASEAPI HGLOBAL WINAPI GlobalFree(HGLOBAL handle);

/*
 * Lock an object: its block stays where it is until as many calls of GlobalUnlock.  Locks are counted
 * up to 255; more are granted and not counted.  A fixed block needs none.
 *
 * Returns the address of the block, or NULL:
 *   ERROR_INVALID_HANDLE  neither a handle nor the address of a block, or freed
 *   ERROR_DISCARDED       the object is discarded: GlobalReAlloc gives it a block
 */
WINBASEAPI LPVOID WINAPI GlobalLock(HGLOBAL handle);

/*
 * Take back one lock.
 *
 * Returns TRUE while locks are left, and always for a fixed block; else FALSE:
 *   NO_ERROR              it was the last lock
 *   ERROR_NOT_LOCKED      there was none
 *   ERROR_INVALID_HANDLE  neither a handle nor the address of a block.  A handle that was freed: the
 *                         same error, and TRUE
 */
WINBASEAPI BOOL WINAPI GlobalUnlock(HGLOBAL handle);

/*
 * Tell the size of a block in bytes, as it was asked for.
 *
 * Returns 0 of a discarded object; 0 with ERROR_INVALID_HANDLE: neither a handle nor the address of
 * a block, or freed.
 */
WINBASEAPI SIZE_T WINAPI GlobalSize(HGLOBAL handle);

/*
 * Tell the lock count (GMEM_LOCKCOUNT) and attributes: GMEM_DISCARDABLE, GMEM_DISCARDED,
 * GMEM_DDESHARE.  A fixed block has none.
 *
 * Returns GMEM_INVALID_HANDLE with ERROR_INVALID_HANDLE: neither a handle nor the address of a block,
 * or freed.
 */
WINBASEAPI UINT WINAPI GlobalFlags(HGLOBAL handle);

/*
 * Tell the handle of a moveable object.
 *
 * block  what GlobalLock returned; or the address of a fixed block, which is its handle
 *
 * Returns the handle, or NULL:
 *   ERROR_INVALID_PARAMETER  NULL
 *   ERROR_INVALID_HANDLE     no block starts there
 */
WINBASEAPI HGLOBAL WINAPI GlobalHandle(LPCVOID block);

/* Discard the block of an unlocked object: GlobalReAlloc to 0 bytes. */
#define GlobalDiscard(handle) GlobalReAlloc((handle), 0, GMEM_MOVEABLE)

/* GlobalAlloc with LMEM_*; 0 bytes of a fixed block are 0 bytes. */
WINBASEAPI HLOCAL WINAPI LocalAlloc(UINT flags, SIZE_T size);

/*
 * GlobalReAlloc with LMEM_*.  A fixed block without LMEM_MOVEABLE is resized where it is, if it fits;
 * LMEM_MODIFY leaves a fixed block fixed.
 */
WINBASEAPI HLOCAL WINAPI LocalReAlloc(HLOCAL handle, SIZE_T size, UINT flags);

/* GlobalFree. */
WINBASEAPI HLOCAL WINAPI LocalFree(HLOCAL handle);

/* GlobalLock. */
WINBASEAPI LPVOID WINAPI LocalLock(HLOCAL handle);

/*
 * GlobalUnlock, save that a fixed block is never locked (FALSE, ERROR_NOT_LOCKED), and a handle that
 * was freed is an error like any other.
 */
WINBASEAPI BOOL WINAPI LocalUnlock(HLOCAL handle);

/* GlobalSize. */
WINBASEAPI SIZE_T WINAPI LocalSize(HLOCAL handle);

/* GlobalFlags, with LMEM_DISCARDABLE and without GMEM_DDESHARE. */
WINBASEAPI UINT WINAPI LocalFlags(HLOCAL handle);

/* GlobalHandle. */
WINBASEAPI HLOCAL WINAPI LocalHandle(LPCVOID block);

/*
 * Move unlocked moveable blocks together and give memory back that this leaves empty.
 *
 * wanted  bytes; not used, since the heap grows: nothing is discarded here
 *
 * Returns the size of the largest free block, in bytes, that the heap has at hand; 0: none.
 */
WINBASEAPI SIZE_T WINAPI GlobalCompact(DWORD wanted);

/* The same. */
WINBASEAPI SIZE_T WINAPI LocalCompact(UINT wanted);

/*
 * Give back memory that the process heap does not need; `handle` and `size` are not used.
 *
 * Returns the size of what the heap has committed, in bytes.
 */
WINBASEAPI SIZE_T WINAPI LocalShrink(HLOCAL handle, UINT size);

/* GlobalLock and GlobalUnlock by older names, and the same errors. */
WINBASEAPI VOID WINAPI GlobalFix(HGLOBAL handle);
WINBASEAPI VOID WINAPI GlobalUnfix(HGLOBAL handle);
WINBASEAPI LPVOID WINAPI GlobalWire(HGLOBAL handle);
WINBASEAPI BOOL WINAPI GlobalUnWire(HGLOBAL handle);

/* They do nothing, on Windows too. */
#define GlobalLRUNewest(handle) ((HANDLE)(handle))
#define GlobalLRUOldest(handle) ((HANDLE)(handle))
#define LockSegment(segment) GlobalFix((HANDLE)(segment))
#define UnlockSegment(segment) GlobalUnfix((HANDLE)(segment))

#ifdef __cplusplus
}
#endif

#endif
