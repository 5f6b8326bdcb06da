#!/usr/bin/env python3
"""What `ntmm doctor`, `ntmm demo` and `ntmm` itself say.

usage: tests/tools/doctor.py BUILD [PART OF A NAME]...
"""
import json
import os
import pathlib
import signal
import subprocess
import time

from tool_test import AS_NOBODY, ROOT, TIMEOUT, main, one_line

VERDICTS = {"fact", "works", "does without", "missing"}


def examined(place, *argv, status=0, **more):
    done = place.call([*more.pop("before", ()), place.ntmm, "doctor", "--json", *argv], **more)
    assert done.returncode == status, f"{done.returncode} {done.stdout[-300:]} {done.stderr}"
    assert done.stderr == b"", done.stderr
    report = json.loads(done.stdout)
    assert report["engine"] == ("none" if status else "file"), report["engine"]
    for finding in report["findings"]:
        assert finding["verdict"] in VERDICTS, finding
        if finding["verdict"] in ("does without", "missing"):
            assert finding["advice"], f"no advice in {finding}"
    return {f["key"]: f for f in report["findings"]}


def a_fit_folder_is_called_fit(place):
    found = examined(place, place.pages)
    for key in ("nameless_file", "promise_space", "pages_leave", "pages_return", "mincore"):
        assert found[key]["verdict"] == "works", found[key]
    assert "speed" in found and "memory" in found


def without_a_folder_it_takes_what_run_would_take(place):
    env = {**place.env, "NTMM_PAGEFILE_DIR": str(place.pages)}
    done = place.call([place.ntmm, "doctor", "--json"], env=env)
    assert json.loads(done.stdout)["folder"] == str(place.pages), done


def folders_that_will_not_do_are_told_with_advice(place):
    assert "tmpfs" in examined(place, "/dev/shm", status=1)["pages_leave"]["detail"]
    assert "no such folder" in examined(place, "/nonexistent", status=1)["nameless_file"]["detail"]
    examined(place, place.file("plain"), status=1)
    examined(place, "/proc", status=1)


def an_ordinary_user_is_told_what_is_closed(place):
    env = place.for_everybody()
    closed = place.folder("closed", 0o755)
    found = examined(place, closed, status=1, before=AS_NOBODY, env=env)
    assert "may not write" in found["nameless_file"]["detail"], found["nameless_file"]
    examined(place, place.pages, before=AS_NOBODY, env=env)


def what_a_filter_denies_is_found_by_trying(place):
    deny = place.compile("deny", (ROOT / "tests/programs/deny.c").read_text())
    found = examined(place, place.pages, before=[deny, "docker"])
    for key in ("fault_events", "userfaultfd_user", "userfaultfd_kernel", "io_uring"):
        assert found[key]["verdict"] == "does without", found[key]
    assert found["seccomp"]["detail"].startswith("yes"), found["seccomp"]


def the_text_names_the_verdict_first_and_every_finding(place):
    done = place.call([place.ntmm, "doctor", place.pages])
    text = done.stdout.decode()
    assert text.splitlines()[0].startswith("The file engine runs here"), text
    assert "\x1b" not in text and "PAGEMAP_SCAN" in text, text
    done = place.call([place.ntmm, "doctor", "/dev/shm"])
    assert done.returncode == 1 and b"->" in done.stdout, done


def doctor_leaves_nothing_behind(place):
    place.call([place.ntmm, "doctor", place.pages])
    assert list(place.pages.iterdir()) == []


def wrong_usage_is_one_line_and_status_2(place):
    for argv in (["doctor", "--what"], ["doctor", "a", "b"], ["demo", "--what"], ["demo", "what"],
                 ["demo", "--input"], ["demo", "--input", "/nonexistent"]):
        done = place.call([place.ntmm, *argv])
        assert done.returncode == 2 and done.stdout == b"", f"{argv}: {done}"
        one_line(done.stderr, f"ntmm {argv[0]}: ")
    done = place.call([place.ntmm, "what"])
    assert done.returncode == 2, done
    one_line(done.stderr, "ntmm: ")
    assert place.call([place.ntmm]).returncode == 2


def help_and_version_go_to_standard_output(place):
    for argv in (["--help"], ["help"], ["--version"], ["run", "--help"], ["doctor", "--help"],
                 ["demo", "--help"]):
        done = place.call([place.ntmm, *argv])
        assert done.returncode == 0 and done.stdout and done.stderr == b"", f"{argv}: {done}"


def leftovers():
    return {str(p) for p in [*pathlib.Path("/var/tmp").glob("ntmm-demo.*"),
                             *pathlib.Path("/sys/fs/cgroup/memory").glob("ntmm-demo.*"),
                             *pathlib.Path("/sys/fs/cgroup").glob("ntmm-demo.*")]}


def the_hog_and_the_tour_come_to_a_good_end(place):
    before = leftovers()
    done = place.call([place.ntmm, "demo", "hog", "tour"])
    text = done.stdout.decode()
    assert done.returncode == 0, text + done.stderr.decode()
    assert "NULL, error 1455" in text and ": 0 wrong words" in text, text
    assert text.count("  committed ") >= 8, text
    for title in ("1. Address space", "2. Paging", "3. Page faults", "4. Page file",
                  "5. Virtual allocation", "6. Protection"):
        assert title in text, f"no {title!r} in {text}"
    assert leftovers() == before


def an_interrupted_demo_removes_what_it_made(place):
    before = leftovers()
    for after in (0.05, 0.3, 0.8):
        process = subprocess.Popen([place.ntmm, "demo"], env=place.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
        assert process.returncode in (-signal.SIGINT, 0), process.returncode
        assert leftovers() == before, f"after {after} s: {leftovers() - before}"


def a_demo_whose_reader_leaves_removes_what_it_made(place):
    before = leftovers()
    place.call(["sh", "-c", f"'{place.ntmm}' demo hog tour 2>/dev/null | head -n 5"])
    deadline = time.monotonic() + 10
    while leftovers() != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert leftovers() == before, leftovers() - before


HELPERS = {"examined", "leftovers"}

if __name__ == "__main__":
    main([f for n, f in list(globals().items())
          if getattr(f, "__module__", "") == "__main__" and n not in HELPERS], __doc__)
