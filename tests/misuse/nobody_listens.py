#!/usr/bin/env python3
"""A report that cannot be written keeps nothing from ending: standard error full, or closed.

usage: nobody_listens.py PROGRAM      one that ends by SIGSEGV with a report
"""
import os
import signal
import subprocess
import sys
import time

SECONDS = 20


def full_pipe():
    """The writing end of a pipe that takes no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def ends(command, stderr):
    start = time.monotonic()
    status = subprocess.run(command, stderr=stderr, timeout=SECONDS).returncode
    return status == -signal.SIGSEGV and time.monotonic() - start < SECONDS / 2


def main():
    program = os.path.abspath(sys.argv[1])
    reader, writer = full_pipe()
    tests = {
        "a full pipe delays the end by seconds at most": ends([program], writer),
        "without standard error the process ends as ever":
            ends(["sh", "-c", 'exec "$0" 2>&-', program], subprocess.DEVNULL),
    }
    os.close(reader)
    for number, (sentence, passed) in enumerate(tests.items(), 1):
        print(f"{'ok' if passed else 'not ok'} {number} - {sentence}")
    failed = list(tests.values()).count(False)
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
