#!/usr/bin/env python3
"""What `ntmm run` refuses: the exact exit status, one line that says what to do, nothing run.

usage: tests/tools/refusals.py BUILD [PART OF A NAME]...
"""
import os
import shutil
import struct

from tool_test import AS_NOBODY, Skip, main, one_line

OURS, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127
MARK = "must-not-run"


def refused(place, argv, status, *words, **more):
    """Run it; it must be refused with that status and a line that holds the words."""
    done = place.run(*argv, **more)
    what = f"{argv}: status {done.returncode}, {done.stderr.decode()!r}"
    assert done.returncode == status, what
    assert done.stdout == b"", f"{argv} wrote {done.stdout!r}"
    line = one_line(done.stderr)
    for word in words:
        assert word in line, f"no {word!r} in {line!r}"


def each_refused(place, options, *words):
    for option in options:
        refused(place, [*option, "--", "echo", MARK], OURS, *words)


# ---- options -----------------------------------------------------------------------------------

def no_program_is_refused(place):
    for argv in ([], ["--"], ["--ram", "64M"], ["--ram", "64M", "--"], [""], ["--", ""]):
        refused(place, argv, OURS, "no program")


def sizes_that_are_nonsense_are_refused(place):
    for size in ("banana", "", " ", "M", "1X", "64 M", "0x40000000", "1e9", "nan", "inf", "1.2.3M",
                 "64MM", "64Mi", "+64M", "６４M", "64M\n", "\x1b[31m", "--", ".", ".5M"):
        each_refused(place, [["--ram", size]], "--ram")
        each_refused(place, [["--ram", "64M", "--pagefile", size]], "--pagefile")
        each_refused(place, [["--commit-limit", size]], "--commit-limit")


def sizes_that_are_zero_or_tiny_are_refused(place):
    each_refused(place, [["--ram", s] for s in ("0", "0M", "1", "4095", "1M")], "at least 4M")
    each_refused(place, [["--commit-limit", s] for s in ("0", "4095")], "at least 4M")
    each_refused(place, [["--ram", "64M", "--pagefile", "1"]], "at least 1M")


def sizes_that_are_negative_are_refused(place):
    each_refused(place, [["--ram", "-5M"], ["--ram=-1"], ["--commit-limit", "-1G"],
                         ["--ram", "64M", "--pagefile", "-1"]], "negative")


def sizes_that_are_huge_are_refused(place):
    huge = ("129T", "1P", "99999P", "18446744073709551615", "18446744073709551616", "9" * 400)
    for size in huge:
        each_refused(place, [["--ram", size], ["--commit-limit", size],
                             ["--ram", "64M", "--pagefile", size]], "address space")
    each_refused(place, [["--ram", "127T"]], "more than this machine has")


def options_that_are_unknown_or_without_value_are_refused(place):
    refused(place, ["--ram"], OURS, "--ram needs a value")
    refused(place, ["--frobnicate", "echo", MARK], OURS, "--frobnicate", "--help")
    refused(place, ["-z", "echo", MARK], OURS, "-z", "--help")
    each_refused(place, [["--engine", "what"], ["--engine", ""], ["--engine", "FILE"]], "--engine")


def counts_and_intervals_that_make_no_sense_are_refused(place):
    counts = ("0", "-1", "x", "", "1.5", "99999999999999999999")
    each_refused(place, [["--fail-commit", c] for c in counts], "--fail-commit")
    intervals = ("0", "-1", "x", "", "nan", "inf", "1e99", "0.01")
    each_refused(place, [[f"--stats={i}"] for i in intervals], "--stats")


def words_of_the_page_heap_that_make_no_sense_are_refused(place):
    words = ("", "banana", "Full", "full,", ",full", "full,,backwards", "full,light", "light,random=5",
             "random", "random=", "random=-1", "random=101", "random=1000", "random=1.5", "random=x",
             "random= 5", "backwards,backwards", "backwards=1", "full " * 100, "\x1b[31m", "page")
    each_refused(place, [[f"--page-heap={w}"] for w in words], "--page-heap", "backwards")


