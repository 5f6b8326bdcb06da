#!/usr/bin/env python3
"""Fail if a file knows what its layer must not know.

MAY_INCLUDE is the architecture: a folder of src/ may include itself and what it lists, nothing
else.  A header named *_internal.h belongs to its own folder alone.  Outside src/, tools, examples
and tests/api see the public headers only.  Inside src/, nothing calls malloc, stdio or libc's
wrappers of the memory calls: the library may be malloc, and preload/ stands in front of those.

usage: scripts/check_layers.py [ROOT]
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "base":    [],
    "os":      ["base"],
    "stats":   ["base", "os"],
    "vm":      ["base", "os", "stats"],
    "pager":   ["base", "os", "stats", "vm"],
    "heap":    ["base", "os", "stats", "vm", "pager"],
    "global":  ["base", "os", "stats", "vm", "pager", "heap"],
    "except":  ["base", "os", "stats", "vm"],
    "lookaside": ["base", "os", "heap"],
    "crt":     ["base", "os", "vm", "heap"],
    "debugheap": ["base", "os", "heap", "crt"],
    "inspect": ["base", "os", "stats", "vm", "pager"],
    "process": ["base", "os", "stats", "vm", "pager", "heap", "global", "except", "lookaside",
                "debugheap", "inspect"],
    "api":     ["base", "os", "stats", "vm", "pager", "heap", "global", "except", "lookaside", "crt",
                "debugheap", "inspect", "process"],
}
LAYERS = set(MAY_INCLUDE)

# Constants and types: every layer above os.
WINDOWS_TYPES = {"basetsd.h", "minwindef.h", "ntdef.h", "winnt.h", "ntstatus.h", "winerror.h"}
KERNEL = re.compile(
    r"^(sys/(mman|syscall|ioctl|ucontext|ptrace|wait|resource|prctl)|linux/.*|asm/.*|"
    r"ucontext|signal|fcntl|unistd|sched|poll|execinfo)\.h$")
# except/ turns signal frames into Windows' CONTEXT: it reads these types and calls nothing of them.
KERNEL_TYPES = {"except": {"signal.h", "ucontext.h"}}

# Called by name in src/: the library's own memory and text come from base/ and os/.
FORBIDDEN_CALLS = (
    "malloc calloc realloc reallocarray free posix_memalign aligned_alloc strdup strndup "
    "printf fprintf sprintf snprintf vprintf vfprintf vsnprintf dprintf asprintf puts fputs "
    "perror fopen fdopen fclose fread fwrite fgets scanf sscanf strerror strerror_r "
    "setenv putenv unsetenv alloca "
    "mmap mmap64 munmap mprotect mremap madvise sigaction").split()
FORBIDDEN_ABOVE_OS = "getenv secure_getenv syscall".split()
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(FORBIDDEN_CALLS + FORBIDDEN_ABOVE_OS))

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """Keep the newlines of a comment or string, so that line numbers stay right."""
    return "\n" * match.group().count("\n") or " "


def windows_header(name, public):
    return name in public and name not in WINDOWS_TYPES and not name.startswith("ntmm/")


def bad_include_in_src(layer, kind, name, public):
    top = name.split("/")[0] if "/" in name else None
    if top in LAYERS and top != layer:
        if top not in MAY_INCLUDE[layer]:
            return f"{layer}/ may not include {top}/"
        if name.endswith("_internal.h"):
            return f"{name} is private to {top}/"
    if top == "tools" or top == "preload":
        return f"src/ may not include {top}/"
    if layer == "base" and (top in LAYERS - {"base"} or name in public):
        return "base/ includes nothing"
    if windows_header(name, public) and layer != "api":
        return "only api/ may include a header that declares public calls"
    if name in WINDOWS_TYPES and layer in ("base", "os"):
        return f"{layer}/ knows nothing of Windows"
    if KERNEL.match(name) and layer != "os" and name not in KERNEL_TYPES.get(layer, ()):
        return "only os/ may include kernel headers"
    return None


def bad_include_outside(where, path, kind, name, root):
    """tools, examples and tests/api: public headers and their own neighbours only."""
    if kind == "<" and not (root / "src" / name).exists():
        return None
    neighbour = (path.parent / name).resolve()
    if (root / "src").resolve() in neighbour.parents:
        return f"{where}/ may not reach into src/"
    top = name.split("/")[0] if "/" in name else None
    known_here = neighbour.exists() or (root / where / name).exists()
    if (top in LAYERS or (root / "src" / name).exists()) and not known_here:
        return f"{where}/ sees include/ only, not src/{name}"
    return None


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def forbidden_calls(path, layer):
    text = COMMENT_OR_STRING.sub(blank, path.read_text(errors="replace"))
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for match in CALL.finditer(line):
            call = match.group(1)
            if call in FORBIDDEN_ABOVE_OS and layer == "os":
                continue
            yield number, f"{call}() is not called by name in src/"


def violations(root):
    include = root / "include"
    public = {str(p.relative_to(include)) for p in include.rglob("*.h")}
    files = 0
    for path in sorted((root / "src").rglob("*.[ch]")):
        files += 1
        layer = path.relative_to(root / "src").parts[0]
        if layer not in LAYERS:
            yield path, 1, f"src/{layer}/ is not in the table of scripts/check_layers.py"
            continue
        for number, kind, name in includes(path):
            bad = bad_include_in_src(layer, kind, name, public)
            if bad:
                yield path, number, bad
        for number, bad in forbidden_calls(path, layer):
            yield path, number, bad
    for where in ("tools", "examples", "tests/api"):
        for path in sorted((root / where).rglob("*.[ch]")):
            files += 1
            for number, kind, name in includes(path):
                bad = bad_include_outside(where, path, kind, name, root)
                if bad:
                    yield path, number, bad
    if not files:
        yield root, 0, "no C file found: wrong folder?"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(violations(root))
    for path, number, bad in found:
        print(f"{path}:{number}: {bad}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
