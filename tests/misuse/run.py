#!/usr/bin/env python3
"""Run a program that misuses memory, and compare its end with what its source promises.

In the first comment of the source:

    exit: SIGSEGV      the signal that ends it, or a number: the exit status
    report: TEXT       a part of standard error; several, in this order
    output: TEXT       a part of standard output
    absent: TEXT       not in standard error
    once: TEXT         exactly once in standard error
    heap: WORDS        run it on our malloc with NTMM_HEAP=WORDS

A report is one screen: at most 30 lines of at most 120 columns.

usage: run.py SOURCE PROGRAM [PRELOAD]
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

LINES = 30
COLUMNS = 120
SECONDS = 60


def promises(source):
    comment = source.read_text().split("*/")[0]
    return re.findall(r"^ \* (exit|report|output|absent|once|heap): (.*)$", comment, re.M)


def status_name(status):
    return signal.Signals(-status).name if status < 0 else str(status)


def environment(wanted):
    heap = [text for kind, text in wanted if kind == "heap"]
    if not heap:
        return None
    return {**os.environ, "NTMM_HEAP": heap[0], "LD_PRELOAD": os.path.abspath(sys.argv[3])}


def missing(parts, text):
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return part
        at = found + len(part)
    return None


def complaints(wanted, status, output, errors):
    of = {kind: [text for k, text in wanted if k == kind]
          for kind in ("exit", "report", "output", "absent", "once")}
    if status_name(status) not in of["exit"]:
        yield f"ended by {status_name(status)}, not by {of['exit']}"
    for kind, text in (("report", errors), ("output", output)):
        part = missing(of[kind], text)
        if part is not None:
            yield f"{kind} lacks (in this order): {part}"
    for part in of["absent"]:
        if part in errors:
            yield f"report holds: {part}"
    for part in of["once"]:
        if errors.count(part) != 1:
            yield f"{errors.count(part)} times: {part}"
    lines = errors.splitlines()
    if of["report"] and (len(lines) > LINES or max(map(len, lines), default=0) > COLUMNS):
        yield f"not one screen: {len(lines)} lines, {max(map(len, lines))} columns"


def main():
    source, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    wanted = promises(source)
    if not any(kind == "exit" for kind, _ in wanted):
        sys.exit(f"{source}: no exit: in its first comment")
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([os.path.abspath(program)], cwd=folder, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, errors="replace", timeout=SECONDS,
                             env=environment(wanted))
    wrong = list(complaints(wanted, run.returncode, run.stdout, run.stderr))
    for line in wrong:
        print(f"# {line}")
    if wrong:
        print(run.stdout + run.stderr)
    print(f"{'not ok' if wrong else 'ok'} 1 - {source.stem} ends as it says")
    print(f"{0 if wrong else 1} passed, {1 if wrong else 0} failed, 0 skipped")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
