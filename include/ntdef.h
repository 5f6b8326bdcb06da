/*
 * ntdef.h - the words and the basic types that every other header is written in.
 *
 * DWORD, LONG and ULONG have 32 bits as on Windows, so they are `int` here.  WCHAR has 16; it is
 * wchar_t where the compiler is told -fshort-wchar, and then L"" literals fit the W functions.
 */
#ifndef _NTDEF_
#define _NTDEF_

#include <basetsd.h>
#include <sal.h>
#include <stddef.h>

/* ---- calling conventions and declaration words ------------------------------------------ */

/* Linux has one calling convention; the words are accepted and mean it. */
#ifndef _MSC_VER
#define __stdcall
#define __cdecl
#define __fastcall
#define __thiscall
#define __vectorcall
#define _cdecl
#define _stdcall
#define __forceinline inline __attribute__((__always_inline__))
#define __unaligned
#define __ptr32
#define __ptr64
#define __w64
#endif

/* __declspec(word): each word Microsoft's compiler knows, as the attribute that means the same. */
#if !defined(_MSC_VER)
#undef __declspec
#define __declspec(word) __ntmm_declspec_##word
#define __ntmm_declspec_align(n) __attribute__((__aligned__(n)))
#define __ntmm_declspec_allocate(section_name) __attribute__((__section__(section_name)))
#define __ntmm_declspec_allocator
#define __ntmm_declspec_code_seg(section_name) __attribute__((__section__(section_name)))
#define __ntmm_declspec_deprecated __attribute__((__deprecated__))
#define __ntmm_declspec_dllexport __attribute__((__visibility__("default")))
#define __ntmm_declspec_dllimport __attribute__((__visibility__("default")))
#define __ntmm_declspec_guard(kind)
#define __ntmm_declspec_naked __attribute__((__naked__))
#define __ntmm_declspec_noalias
#define __ntmm_declspec_noinline __attribute__((__noinline__))
#define __ntmm_declspec_noreturn __attribute__((__noreturn__))
#define __ntmm_declspec_nothrow __attribute__((__nothrow__))
#define __ntmm_declspec_novtable
#define __ntmm_declspec_property(accessors)
#define __ntmm_declspec_restrict __attribute__((__malloc__))
#define __ntmm_declspec_selectany __attribute__((__weak__))
#define __ntmm_declspec_spectre(mode)
#define __ntmm_declspec_uuid(id)
#ifdef __cplusplus
#define __ntmm_declspec_thread thread_local
#else
#define __ntmm_declspec_thread _Thread_local
#endif
#endif

#define NTAPI __stdcall
#define FASTCALL __fastcall
#define DECLSPEC_IMPORT __declspec(dllimport)
#define DECLSPEC_EXPORT __declspec(dllexport)
#define DECLSPEC_NORETURN __declspec(noreturn)
#define DECLSPEC_NOINLINE __declspec(noinline)
#define DECLSPEC_ALIGN(n) __attribute__((__aligned__(n)))
#define DECLSPEC_SELECTANY __declspec(selectany)
#define DECLSPEC_ALLOCATOR __declspec(allocator)
#define DECLSPEC_DEPRECATED __declspec(deprecated)
#define NTSYSAPI DECLSPEC_IMPORT
#define NTSYSCALLAPI DECLSPEC_IMPORT
#define FORCEINLINE __forceinline
#define CFORCEINLINE FORCEINLINE
#define UNALIGNED
#define RESTRICTED_POINTER __restrict__
#define CONST const
#define DUMMYUNIONNAME
#define DUMMYUNIONNAME2
#define DUMMYSTRUCTNAME
#define DUMMYSTRUCTNAME2

#ifdef __cplusplus
#define EXTERN_C extern "C"
#define EXTERN_C_START extern "C" {
#define EXTERN_C_END }
#else
#define EXTERN_C extern
#define EXTERN_C_START
#define EXTERN_C_END
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ----------------------------------------------------------------------------------- */

