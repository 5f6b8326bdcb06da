/*
 * tlhelp32.h - tool help: snapshots of a process.
 *
 * So far of its heaps; the lists of processes, threads and modules come later.
 */
#ifndef _INC_TOOLHELP32
#define _INC_TOOLHELP32

#include <windef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAX_MODULE_NAME32 255

#define TH32CS_SNAPHEAPLIST 0x00000001
#define TH32CS_SNAPPROCESS 0x00000002
#define TH32CS_SNAPTHREAD 0x00000004
#define TH32CS_SNAPMODULE 0x00000008
#define TH32CS_SNAPMODULE32 0x00000010
#define TH32CS_SNAPALL \
    (TH32CS_SNAPHEAPLIST | TH32CS_SNAPPROCESS | TH32CS_SNAPTHREAD | TH32CS_SNAPMODULE)
#define TH32CS_INHERIT 0x80000000

/* HEAPLIST32.dwFlags */
#define HF32_DEFAULT 1 /* the process heap */
#define HF32_SHARED 2

typedef struct tagHEAPLIST32 {
    SIZE_T dwSize; /* bytes of this structure: set by the caller, then by the call */
    DWORD th32ProcessID;
    ULONG_PTR th32HeapID; /* for Heap32First; no handle */
    DWORD dwFlags;        /* HF32_* */
} HEAPLIST32, *PHEAPLIST32, *LPHEAPLIST32;

/* HEAPENTRY32.dwFlags */
#define LF32_FIXED 0x00000001
#define LF32_FREE 0x00000002
#define LF32_MOVEABLE 0x00000004

typedef struct tagHEAPENTRY32 {
    SIZE_T dwSize; /* bytes of this structure: set by the caller, then by the call */
    HANDLE hHandle;
    ULONG_PTR dwAddress;
    SIZE_T dwBlockSize; /* bytes, of a block in use as asked for */
    DWORD dwFlags;      /* LF32_* */
    DWORD dwLockCount;  /* 0 */
    DWORD dwResvd;      /* not to be changed between calls */
    DWORD th32ProcessID;
    ULONG_PTR th32HeapID;
} HEAPENTRY32, *PHEAPENTRY32, *LPHEAPENTRY32;

/*
 * Take a snapshot.
 *
 * flags    TH32CS_SNAPHEAPLIST: the heaps.  Other lists may be asked for with it and are left out;
 *          TH32CS_INHERIT does nothing
 * process  its number; 0: this process
 *
 * Returns a handle for CloseHandle, or INVALID_HANDLE_VALUE:
 *   ERROR_INVALID_PARAMETER    no flag or an unknown one; there is no such process
 *   ERROR_ACCESS_DENIED        another process
 *   ERROR_NOT_SUPPORTED        only lists that are not there yet
 *   ERROR_NO_SYSTEM_RESOURCES  too many snapshots are open
 *   ERROR_NOT_ENOUGH_MEMORY    no memory
 */
WINBASEAPI HANDLE WINAPI CreateToolhelp32Snapshot(DWORD flags, DWORD process);

/*
 * Tell the first heap of a snapshot; start again.
 *
 * Returns TRUE, or FALSE:
 *   ERROR_NO_MORE_FILES   there is none
 *   ERROR_INVALID_HANDLE  no snapshot
 *   ERROR_BAD_LENGTH      dwSize is too small
 *   ERROR_NOACCESS        `list` cannot be written
 */
WINBASEAPI BOOL WINAPI Heap32ListFirst(HANDLE snapshot, LPHEAPLIST32 list);

/* Tell the next heap; the same errors. */
WINBASEAPI BOOL WINAPI Heap32ListNext(HANDLE snapshot, LPHEAPLIST32 list);

/*
 * Tell the first block of a heap, as it is now.
 *
 * entry          dwSize set
 * process, heap  what HEAPLIST32 says
 *
 * Returns TRUE, or FALSE:
 *   ERROR_NO_MORE_FILES      there is no such heap, or it has no blocks
 *   ERROR_INVALID_PARAMETER  there is no such process
 *   ERROR_ACCESS_DENIED      another process
 *   ERROR_BAD_LENGTH         dwSize is too small
 *   ERROR_NOACCESS           `entry` cannot be written
 */
WINBASEAPI BOOL WINAPI Heap32First(LPHEAPENTRY32 entry, DWORD process, ULONG_PTR heap);

/*
 * Tell the block after *entry.
 *
 * Returns TRUE, or FALSE with the errors of Heap32First, and:
 *   ERROR_INVALID_DATA  *entry is no block of that heap, or is none any more
 */
WINBASEAPI BOOL WINAPI Heap32Next(LPHEAPENTRY32 entry);

/*
 * Copy memory of a process, all of it or nothing.
 *
 * process       its number; 0: this process
 * address       what to read
 * buffer, size  where to, and how many bytes
 * read          may be NULL; gets the bytes read
 *
 * Returns TRUE, or FALSE:
 *   ERROR_PARTIAL_COPY       not all of it can be read
 *   ERROR_NOACCESS           `buffer` or `read` cannot be written
 *   ERROR_INVALID_PARAMETER  there is no such process
 *   ERROR_ACCESS_DENIED      another process
 */
WINBASEAPI BOOL WINAPI Toolhelp32ReadProcessMemory(DWORD process, LPCVOID address, LPVOID buffer,
                                                   SIZE_T size, SIZE_T *read);

#ifdef __cplusplus
}
#endif

#endif
