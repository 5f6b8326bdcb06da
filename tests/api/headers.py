#!/usr/bin/env python3
"""Every header of include/ compiles alone and before others, in every dialect that sources use.

usage: headers.py INCLUDE COMPILER
"""
import pathlib
import shutil
import subprocess
import sys

STRICT = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
DIALECTS = {
    "C17": ["-x", "c", "-std=gnu17"],
    "strict C11": ["-x", "c", "-std=c11"],
    "C with 16-bit wchar_t and UNICODE": ["-x", "c", "-fshort-wchar", "-DUNICODE", "-D_UNICODE"],
    "C with STRICT handles": ["-x", "c", "-DSTRICT", "-DWIN32_LEAN_AND_MEAN", "-DNOMINMAX"],
    "C without statuses": ["-x", "c", "-DWIN32_NO_STATUS"],
    "C++": ["-x", "c++", "-std=c++17"],
    "C++ with 16-bit wchar_t": ["-x", "c++", "-fshort-wchar", "-DUNICODE"],
}

# Words of Microsoft's compiler and annotations that sources are written with.
SOURCE = """
#include <windows.h>
#include <psapi.h>
#include <winternl.h>
#include <ntstatus.h>
__declspec(thread) static int per_thread;
static __declspec(align(64)) unsigned char aligned[64];
__declspec(dllexport) __declspec(noinline) int WINAPI exported(void);
__declspec(noreturn) void __cdecl leave(void);
__declspec(allocator) __declspec(restrict) void *take(_In_ SIZE_T size);
static __forceinline unsigned __int64 twice(_In_ unsigned __int64 n) { return n * 2; }
typedef int(CALLBACK *callback)(_In_opt_ LPVOID context, _Out_writes_bytes_(n) LPBYTE out, DWORD n);
int WINAPI exported(VOID)
{
    BYTE block[8];
    LPCTSTR text = TEXT("text");
    HINSTANCE module = NULL;
    ZeroMemory(block, sizeof block);
    SecureZeroMemory(block, sizeof block);
    SecureZeroMemory2(block, sizeof block);
    CopyMemory(block, aligned, 4);
    FillMemory(block, 4, 'x');
    per_thread = (int)twice(STATUS_ACCESS_VIOLATION == (NTSTATUS)0xC0000005);
    return text && !module && per_thread && block[0] == LOBYTE(MAKEWORD(1, 2));
}
"""


def compiles(compiler, arguments, include, source):
    command = [compiler, *STRICT, *arguments, f"-I{include}", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def sources_of(include):
    yield "words of Microsoft's compiler", SOURCE
    for header in sorted(pathlib.Path(include).glob("*.h")):
        yield header.name, f"#include <{header.name}>\n#include <windows.h>\n#include <ntstatus.h>\n"


def main():
    include, given = sys.argv[1:3]
    compilers = [c for c in dict.fromkeys([given, "clang"]) if shutil.which(c)]
    passed = failed = 0
    for name, source in sources_of(include):
        for compiler in compilers:
            for dialect, arguments in DIALECTS.items():
                # gcc's C++ is a package of its own.
                if "C++" in dialect and "clang" not in compiler and not shutil.which("g++"):
                    continue
                good, why = compiles(compiler, arguments, include, source)
                passed, failed = passed + good, failed + (not good)
                if not good:
                    print(f"not ok - {name} with {compiler} as {dialect}\n{why}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
