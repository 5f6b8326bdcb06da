#!/usr/bin/env python3
"""What happens when the page file fails a program: a clear error, and nothing else lost.

usage: tests/tools/page_file_failures.py BUILD [PART OF A NAME]...
"""
import json
import os
import shutil

from tool_test import Skip, main

PYTHON = "/usr/bin/python3"

# Blocks that differ everywhere, written and verified in turns; each turn writes other contents.
BLOCKS = """
import os, subprocess, sys
MIB = 1 << 20
patterns = [bytes((j * 7 + j // 251 + i * 31 + 1) % 255 + 1 for j in range(4096)) * 256
            for i in range(5)]
blocks = []
def verify(turn):
    for i, b in enumerate(blocks):
        if b != patterns[(i + turn) % 5]:
            sys.exit(f"block {i} is not as written")
def rewrite(turn):
    for i, b in enumerate(blocks):
        memoryview(b)[:] = patterns[(i + turn) % 5]  # a slice of b would take memory first
def commit(count):
    for i in range(len(blocks), len(blocks) + count):
        blocks.append(bytearray(patterns[i % 5]))
"""

FULL = BLOCKS + """
try:
    while len(blocks) < 1000:
        commit(1)
    sys.exit("there was no limit")
except MemoryError:
    blocks.pop() # for the interpreter's own needs
for turn in (0, 1, 2):
    if turn:
        rewrite(turn)
    verify(turn)
print("intact")
"""

DISK_FULL = BLOCKS + """
try:
    commit(40)
except MemoryError:
    stat = os.statvfs(sys.argv[1])
    sys.exit(f'{len(blocks)} MiB committed, {stat.f_bavail * stat.f_frsize >> 20} MiB free')
rewrite(1)
verify(1)
fill = subprocess.run(["/bin/dd", "if=/dev/zero", "of=" + sys.argv[1] + "/filler", "bs=64k"],
                      env={}, stderr=subprocess.DEVNULL)
stat = os.statvfs(sys.argv[1])
if fill.returncode == 0 or stat.f_bavail * stat.f_frsize > MIB:
    sys.exit("the disk is not full")
for turn in range(2, 8):
    rewrite(turn)
    verify(turn)
try:
    kept = [bytearray(16 * MIB) for i in range(16)]
    sys.exit("a full disk took another 256 MiB")
except MemoryError:
    pass
verify(7)
print("intact")
"""

STREAM = BLOCKS + """
commit(64)
for turn in (1, 2):
    rewrite(turn)
    verify(turn)
print("intact")
"""


def intact(done):
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr[-600:]!r}"
    assert done.stdout == b"intact\n", f"{done.stdout!r} {done.stderr[-600:]!r}"


def find(report, name):
    """The value of a counter, wherever in the report it stands."""
    if isinstance(report, dict):
        if name in report:
            return report[name]
        report = list(report.values())
    found = (find(part, name) for part in report) if isinstance(report, list) else ()
    return next((value for value in found if value is not None), None)


def a_full_page_file_refuses_memory_and_keeps_all_there_is(place):
    intact(place.run("-q", *place.paged(ram="24M", size="64M"), PYTHON, "-c", FULL))


def a_disk_that_fills_up_later_costs_nothing_that_was_committed(place):
    if os.geteuid() != 0:
        raise Skip("needs root, to mount a small disk")
    image = place.home / "disk"
    folder = place.folder("disk.d")
    with open(image, "wb") as file:
        file.truncate(192 << 20)
    if place.call(["mkfs.ext4", "-q", "-F", "-m", "0", image]).returncode:
        raise Skip("mkfs.ext4 is not here")
    mount = ["unshare", "-m", "sh", "-c", 'mount -o loop "$1" "$2" || exit 99; shift 2; "$@"', "sh",
             image, folder]
    if place.call([*mount, "true"]).returncode:
        raise Skip("no loop device can be mounted here")
    intact(place.run("-q", *place.paged(ram="16M", size="1G", folder=folder), PYTHON, "-c",
                     DISK_FULL, folder, before=mount))


def writes_that_fail_are_counted_and_lose_nothing(place):
    if not shutil.which("strace"):
        raise Skip("strace is not here")
    report = place.home / "errors.json"
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sync_file_range", "-e",
             "inject=sync_file_range:error=EIO:when=50+200"]
    if place.call([*trace, "true"]).returncode:
        raise Skip("strace may not trace here")
    intact(place.run("-q", "--json", report, *place.paged(ram="24M"), PYTHON, "-c", STREAM,
                     before=trace))
    errors = find(json.loads(report.read_text()), "write_errors")
    assert errors and errors > 0, f"write_errors is {errors}"


if __name__ == "__main__":
    main([a_full_page_file_refuses_memory_and_keeps_all_there_is,
          a_disk_that_fills_up_later_costs_nothing_that_was_committed,
          writes_that_fail_are_counted_and_lose_nothing], __doc__)
