#!/usr/bin/env python3
"""What happens when the page file fails a program: a clear error, and nothing else lost.

usage: tests/tools/page_file_failures.py BUILD [PART OF A NAME]...
"""
import json
import os
import pathlib
import shutil

from tool_test import Skip, main

PYTHON = "/usr/bin/python3"

# A file that cannot be changed fails the loop device on it: every write as a whole, and no read.
FAIL = """
import fcntl, os, struct
def fail(disk, on):
    fd = os.open(disk, os.O_RDONLY)
    flags, = struct.unpack("=q", fcntl.ioctl(fd, 0x80086601, bytes(8)))
    fcntl.ioctl(fd, 0x40086602, struct.pack("=q", flags | 0x10 if on else flags & ~0x10))
    os.close(fd)
"""

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

# A little memory in each of many places, as much as a disk holds: what is set aside ahead of need in
# one place must not be refused to another.
SMALL_DISK = """
import ctypes, os, sys
MIB = 1 << 20
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
expected = ctypes.create_string_buffer(MIB)
stat = os.statvfs(sys.argv[1])
free = stat.f_bavail * stat.f_frsize // MIB
places = [libc.mmap(None, 256 * MIB, 0, 0x4022, -1, 0) for i in range(200)]
taken = []
for i, place in enumerate(places):
    if libc.mprotect(place, MIB, 3):
        break
    ctypes.memset(place, i + 1, MIB)
    taken.append(place)
if len(taken) == 200 or len(taken) * 100 < free * 85:
    sys.exit(f"{len(taken)} MiB committed of {free} MiB free")
for i, place in enumerate(taken):
    ctypes.memset(expected, i + 1, MIB)
    if libc.memcmp(place, expected, MIB):
        sys.exit(f"place {i} is not as written")
print("intact")
"""

# The disk below the page file's file system fails some writes for a while, then every one.  Its metadata is
# written before, and the while is short, so that none of it is lost: that would be the file system's end.
FAILING = FAIL + BLOCKS + """
import threading, time
folder, disk = sys.argv[1:3]
turn = 1
def turns_until(end):
    global turn
    while time.monotonic() < end:
        turn += 1
        rewrite(turn)
        verify(turn)
def flicker(end):
    while time.monotonic() < end:
        fail(disk, True)
        time.sleep(0.001)
        fail(disk, False)
        time.sleep(0.03)
commit(56)
rewrite(turn)
os.sync()
now = time.monotonic()
flickering = threading.Thread(target=flicker, args=[now + 6])
flickering.start()
turns_until(now + 6)
flickering.join()
fail(disk, True)
turns_until(time.monotonic() + 2)
fail(disk, False)
turns_until(time.monotonic() + 2)
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


# A small disk in a mount namespace of its own: it goes when the command ends, however it ends.
MOUNT = """
disk=$1 folder=$2 size=$3; shift 3
truncate -s "$size" "$disk" && mkfs.ext4 -q -F -m 0 -O ^has_journal "$disk" &&
mount -o loop "$disk" "$folder" && chmod 777 "$folder" && exec "$@"
exit 99
"""


def small_disk(place, size):
    """What to run before a command so that it finds a disk: (the words, its folder, its file)."""
    if os.geteuid() != 0:
        raise Skip("needs root, to mount a small disk")
    if not shutil.which("mkfs.ext4"):
        raise Skip("mkfs.ext4 is not here")
    disk = place.home / "small"
    folder = place.folder("small.d")
    words = ["unshare", "-m", "sh", "-c", MOUNT, "sh", disk, folder, size]
    if place.call([*words, "true"]).returncode:
        raise Skip("no loop device can be mounted here")
    return words, folder, disk


def a_small_disk_is_used_up_before_memory_is_refused(place):
    words, folder, _ = small_disk(place, "96M")
    intact(place.run("-q", *place.paged(ram="16M", size="1G", folder=folder), PYTHON, "-c",
                     SMALL_DISK, folder, before=words))


def kernel_takes_pages():
    """Whether DAMON reclaims what it thinks idle: also a page whose write has just failed, before we
    hear of it.  Traces showed it; it takes a busy machine, and one run in ten."""
    daemons = list(pathlib.Path("/sys/kernel/mm/damon/admin/kdamonds").glob("[0-9]*"))
    return any((d / "state").read_text().strip() == "on" and
               any(a.read_text().strip() == "pageout" for a in d.glob("contexts/*/schemes/*/action"))
               for d in daemons)


def a_disk_that_fails_every_write_for_a_while_loses_nothing(place):
    words, folder, disk = small_disk(place, "160M")
    report = place.home / "failing.json"
    tools = {}
    exec(FAIL, tools)
    try:
        tools["fail"](disk, True)
        tools["fail"](disk, False)
    except OSError as why:
        raise Skip("writes to a disk cannot be made to fail here: " + str(why)) from why
    try:
        for tries in range(2):
            done = place.run("-q", "--json", report, *place.paged(ram="24M", folder=folder), PYTHON,
                             "-c", FAILING, folder, disk, before=words)
            if tries or b"is not as written" not in done.stderr or not kernel_takes_pages():
                break
            print("# once more: the kernel takes pages away by itself here (DAMON), failed ones too")
        intact(done)
    finally:
        tools["fail"](disk, False)
    errors = find(json.loads(report.read_text()), "write_errors")
    assert errors and errors > 0, f"write_errors is {errors}"


def a_page_that_cannot_be_read_back_is_an_in_page_error(place):
    words, folder, disk = small_disk(place, "192M")
    cut = 'cp /bin/sh "$1/f"; sync; truncate -s 1M "$2";' \
          'dd if="$1/f" of=/dev/null iflag=direct'
    if place.call([*words, "sh", "-c", cut, "sh", folder, disk]).returncode == 0:
        raise Skip("a loop device that is cut short reads as zeros here")
    env = {**place.env, "NTMM_RAM": str(24 << 20), "NTMM_PAGEFILE": str(256 << 20),
           "NTMM_PAGEFILE_DIR": str(folder), "NTMM_PROBED": "wc"}
    done = place.call([*words, place.build / "tests" / "tools" / "tools_unreadable",
                       disk], env=env)
    assert done.returncode == 0, f"status {done.returncode}: {done.stdout!r} {done.stderr[-600:]!r}"


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
          a_small_disk_is_used_up_before_memory_is_refused,
          a_disk_that_fails_every_write_for_a_while_loses_nothing,
          a_page_that_cannot_be_read_back_is_an_in_page_error,
          writes_that_fail_are_counted_and_lose_nothing], __doc__)