def options_that_contradict_each_other_are_refused(place):
    each_refused(place, [["--pagefile", "1G"]], "--ram")
    each_refused(place, [["--hardened", "--page-heap"]], "--hardened", "--page-heap")
    each_refused(place, [["--hardened=yes"]])
    each_refused(place, [["--ram", "64M", "--pagefile", "1G", "--engine", "none"]], "--engine none")
    each_refused(place, [["--ram", "64M", "--pagefile", "0", "--engine", "file"],
                         ["--engine", "file"]], "--engine file")
    each_refused(place, [[*place.paged("64M", "64M"), "--commit-limit", "1G"],
                         ["--ram", "64M", "--pagefile", "0", "--commit-limit", "65M"]], "--pagefile")


def files_that_cannot_be_written_are_refused(place):
    each_refused(place, [["--json", "/nonexistent/x"], ["--json", "/"], ["--json", ""]], "--json")
    each_refused(place, [["-o", "/nonexistent/x"], ["--output", "/"], ["-o", "-"]], "--output")
    each_refused(place, [["--json", "-"]], "standard output is the program's own")


# ---- the page file's folder ---------------------------------------------------------------------

def page_file_folders_that_cannot_be_are_refused(place):
    plain = place.file("plain", b"x")
    for folder in ("/nonexistent", plain, "/dev/shm", "/proc", "/dev/null", "x" * 300):
        each_refused(place, [["--ram", "64M", "--pagefile", f"64M:{folder}"]], "page-file folder")
    each_refused(place, [["--ram", "64M", "--pagefile", "64M:"],
                         ["--ram", "64M", "--pagefile", "64M:" + "/" * 5000]], "name a folder")


def a_folder_that_a_user_may_not_write_to_is_refused(place):
    env = place.for_everybody()
    closed = place.folder("closed", 0o755)
    refused(place, ["--ram", "64M", "--pagefile", f"64M:{closed}", "echo", MARK], OURS,
            "you may not write there", before=AS_NOBODY, env=env)


def a_full_disk_is_refused(place):
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        raise Skip("needs root and mkfs.ext4")
    image, full = place.file("full.img"), place.folder("full")
    os.truncate(image, 8 << 20)
    script = (f"mkfs.ext4 -q -F {image} && mount -o loop {image} {full} && "
              f"exec {place.ntmm} run --ram 64M --pagefile 64M:{full} echo {MARK}")
    done = place.call(["unshare", "-m", "sh", "-c", script])
    if b"mount:" in done.stderr or b"losetup" in done.stderr:
        raise Skip("no loop device can be mounted here")
    assert done.returncode == OURS and b"no space left" in done.stderr, done.stderr
    assert done.stdout == b"", done.stdout


# ---- programs -----------------------------------------------------------------------------------

def programs_that_do_not_exist_are_not_found(place):
    for name in ("/nonexistent/program", "no-such-program", "./nothing", f"{place.file('f')}/x"):
        refused(place, [name], NOT_FOUND, "not found")


def things_that_are_no_programs_cannot_be_executed(place):
    refused(place, ["/tmp"], CANNOT_EXECUTE, "is a folder")
    refused(place, ["/dev/null"], CANNOT_EXECUTE, "not executable")
    refused(place, [place.file("data", b"#!/bin/sh\n")], CANNOT_EXECUTE, "not executable")
    junk = place.file("junk", b"\0\1\2\3junk", 0o755)
    refused(place, [junk], CANNOT_EXECUTE, "neither a program nor a script")
    refused(place, ["x" * 5000], CANNOT_EXECUTE, "too long")


def a_program_without_a_path_is_searched_as_execvp_does(place):
    folder = place.folder("path")
    (folder / "thing").write_bytes(b"#!/bin/sh\necho ran\n")
    env = {**place.env, "PATH": f"{folder}:/usr/bin:/bin"}
    refused(place, ["thing"], CANNOT_EXECUTE, "not executable", env=env)
    (folder / "thing").chmod(0o755)
    done = place.run("-q", "thing", env=env)
    assert done.stdout == b"ran\n", done


def static_programs_cannot_be_executed(place):
    static = place.compile("static", "int main(void) { return 0; }", "-static")
    refused(place, [static], CANNOT_EXECUTE, "statically linked")
    pie = place.compile("static-pie", "int main(void) { return 0; }", "-static-pie")
    refused(place, [pie], CANNOT_EXECUTE, "statically linked")
    script = place.file("static-script", f"#!{static}\n".encode(), 0o755)
    refused(place, [script], CANNOT_EXECUTE, "statically linked")


