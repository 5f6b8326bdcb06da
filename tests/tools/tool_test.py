"""A test framework in one page, for tests of the command line.

A test is a function whose name is a sentence; it fails by AssertionError and is left out by
raising Skip.  Output is TAP; the last line counts.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NOBODY = 65534
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
TIMEOUT = 60  # seconds; a tool that takes longer hangs
TEST_TIMEOUT = 240  # seconds for one test in all


class Skip(Exception):
    """This cannot be tested here; the text says why."""


class Place:
    """The build under test and a folder of our own on a disk, open to everybody."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.ntmm = self.build / "tools" / "ntmm"
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="ntmm-test.", dir="/var/tmp"))
        self.home.chmod(0o755)
        self.pages = self.folder("pages", 0o777)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("NTMM_")}
        self.env["XDG_RUNTIME_DIR"] = str(self.folder("runtime", 0o700))

    def folder(self, name, mode=0o755):
        path = self.home / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        return path

    def file(self, name, content=b"", mode=0o644):
        path = self.home / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def call(self, argv, **more):
        """Run to the end; bytes in, bytes out."""
        more.setdefault("env", self.env)
        more.setdefault("stdin", subprocess.DEVNULL)
        if "input" in more:
            del more["stdin"]
        return subprocess.run([str(a) for a in argv], capture_output=True, timeout=TIMEOUT, **more)

    def run(self, *argv, before=(), **more):
        return self.call([*before, self.ntmm, "run", *argv], **more)

    def paged(self, ram="32M", size="256M", folder=None):
        return ["--ram", ram, "--pagefile", f"{size}:{folder or self.pages}"]

    def compile(self, name, source, *options):
        """A small C program; Skip where it cannot be built (no static libc, say)."""
        out = self.home / name
        done = subprocess.run(["gcc", "-O", "-o", out, *options, "-x", "c", "-"],
                              input=source.encode(), capture_output=True)
        if done.returncode:
            raise Skip(f"{name} cannot be built: {done.stderr.decode()[:100]!r}")
        return out

    def for_everybody(self):
        """Skip when an ordinary user cannot reach the build."""
        if os.geteuid() != 0:
            raise Skip("needs root, to become somebody else")
        if self.call([*AS_NOBODY, self.ntmm, "--version"]).returncode != 0:
            raise Skip("the build folder is closed to ordinary users")
        return {**self.env, "XDG_RUNTIME_DIR": "/nonexistent", "HOME": "/nonexistent"}


def one_line(text, start="ntmm run: "):
    """The message of a refusal, which must be one line."""
    lines = text.decode().splitlines()
    assert len(lines) == 1, f"not one line: {lines}"
    assert lines[0].startswith(start), lines[0]
    return lines[0]


def hangs(*_):
    raise TimeoutError(f"the test took more than {TEST_TIMEOUT} s")


def be_started_normally():
    """A shell starts what it runs in the background with these ignored, for good."""
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL)
    signal.signal(signal.SIGALRM, hangs)


def main(tests, usage):
    if len(sys.argv) < 2:
        sys.exit(usage)
    be_started_normally()
    place = Place(sys.argv[1])
    wanted = sys.argv[2:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        for number, test in enumerate(tests, 1):
            name = test.__name__.replace("_", " ")
            if wanted and not any(w in name for w in wanted):
                continue
            try:
                signal.alarm(TEST_TIMEOUT)
                test(place)
                counts["passed"] += 1
                print(f"ok {number} - {name}", flush=True)
            except Skip as why:
                counts["skipped"] += 1
                print(f"ok {number} - {name} # SKIP {why}", flush=True)
            except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as why:
                counts["failed"] += 1
                print(f"not ok {number} - {name}\n# {type(why).__name__}: {why}", flush=True)
    finally:
        signal.alarm(0)
        shutil.rmtree(place.home, ignore_errors=True)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(1 if counts["failed"] else 0 if counts["passed"] else 77)