#define VOID void
typedef void *PVOID, *PVOID64;
typedef char CHAR, CCHAR, *PCHAR, *LPCH, *PCH, *PCCHAR;
typedef signed char SCHAR, *PSCHAR;
typedef short SHORT, *PSHORT;
typedef int LONG, *PLONG;
typedef int INT, *PINT;
typedef unsigned char UCHAR, *PUCHAR, BOOLEAN, *PBOOLEAN;
typedef unsigned short USHORT, *PUSHORT;
typedef unsigned int ULONG, *PULONG;
typedef unsigned int UINT, *PUINT;
typedef long long LONGLONG, *PLONGLONG;
typedef unsigned long long ULONGLONG, DWORDLONG, *PULONGLONG, *PDWORDLONG;
typedef unsigned char BYTE, *PBYTE, *LPBYTE;
typedef unsigned short WORD, *PWORD, *LPWORD;
typedef unsigned int DWORD, *PDWORD, *LPDWORD;
typedef int BOOL, *PBOOL, *LPBOOL;
typedef void *HANDLE, **PHANDLE;
typedef BYTE FCHAR;
typedef WORD FSHORT;
typedef DWORD FLONG;

/* The result of a native call: negative for errors and warnings. */
typedef LONG NTSTATUS, *PNTSTATUS;

#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#elif defined(__cplusplus)
typedef char16_t WCHAR;
#else
typedef unsigned short WCHAR;
#endif
typedef WCHAR *PWCHAR, *LPWCH, *PWCH, *NWPSTR, *LPWSTR, *PWSTR;
typedef const WCHAR *LPCWCH, *PCWCH, *LPCWSTR, *PCWSTR, *LPCWCHAR;
typedef CHAR *NPSTR, *LPSTR, *PSTR;
typedef const CHAR *LPCCH, *PCCH, *LPCSTR, *PCSTR;

typedef union _LARGE_INTEGER {
    struct {
        DWORD LowPart;
        LONG HighPart;
    };
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct {
        DWORD LowPart;
        DWORD HighPart;
    };
    struct {
        DWORD LowPart;
        DWORD HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _LUID {
    DWORD LowPart;
    LONG HighPart;
} LUID, *PLUID;

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

/* A counted string; Length and MaximumLength are bytes. */
typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

typedef struct _STRING {
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING;

typedef struct _OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    PUNICODE_STRING ObjectName;
    ULONG Attributes;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;

#define OBJ_INHERIT 0x00000002
#define OBJ_PERMANENT 0x00000010
#define OBJ_EXCLUSIVE 0x00000020
#define OBJ_CASE_INSENSITIVE 0x00000040
#define OBJ_OPENIF 0x00000080
#define OBJ_OPENLINK 0x00000100
#define OBJ_KERNEL_HANDLE 0x00000200

#define NT_SUCCESS(status) (((NTSTATUS)(status)) >= 0)
#define NT_INFORMATION(status) ((((ULONG)(status)) >> 30) == 1)
#define NT_WARNING(status) ((((ULONG)(status)) >> 30) == 2)
#define NT_ERROR(status) ((((ULONG)(status)) >> 30) == 3)

#define MINCHAR 0x80
#define MAXCHAR 0x7f
#define MINSHORT 0x8000
#define MAXSHORT 0x7fff
#define MINLONG 0x80000000
#define MAXLONG 0x7fffffff
#define MAXUCHAR 0xff
#define MAXUSHORT 0xffff
#define MAXULONG 0xffffffff

#define ANYSIZE_ARRAY 1
#define UNREFERENCED_PARAMETER(p) ((void)(p))
#define FIELD_OFFSET(type, field) ((LONG)offsetof(type, field))
#define RTL_FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#define RTL_NUMBER_OF(a) (sizeof(a) / sizeof((a)[0]))
#define ARRAYSIZE(a) RTL_NUMBER_OF(a)
#define CONTAINING_RECORD(address, type, field) ((type *)((PCHAR)(address)-offsetof(type, field)))

#ifdef __cplusplus
}
#endif

#endif
