/*
 * basetsd.h - integer types of a stated width, and integers as wide as a pointer.
 *
 * On Windows `long` has 32 bits and on Linux it has 64, so no type here is built from it but the
 * pointer-wide ones: SIZE_T, ULONG_PTR and UINT_PTR are the same type as size_t and uintptr_t, as
 * they are on Windows, so that sources may mix them and print them with %zu.
 */
#ifndef _BASETSD_H_
#define _BASETSD_H_

/* The sized integers that Microsoft's compiler has built in. */
#ifndef _MSC_VER
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define POINTER_32
#define POINTER_64

typedef signed char INT8, *PINT8;
typedef signed short INT16, *PINT16;
typedef signed int INT32, *PINT32;
typedef signed long long INT64, *PINT64;
typedef unsigned char UINT8, *PUINT8;
typedef unsigned short UINT16, *PUINT16;
typedef unsigned int UINT32, *PUINT32;
typedef unsigned long long UINT64, *PUINT64;

typedef signed int LONG32, *PLONG32;
typedef unsigned int ULONG32, *PULONG32;
typedef unsigned int DWORD32, *PDWORD32;
typedef long long LONG64, *PLONG64;
typedef unsigned long long ULONG64, *PULONG64;
typedef unsigned long long DWORD64, *PDWORD64;

typedef __INTPTR_TYPE__ INT_PTR, *PINT_PTR;
typedef __UINTPTR_TYPE__ UINT_PTR, *PUINT_PTR;
typedef __INTPTR_TYPE__ LONG_PTR, *PLONG_PTR;
typedef __UINTPTR_TYPE__ ULONG_PTR, *PULONG_PTR;
typedef ULONG_PTR DWORD_PTR, *PDWORD_PTR;
typedef ULONG_PTR SIZE_T, *PSIZE_T;
typedef LONG_PTR SSIZE_T, *PSSIZE_T;
typedef ULONG_PTR KAFFINITY, *PKAFFINITY;

typedef int HALF_PTR, *PHALF_PTR;
typedef unsigned int UHALF_PTR, *PUHALF_PTR;

#define MAXUINT_PTR (~(UINT_PTR)0)
#define MAXINT_PTR ((INT_PTR)(MAXUINT_PTR >> 1))
#define MININT_PTR (~MAXINT_PTR)
#define MAXULONG_PTR (~(ULONG_PTR)0)
#define MAXLONG_PTR ((LONG_PTR)(MAXULONG_PTR >> 1))
#define MINLONG_PTR (~MAXLONG_PTR)
#define MAXSIZE_T (~(SIZE_T)0)
#define MAXSSIZE_T ((SSIZE_T)(MAXSIZE_T >> 1))
#define MINSSIZE_T (~MAXSSIZE_T)
#define MAXUINT8 ((UINT8) ~(UINT8)0)
#define MAXUINT16 ((UINT16) ~(UINT16)0)
#define MAXUINT32 ((UINT32) ~(UINT32)0)
#define MAXUINT64 ((UINT64) ~(UINT64)0)
#define MAXULONG32 ((ULONG32) ~(ULONG32)0)
#define MAXULONG64 ((ULONG64) ~(ULONG64)0)

#define HandleToULong(h) ((ULONG)(ULONG_PTR)(h))
#define HandleToLong(h) ((LONG)(LONG_PTR)(h))
#define ULongToHandle(ul) ((HANDLE)(ULONG_PTR)(ul))
#define LongToHandle(l) ((HANDLE)(LONG_PTR)(l))
#define PtrToUlong(p) ((ULONG)(ULONG_PTR)(p))
#define PtrToLong(p) ((LONG)(LONG_PTR)(p))
#define PtrToUint(p) ((UINT)(UINT_PTR)(p))
#define PtrToInt(p) ((INT)(INT_PTR)(p))
#define UlongToPtr(ul) ((VOID *)(ULONG_PTR)(ul))
#define LongToPtr(l) ((VOID *)(LONG_PTR)(l))
#define UIntToPtr(ui) ((VOID *)(UINT_PTR)(ui))
#define IntToPtr(i) ((VOID *)(INT_PTR)(i))

#ifdef __cplusplus
}
#endif

#endif
