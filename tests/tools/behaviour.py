#!/usr/bin/env python3
"""What `ntmm run` does for the program it runs, and what it tells afterwards.

usage: tests/tools/behaviour.py BUILD [PART OF A NAME]...
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

from tool_test import AS_NOBODY, NOBODY, ROOT, TIMEOUT, Skip, main

PYTHON = "/usr/bin/python3"

# Three times the budget of place.paged(), touched and read twice; prints a checksum.
HUNGRY = """
blocks = [bytes([i % 251]) * 1000003 for i in range(100)]
for turn in range(2):
    print(sum(b[0] + b[-1] + b[len(b) // 2] + len(b) for b in blocks))
"""
RAM = 32 << 20


def hungry_output():
    return f"{sum(3 * (i % 251) + 1000003 for i in range(100))}\n".encode() * 2


def well(done, stdout=b"", status=0):
    assert done.returncode == status, f"status {done.returncode}: {done.stderr[-600:]!r}"
    assert done.stdout == stdout, f"stdout {done.stdout[:200]!r}: {done.stderr[-600:]!r}"
    return done


# With something to tell in the end ntmm waits for the program; silent, it becomes the program.
WAITING = ("-q", "--json", os.devnull)
BOTH_WAYS = (WAITING, ("-q",))


def report_of(place, *argv, **more):
    path = place.home / "report.json"
    path.unlink(missing_ok=True)
    done = place.run("-q", "--json", path, *argv, **more)
    return done, json.loads(path.read_text())


def start(place, *argv, **more):
    return subprocess.Popen([place.ntmm, "run", *map(str, argv)], env=place.env,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **more)


# ---- the program's own affairs --------------------------------------------------------------------

def exit_statuses_pass_through(place):
    for status in (0, 1, 2, 7, 124, 125, 126, 127, 128, 200, 255):
        for way in BOTH_WAYS:
            well(place.run(*way, "sh", "-c", f"exit {status}"), status=status)


def a_program_ended_by_a_signal_ends_ntmm_by_the_same_signal(place):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE,
                   signal.SIGUSR1, signal.SIGABRT):
        for way in BOTH_WAYS:
            done = place.run(*way, "sh", "-c", f"kill -{int(number)} $$")
            assert done.returncode == -number, f"{number!r}: {done.returncode} {done.stderr!r}"


def standard_streams_are_the_programs_own(place):
    everything = bytes(range(256)) * 4096
    done = place.run("-q", *place.paged(), "cat", input=everything)
    well(done, everything)
    assert done.stderr == b"", done.stderr
    done = place.run("-q", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n"), done


def arguments_reach_the_program_as_they_are(place):
    words = ["a b", "", "--ram", "-x", "*", "\\", "é", "--", "--help", "-q"]
    done = place.run("-q", "--", "printf", "[%s]", *words)
    well(done, "".join(f"[{w}]" for w in words).encode())
    done = place.run("-q", "printf", "[%s]", *words)
    well(done, "".join(f"[{w}]" for w in words).encode())


def scripts_run_with_and_without_a_first_line(place):
    for first in (b"#!/bin/sh\n", b"#! /usr/bin/env sh\n", b""):
        script = place.file("script", first + b'echo "$0" "$@"; exit 3\n', 0o755)
        well(place.run("-q", script, "x y"), f"{script} x y\n".encode(), 3)


def standard_streams_that_are_closed_do_no_harm(place):
    script = f'"{place.ntmm}" run -q sh -c "exit 4" <&- >&- 2>&-'
    assert place.call(["sh", "-c", script]).returncode == 4


def inherited_ignored_signals_stay_ignored(place):
    def ignore():
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_IGN)
    for way in BOTH_WAYS:
        done = place.run(*way, *place.paged(), "grep", "SigIgn", "/proc/self/status",
                         preexec_fn=ignore)
        ignored = int(done.stdout.split()[1], 16)
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            assert ignored >> (number - 1) & 1, f"{number!r} of {ignored:x}"


def the_signal_mask_is_the_one_ntmm_had(place):
    code = "import signal; print(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))"
    for way in BOTH_WAYS:
        well(place.run(*way, PYTHON, "-c", code), b"[]\n")


# ---- signals --------------------------------------------------------------------------------------

def wait_for_line(process, wanted):
    line = process.stdout.readline()
    assert line.strip() == wanted, line


def signals_sent_to_ntmm_reach_the_program(place):
    for name in ("TERM", "INT", "HUP", "USR1", "QUIT"):
        process = start(place, *WAITING, "sh", "-c",
                        f"trap 'echo got; exit 42' {name}; echo up; while :; do sleep 0.05; done")
        wait_for_line(process, b"up")
        process.send_signal(getattr(signal, "SIG" + name))
        wait_for_line(process, b"got")
        assert process.wait(TIMEOUT) == 42


def ctrl_c_of_a_terminal_reaches_the_program_once(place):
    import pty
    script = ("trap 'n=$((n+1)); echo got$n' INT; echo up; i=0; "
              "while [ $i -lt 20 ]; do sleep 0.05; i=$((i+1)); done; echo end$n")
    child, terminal = pty.fork()
    if child == 0:
        os.execve(place.ntmm, ["ntmm", "run", *WAITING, "bash", "-c", script], place.env)
    text = b""
    deadline = time.monotonic() + TIMEOUT
    while b"end" not in text and time.monotonic() < deadline:
        try:
            text += os.read(terminal, 1000)
        except OSError:
            break
        if b"up" in text and b"^C" not in text:
            time.sleep(0.2)
            os.write(terminal, b"\3")
    _, status = os.waitpid(child, 0)
    assert b"end1" in text, text
    assert status == 0, f"{status} {text!r}"


def a_stopped_program_stops_ntmm_and_both_go_on(place):
    # A group of its own, whose parent is in another: in an orphaned group nothing is stopped.
    process = start(place, *WAITING, "sh", "-c", "echo up; kill -TSTP $$; echo on; exit 9",
                    preexec_fn=os.setpgrp)
    wait_for_line(process, b"up")
    pid, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status
    os.kill(process.pid, signal.SIGCONT)
    wait_for_line(process, b"on")
    assert process.wait(TIMEOUT) == 9


def killing_the_program_ends_ntmm(place):
    process = start(place, *WAITING, "sh", "-c", "echo $$; exec sleep 100")
    os.kill(int(process.stdout.readline()), signal.SIGKILL)
    assert process.wait(TIMEOUT) == -signal.SIGKILL


def a_silent_run_becomes_the_program(place):
    process = start(place, "-q", "sh", "-c", "echo $$; exit 3")
    wait_for_line(process, str(process.pid).encode())
    assert process.wait(TIMEOUT) == 3


# ---- paging ---------------------------------------------------------------------------------------

def check_paged(done, report):
    well(done, hungry_output())
    counters = report["counters"]
    assert counters["pages_out"] > 5000, counters["pages_out"]
    assert counters["resident_peak"] <= RAM * 1.1, counters["resident_peak"]
    assert counters["committed_peak"] > 90e6, counters["committed_peak"]
    assert report["options"]["engine"] == "file", report["options"]


def a_program_of_three_times_the_budget_runs(place):
    check_paged(*report_of(place, *place.paged(), PYTHON, "-c", HUNGRY))


def it_runs_for_an_ordinary_user(place):
    env = place.for_everybody()
    report = place.folder("open", 0o777) / "report.json"
    done = place.run("-q", "--json", report, *place.paged(), PYTHON, "-c", HUNGRY,
                     before=AS_NOBODY, env=env)
    well(done, hungry_output())
    check_paged(done, json.loads(report.read_text()))


def it_runs_under_a_filter_like_a_containers(place):
    source = (ROOT / "tests/programs/deny.c").read_text()
    deny = place.compile("deny", source)
    for kind in ("docker", "old"):
        check_paged(*report_of(place, *place.paged(), PYTHON, "-c", HUNGRY, before=[deny, kind]))


def overlay_prefix(place):
    home = place.folder("overlay", 0o777)
    for name in ("lower", "upper", "work", "merged"):
        place.folder(f"overlay/{name}", 0o777)
    script = (f"mount -t overlay overlay -o lowerdir={home}/lower,upperdir={home}/upper,"
              f"workdir={home}/work {home}/merged && exec \"$@\"")
    prefix = ["unshare", "-m", "sh", "-c", script, "sh"]
    if os.geteuid() != 0 or place.call([*prefix, "true"]).returncode:
        raise Skip("no overlay can be mounted here")
    return prefix, home / "merged"


def it_runs_with_its_page_file_on_overlayfs(place):
    prefix, merged = overlay_prefix(place)
    done, report = report_of(place, *place.paged(folder=merged), PYTHON, "-c", HUNGRY, before=prefix)
    check_paged(done, report)
    assert report["page_file_system"]["type"] == "overlay", report["page_file_system"]
    assert not report["page_file_system"]["sync_file_range_writes"]


def a_run_inside_a_run_starts_anew(place):
    inner = [place.ntmm, "run", "-q", *place.paged("32M", "128M"), PYTHON, "-c", HUNGRY]
    well(place.run("-q", *place.paged("64M", "64M"), "--fail-commit", "999999", *inner), hungry_output())


# ---- the commit limit -----------------------------------------------------------------------------

FULL = """
import sys
blocks = []
try:
    for i in range(1000):
        blocks.append(bytearray(1 << 20))
except MemoryError:
    print(len(blocks))
    blocks.clear()
    sys.exit(5)
"""


def a_page_file_of_nothing_is_a_commit_limit_without_paging(place):
    done, report = report_of(place, "--ram", "96M", "--pagefile", "0", PYTHON, "-c", FULL)
    assert done.returncode == 5 and 60 < int(done.stdout) < 96, done
    assert report["options"]["engine"] == "none" and report["counters"]["pages_out"] == 0
    assert report["counters"]["commit_failures"] > 0
    assert report["counters"]["committed_peak"] <= 96 << 20


def a_commit_limit_holds_with_and_without_a_budget(place):
    for options in (["--commit-limit", "96M"], [*place.paged(), "--commit-limit", "96M"]):
        done = place.run("-q", *options, PYTHON, "-c", FULL)
        assert done.returncode == 5 and 60 < int(done.stdout) < 96, done


def a_commit_that_is_to_fail_fails_once(place):
    for number in (1, 2, 3, 5, 8, 13):
        done, report = report_of(place, "--fail-commit", str(number), PYTHON, "-c", HUNGRY)
        assert report["counters"]["commit_failures"] == 1, report["counters"]["commit_failures"]
        fine = done.returncode == 0 and done.stdout == hungry_output()
        assert fine or done.returncode in (1, 127), f"{number}: {done}"
    well(place.run("-q", "--fail-commit", "1000000000", PYTHON, "-c", "print(1)"), b"1\n")


# ---- what it tells --------------------------------------------------------------------------------

def the_summary_tells_the_story_on_one_screen(place):
    done = place.run(*place.paged(), PYTHON, "-c", HUNGRY)
    well(done, hungry_output())
    text = done.stderr.decode()
    for word in ("ended with status 0", "RAM", "32.0 MiB budget", "committed", "page file",
                 str(place.pages), "hard", "soft", "pager", "per process, children included"):
        assert word in text, f"no {word!r} in {text}"
    lines = text.splitlines()
    assert len(lines) <= 12 and max(map(len, lines)) < 120, text


def the_summary_goes_where_it_is_sent(place):
    path = place.home / "summary"
    done = place.run("-o", path, "true")
    assert done.stderr == b"" and "ended with status 0" in path.read_text(), done
    assert place.run("--quiet", "true").stderr == b""


def the_report_is_json_whatever_the_program_is_called(place):
    odd = os.fsdecode(b"\xff\xfe\"\\\n\x01\xed\xa0\x80\xc3\xa9")
    path = place.home / "odd.json"
    done = place.call([place.ntmm, "run", "-q", "--json", path, "echo", odd])
    assert done.returncode == 0, done
    report = json.loads(path.read_bytes().decode("utf-8"))
    assert report["program"][0] == "echo" and report["program"][1].endswith("é"), report["program"]
    assert report["exit_status"] == 0 and report["signal"] is None


def the_report_counts_every_process(place):
    done, report = report_of(place, *place.paged(), "sh", "-c",
                             f"{PYTHON} -c 'pass'; (exit 3); true | cat; kill -9 $$")
    assert done.returncode == -9 and report["signal"] == 9 and report["exit_status"] is None
    names = [p["name"] for p in report["processes"]]
    assert names.count("cat") == 1 and any(n.startswith("python3") for n in names), names
    assert report["process_count"] == len(names) >= 4, names
    for process in report["processes"]:
        assert process["counters"]["ram_budget"] == RAM, process


def live_lines_come_at_the_interval(place):
    done = place.run("-q", "--stats=0.2", *place.paged(), "sleep", "1.1")
    lines = done.stderr.decode().splitlines()
    assert 4 <= len(lines) <= 6, lines
    for line in lines:
        assert line.startswith("ntmm ") and "faults/s" in line and "standby" in line, line


def live_lines_of_a_terminal_stay_in_one_line(place):
    import pty
    child, terminal = pty.fork()
    if child == 0:
        os.execve(place.ntmm, ["ntmm", "run", "-q", "--stats=0.1", "sleep", "0.6"], place.env)
    text = b""
    while True:
        try:
            text += os.read(terminal, 4096)
        except OSError:
            break
    os.waitpid(child, 0)
    assert text.count(b"\r") >= 3 and b"\n" not in text, text


# ---- the board, and what others may do to it --------------------------------------------------------

def boards_are_private_and_vanish(place):
    runtime = pathlib.Path(place.env["XDG_RUNTIME_DIR"]) / "ntmm"
    done = place.run(*WAITING, "sh", "-c", 'stat -c %a "$NTMM_BOARD" "$(dirname "$NTMM_BOARD")"')
    assert done.stdout == b"600\n700\n", done
    assert not list(runtime.glob("board.*")), list(runtime.iterdir())


def boards_of_the_dead_are_swept(place):
    runtime = pathlib.Path(place.env["XDG_RUNTIME_DIR"]) / "ntmm"
    place.run(*WAITING, "true")
    (runtime / "board.99999999").write_bytes(b"")
    (runtime / "board.notes").write_bytes(b"")
    place.run(*WAITING, "true")
    left = sorted(p.name for p in runtime.glob("board.*"))
    assert left == ["board.notes"], left
    (runtime / "board.notes").unlink()


def runtime_folders_that_are_not_private_are_not_used(place):
    trap = place.folder("trap", 0o777)
    for name, make in (("linked", lambda p: p.symlink_to(trap)), ("open", lambda p: p.mkdir()),
                       ("plain", lambda p: p.write_bytes(b""))):
        runtime = place.folder(f"runtime-{name}", 0o700)
        make(runtime / "ntmm")
        if name == "open":
            (runtime / "ntmm").chmod(0o777)
        env = {**place.env, "XDG_RUNTIME_DIR": str(runtime)}
        done = place.run(*WAITING, "sh", "-c", 'echo "$NTMM_BOARD"', env=env)
        assert done.returncode == 0 and done.stdout.startswith(b"/dev/shm/ntmm-"), done
    assert not list(trap.iterdir())


def the_runtime_folder_of_somebody_else_is_not_used(place):
    if os.geteuid() != 0:
        raise Skip("needs root")
    runtime = place.folder("runtime-other", 0o700)
    other = place.folder("runtime-other/ntmm", 0o700)
    os.chown(other, NOBODY, NOBODY)
    env = {**place.env, "XDG_RUNTIME_DIR": str(runtime)}
    done = place.run(*WAITING, "sh", "-c", 'echo "$NTMM_BOARD"', env=env)
    assert done.stdout.startswith(b"/dev/shm/ntmm-"), done


SCRIBBLE = """
import os, sys
fd = os.open(os.environ["NTMM_BOARD"], os.O_RDWR)
size = os.fstat(fd).st_size
what = sys.argv[1]
if what == "cut":
    os.ftruncate(fd, int(sys.argv[2]))
elif what == "random":
    os.pwrite(fd, os.urandom(size), 0)
elif what == "text":
    for i in range(1024):
        os.pwrite(fd, b"NMBOARD1\\1\\0\\0\\0" + b"\\xff" * 2000, i * 4096)
else:
    os.pwrite(fd, bytes([int(what)]) * size, 0)
os.write(1, b"done\\n")
os._exit(0)
"""


def a_program_that_scribbles_on_its_board_harms_nobody(place):
    path = place.home / "scribbled.json"
    for what in (["255"], ["0"], ["1"], ["random"], ["text"]):
        done = place.run("--stats=0.1", "--json", path, "--", PYTHON, "-c", SCRIBBLE, *what)
        well(done, b"done\n")
        json.loads(path.read_bytes().decode("utf-8"))
        assert all(c >= 32 or c == 10 for c in done.stderr), done.stderr


def a_board_that_a_program_cuts_short_harms_nobody_else(place):
    for size in ("0", "100", "5000"):
        done = place.run(*WAITING, "--", PYTHON, "-c", SCRIBBLE, "cut", size)
        assert done.returncode in (0, -signal.SIGBUS, -signal.SIGSEGV), done


def boards_that_are_no_boards_are_ignored(place):
    preload = place.build / "preload" / "libntmm-preload.so"
    whole = 1024 * 4096
    garbage = place.file("garbage", os.urandom(whole))
    fifo = place.home / "fifo"
    os.mkfifo(fifo)
    link = place.home / "link"
    link.symlink_to(garbage)
    boards = [garbage, place.file("short", b"x" * 100), place.file("empty"), fifo, link, place.home,
              place.file("long", b"\0" * (whole + 1)), place.file("zeros", b"\0" * whole),
              "/nonexistent", "/dev/zero", "/proc/self/mem", "x" * 5000]
    before = [(b, b.read_bytes()) for b in boards if isinstance(b, pathlib.Path) and b.is_file()]
    for board in boards:
        env = {**place.env, "LD_PRELOAD": str(preload), "NTMM_BOARD": str(board)}
        well(place.call(["sh", "-c", "echo fine; true | true"], env=env), b"fine\n")
    for path, content in before:
        assert path.read_bytes() == content, f"{path} was written to"


def a_foreign_board_is_ignored(place):
    if os.geteuid() != 0:
        raise Skip("needs root")
    magic = b"NMBOARD1\1\0\0\0"
    board = place.file("foreign", magic + b"\0" * (1024 * 4096 - len(magic)), 0o666)
    os.chown(board, NOBODY, NOBODY)
    preload = place.build / "preload" / "libntmm-preload.so"
    env = {**place.env, "LD_PRELOAD": str(preload), "NTMM_BOARD": str(board)}
    well(place.call(["echo", "fine"], env=env), b"fine\n")
    assert board.read_bytes()[12:] == b"\0" * (1024 * 4096 - 12), "it was written to"


def more_processes_than_the_board_holds_are_no_harm(place):
    done, report = report_of(place, "sh", "-c",
                             "i=0; while [ $i -lt 1100 ]; do (:) ; i=$((i+1)); done; echo end")
    well(done, b"end\n")
    assert report["more_processes_than_counted"] is True, report["process_count"]


# ---- the cache of probes ----------------------------------------------------------------------------

def kept_probes_that_were_tampered_with_are_ignored(place):
    runtime = place.folder("runtime-probe", 0o700)
    env = {**place.env, "XDG_RUNTIME_DIR": str(runtime)}
    well(place.run("-q", *place.paged(), "true", env=env))
    kept = list((runtime / "ntmm").glob("probe.*"))
    assert len(kept) == 1, kept
    true_text = kept[0].read_bytes()
    for text in (b"", b"x", true_text[:-1], true_text + b"x", true_text * 3, os.urandom(300),
                 true_text.replace(b"ntmm-probe 1", b"ntmm-probe 2"), b"\0" * 100, b"9" * 100000):
        kept[0].write_bytes(text)
        well(place.run("-q", *place.paged(), "true", env=env))
        assert kept[0].read_bytes().split()[:5] == true_text.split()[:5], text
    kept[0].unlink()
    kept[0].symlink_to("/dev/zero")
    well(place.run("-q", *place.paged(), "true", env=env))


def a_kept_probe_makes_starting_cheap(place):
    well(place.run("-q", *place.paged(), "true"))
    best = min(timed(place) for _ in range(10))
    assert best < 0.05, f"{best * 1000:.1f} ms"


def timed(place):
    begin = time.monotonic()
    place.run("-q", *place.paged(), "true")
    return time.monotonic() - begin


def a_container_smaller_than_the_budget_is_noted(place):
    root = pathlib.Path("/sys/fs/cgroup/memory")
    group = root / f"ntmm-test.{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(64 << 20))
    except OSError as why:
        raise Skip(f"no memory cgroup can be made: {why}") from why
    try:
        join = ["sh", "-c", f"echo $$ >{group}/cgroup.procs && exec \"$@\"", "sh"]
        done = place.run("-q", *place.paged("104M"), "true", before=join)
        assert b"this memory cgroup allows 64M, less than --ram 104M" in done.stderr, done
        assert place.run("-q", *place.paged("32M"), "true", before=join).stderr == b""
    finally:
        time.sleep(0.1)
        group.rmdir()


# ---- nothing left behind ------------------------------------------------------------------------------

def nothing_is_left_in_the_page_file_folder(place):
    well(place.run("-q", *place.paged(), PYTHON, "-c", HUNGRY), hungry_output())
    assert list(place.pages.iterdir()) == [], list(place.pages.iterdir())


def a_limit_on_file_sizes_is_told(place):
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    done = place.run("-q", *place.paged(), "echo", "x", preexec_fn=small)
    assert done.returncode == 125 and done.stdout == b"" and done.stderr.count(b"\n") == 1, done


# ---- the page heap -----------------------------------------------------------------------------------

OVERFLOWS = """
#include <stdlib.h>
int main(void) { volatile char *p = malloc(64); p[64] = 1; return 0; }
"""


def programs_run_unharmed_on_the_page_heap(place):
    rows = b"create table t(a,b);insert into t values(1,2),(3,4);select sum(a*b) from t;"
    source = place.file("small.c", b"int main(void) { return 3; }\n")
    for words in ("", "=backwards", "=light", "=random=30,backwards"):
        option = ("-q", "--page-heap" + words)
        well(place.run(*option, PYTHON, "-c", "print(sum(range(1000)))"), b"499500\n")
        if shutil.which("sqlite3"):
            well(place.run(*option, "sqlite3", ":memory:", input=rows), b"14\n")
        if shutil.which("gcc"):
            out = place.home / "small"
            well(place.run(*option, "gcc", "-O1", "-o", out, source))
            assert place.call([out]).returncode == 3


def the_page_heap_stops_an_overflow_with_and_without_a_budget(place):
    program = place.compile("overflows", OVERFLOWS, "-fno-builtin")
    for options in ((), place.paged(), ("--ram", "64M", "--pagefile", "0")):
        well(place.run("-q", *options, program))
        done = place.run("-q", *options, "--page-heap", program)
        assert done.returncode == -signal.SIGSEGV, done
        assert b"0 bytes behind the end of a block of 64 bytes" in done.stderr, done.stderr
        assert b"allocated by" in done.stderr, done.stderr


def the_page_heap_of_a_run_is_not_that_of_a_run_inside(place):
    inner = [place.ntmm, "run", "-q", "sh", "-c", "echo $NTMM_HEAP"]
    well(place.run("-q", "--page-heap=random=5,backwards", "sh", "-c", "echo $NTMM_HEAP"),
         b"page,random=5,backwards\n")
    well(place.run("-q", "--page-heap=light", *inner), b"\n")


def nonsense_in_the_library_s_own_variable_is_ignored(place):
    program = place.compile("overflows", OVERFLOWS, "-fno-builtin")
    preload = place.build / "preload" / "libntmm-preload.so"
    for words, status in (("page", -signal.SIGSEGV), ("pages", 0), ("page,x", 0), ("page,", 0), ("", 0),
                          ("page,random=101", 0), ("page,random=", 0), ("x,page", 0),
                          ("page,random=100", -signal.SIGSEGV), ("page,full", -signal.SIGSEGV)):
        done = place.call([program], env={**place.env, "LD_PRELOAD": str(preload), "NTMM_HEAP": words})
        assert done.returncode == status, f"{words!r}: {done}"


HELPERS = {"well", "hungry_output", "report_of", "start", "wait_for_line", "check_paged",
           "overlay_prefix", "timed", "main"}

if __name__ == "__main__":
    main([f for n, f in list(globals().items())
          if getattr(f, "__module__", "") == "__main__" and n not in HELPERS], __doc__)