def a_static_go_program_is_called_by_its_name(place):
    source = ('void _start(void) { for (;;) ; }\n'
              '__asm__(".section .note.go.buildid,\\"a\\",@note\\n.long 4,4,4\\n'
              '.asciz \\"Go\\"\\n.byte 0\\n.asciz \\"abc\\"");')
    go = place.compile("go", source, "-static", "-nostdlib", "-Wl,--build-id=none")
    refused(place, [go], CANNOT_EXECUTE, "Go program")


def set_uid_programs_cannot_be_executed(place):
    env = place.for_everybody()
    other = place.file("set-uid", open("/bin/true", "rb").read())
    for mode in (0o4755, 0o2755, 0o6755):
        os.chmod(other, mode)
        refused(place, [other], CANNOT_EXECUTE, "set-uid", before=AS_NOBODY, env=env)
    os.chmod(other, 0o755)
    done = place.run("-q", other, before=AS_NOBODY, env=env)
    assert done.returncode == 0, done.stderr


def programs_with_capabilities_cannot_be_executed(place):
    env = place.for_everybody()
    other = place.file("capable", open("/bin/true", "rb").read(), 0o755)
    magic = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service, effective
    try:
        os.setxattr(other, "security.capability", magic)
    except OSError as why:
        raise Skip(f"no file capabilities here: {why}") from why
    refused(place, [other], CANNOT_EXECUTE, "capabilities", before=AS_NOBODY, env=env)


def patched(place, name, at, value):
    """A copy of /bin/true with some bytes changed."""
    content = bytearray(open("/bin/true", "rb").read())
    content[at:at + len(value)] = value
    return place.file(name, bytes(content), 0o755)


def programs_of_other_machines_cannot_be_executed(place):
    refused(place, [patched(place, "elf32", 4, b"\1")], CANNOT_EXECUTE, "32-bit")
    refused(place, [patched(place, "big-endian", 5, b"\2")], CANNOT_EXECUTE, "foreign")
    refused(place, [patched(place, "s390", 18, b"\x16\0")], CANNOT_EXECUTE, "another kind of machine")
    refused(place, [patched(place, "object", 16, b"\1\0")], CANNOT_EXECUTE, "no program")


def damaged_programs_cannot_be_executed(place):
    cut = place.file("cut", open("/bin/true", "rb").read()[:100], 0o755)
    refused(place, [cut], CANNOT_EXECUTE, "damaged")
    refused(place, [patched(place, "phentsize", 54, b"\0\0")], CANNOT_EXECUTE, "damaged")
    refused(place, [patched(place, "phoff", 32, b"\xff" * 8)], CANNOT_EXECUTE, "damaged")
    refused(place, [patched(place, "no-headers", 56, b"\0\0")], CANNOT_EXECUTE, "statically")
    tiny = place.file("tiny", b"\x7fELF", 0o755)
    refused(place, [tiny], CANNOT_EXECUTE, "damaged")


def scripts_whose_interpreter_is_missing_cannot_be_executed(place):
    missing = place.file("missing", b"#!/nonexistent/interpreter -x\n", 0o755)
    refused(place, [missing], CANNOT_EXECUTE, "/nonexistent/interpreter", "install it")
    refused(place, [place.file("nameless", b"#!  \n", 0o755)], CANNOT_EXECUTE, "no interpreter")
    refused(place, [place.file("endless", b"#!" + b"x" * 600, 0o755)], CANNOT_EXECUTE, "interpreter")
    loop = place.home / "loop"
    place.file("loop", f"#!{loop}\n".encode(), 0o755)
    refused(place, [loop], CANNOT_EXECUTE, "name each other")


def messages_carry_no_control_characters(place):
    done = place.run("/nonexistent/\x1b[31mred\nline")
    assert done.returncode == NOT_FOUND, done
    assert b"\x1b" not in done.stderr and done.stderr.count(b"\n") == 1, done.stderr


if __name__ == "__main__":
    found = [f for n, f in list(globals().items())
             if callable(f) and getattr(f, "__module__", "") == "__main__"
             and n not in ("refused", "each_refused", "patched")]
    main(found, __doc__)
