#!/usr/bin/env python3
"""Every mistake with malloc's memory ends the process at the call that makes it.

usage: mistakes.py LIBRARY PROGRAM [NAME...]

PROGRAM (mistake.c) makes one mistake a run.  It must end by SIGABRT, with a report of ours on
standard error: one line of it names the call and what is wrong, and the address is told.
"""
import re
import subprocess
import sys

SECONDS = 60
FREED = "freed twice|not in use|not a block in use"
PART = "inside a block|not a block in use|freed twice|not in use"
FOREIGN = "not a block"
SIZES = [0, 16, 100, 1000, 5000, 20000, 32768, 100000, 5 << 20]
SOME = [16, 100, 1000, 20000, 100000]
SMALL = [16, 100, 1000]

# name: call, what the line must say, sizes of the block
MISTAKES = {
    "twice": ("free", FREED, SIZES),
    "twice_with_another_between": ("free", FREED, SIZES),
    "twice_after_1000_others": ("free", FREED, SOME),
    "twice_second_in_another_thread": ("free", FREED, SIZES),
    "twice_first_in_another_thread": ("free", FREED, SIZES),
    "twice_both_in_other_threads": ("free", FREED, SIZES),
    "twice_written_between": ("free", FREED, [16, 100, 1000, 5000]),
    "twice_after_all_of_its_kind": ("free", FREED, SOME),
    "twice_from_calloc": ("free", FREED, SOME),
    "twice_aligned": ("free", FREED, SOME),
    "twice_after_realloc_moved_it": ("free", FREED, SMALL),
    "inside": ("free", PART, [17, 100, 1000, 5000, 20000, 32768, 100000, 5 << 20]),
    "misaligned": ("free", PART, SIZES),
    "one_past_the_end": ("free", PART, SMALL),
    "static_array": ("free", FOREIGN, [0]),
    "stack_address": ("free", FOREIGN, [0]),
    "code_address": ("free", FOREIGN, [0]),
    "unmapped_address": ("free", FOREIGN, [0]),
    "small_number": ("free", FOREIGN, [0]),
    "kernel_address": ("free", FOREIGN, [0]),
    "mapped_memory": ("free", FOREIGN, [0]),
    "realloc_of_freed": ("realloc", FREED, SIZES[1:]),
    "realloc_inside": ("realloc", PART, [100, 1000, 20000, 100000]),
    "realloc_of_stack": ("realloc", FOREIGN, [0]),
    "usable_size_of_freed": ("malloc_usable_size", FREED, SIZES),
}


def complaint(library, program, name, size):
    """What is wrong with how the mistake ended; "" when it was seen."""
    call, what, _ = MISTAKES[name]
    done = subprocess.run([program, name, str(size)], env={"LD_PRELOAD": library}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    address = done.stdout.split("\n")[0]
    told = done.stdout.split("\n", 1)[-1].strip()
    lines = [line for line in done.stderr.splitlines() if re.search(what, line)]
    if done.returncode != -6:
        return f"ended with {done.returncode}: {told or done.stderr.strip()}"
    if len(lines) != 1:
        return f"{len(lines)} lines say {what}: {done.stderr.strip()}"
    if not re.search(rf"\b{call}\b", lines[0]):
        return f"does not name {call}: {lines[0]}"
    if not re.search(rf"\b(0x)?0*{address[2:]}\b", done.stderr, re.I):
        return f"does not name {address}: {done.stderr.strip()}"
    return ""


def main():
    library, program, names = sys.argv[1], sys.argv[2], sys.argv[3:] or list(MISTAKES)
    failed = 0
    for number, name in enumerate(names, 1):
        sizes = MISTAKES[name][2]
        wrong = [(size, text) for size in sizes
                 if (text := complaint(library, program, name, size))]
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name.replace('_', ' ')} is seen at the "
              f"call: {len(sizes) - len(wrong)} of {len(sizes)} sizes")
        for size, text in wrong:
            print(f"# {size} bytes: {text}")
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
