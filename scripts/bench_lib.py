"""bench_lib - run one program, timed and watched: in RAM, under kernel swap, under `ntmm run`.

A Box is a memory cgroup of v1 or v2, with or without a limit; a SwapFile is swap that exists only
inside its `with`.  Both go away also after a failure, ctrl-C or a polite kill.
"""
import hashlib
import os
import pathlib
import re
import signal
import statistics
import subprocess
import threading
import time

SAMPLE_SECONDS = 0.005
MIB = 1 << 20


class Unavailable(Exception):
    """This machine or user does not allow it; the text says what is missing."""


# ---- memory cgroups --------------------------------------------------------------------------

def own_cgroup(controller):
    """Our cgroup's path below the mount of v1's `controller`, or of v2 (controller '')."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(",") if controller else names == "":
            return path
    return None


def mount_of(kind, option=None):
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, fstype, options = line.split()[:4]
        if fstype == kind and (option is None or option in options.split(",")):
            return pathlib.Path(where)
    return None


class Box:
    """A memory cgroup of our own.  limit: bytes, or None for a box that only counts."""

    def __init__(self, name, limit=None):
        v1, v2 = mount_of("cgroup", "memory"), mount_of("cgroup2")
        self.v1 = v1 is not None
        parent = v1 if self.v1 else v2
        if parent is None:
            raise Unavailable("no memory cgroup is mounted")
        if not self.v1:
            self.enable_v2(parent)
        self.path = parent / f"ntmm-{name}-{os.getpid()}"
        try:
            self.path.mkdir(exist_ok=True)
            if limit:
                self.write("memory.limit_in_bytes" if self.v1 else "memory.max", limit)
        except OSError as error:
            self.remove()
            raise Unavailable(f"no memory cgroup of our own: {error}") from error

    @staticmethod
    def enable_v2(parent):
        if "memory" in (parent / "cgroup.controllers").read_text().split():
            try:
                (parent / "cgroup.subtree_control").write_text("+memory")
                return
            except OSError as error:
                raise Unavailable(f"cgroup v2 gives no memory controller: {error}") from error
        raise Unavailable("cgroup v2 has no memory controller here")

    def write(self, name, value):
        (self.path / name).write_text(str(value))

    def read(self, name):
        return (self.path / name).read_text()

    def enter(self):
        """Put the calling process in; for a child between fork and exec."""
        self.write("cgroup.procs", 0 if self.v1 else os.getpid())

    def usage_file(self):
        return self.path / ("memory.usage_in_bytes" if self.v1 else "memory.current")

    def peak(self):
        """The kernel's own high-water mark, or None where it keeps none."""
        try:
            return int(self.read("memory.max_usage_in_bytes" if self.v1 else "memory.peak"))
        except OSError:
            return None

    def kills(self):
        text = self.read("memory.oom_control" if self.v1 else "memory.events")
        found = re.search(r"^oom_kill (\d+)", text, re.M)
        return int(found.group(1)) if found else 0

    def remove(self):
        for _ in range(100):
            try:
                self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:  # the last process is still on its way out
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


# ---- kernel swap -----------------------------------------------------------------------------

class SwapFile:
    """A swap file on the disk of `folder`, in use from enter to exit."""

    def __init__(self, folder, size):
        self.path, self.size = pathlib.Path(folder) / f"swap-{os.getpid()}", size

    def __enter__(self):
        if os.geteuid() != 0:
            raise Unavailable("kernel swap needs root")
        try:
            with open(self.path, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as out:
                os.posix_fallocate(out.fileno(), 0, self.size)
            subprocess.run(["mkswap", str(self.path)], check=True, capture_output=True)
            subprocess.run(["swapon", "-p", "100", str(self.path)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise Unavailable(f"no swap file: {getattr(error, 'stderr', None) or error}") from error
        return self

    def __exit__(self, *_):
        subprocess.run(["swapoff", str(self.path)], capture_output=True)
        self.path.unlink(missing_ok=True)


def end_politely_on_signals():
    """SIGTERM and SIGHUP unwind like ctrl-C, so that every `with` cleans up."""
    def stop(number, _):
        raise KeyboardInterrupt(f"signal {number}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


# ---- one run ---------------------------------------------------------------------------------

class Run:
    """What one run of a program was."""

    def __init__(self):
        self.seconds = self.status = self.md5 = self.major = self.peak = self.exact_peak = None
        self.kills, self.samples, self.cpu, self.errors = 0, 0, 0.0, ""
        self.pager = self.floor = None
        self.rss = 0  # bytes at most in RAM, of the largest of its processes
        self.share = 0  # of the budget that the kernel's side had

    def ok(self, md5=None):
        return self.status == 0 and not self.kills and (md5 is None or self.md5 == md5)

    def why(self, md5=None):
        if self.status is None:
            return "ran out of time"
        if self.kills:
            return "killed: out of memory"
        if self.status != 0:
            return f"exit status {self.status}: {self.errors.strip()[-200:]}"
        return "" if md5 is None or self.md5 == md5 else "another output"


class Watch(threading.Thread):
    """Samples the memory of a box every 5 ms."""

    def __init__(self, box):
        super().__init__(daemon=True)
        self.fd = os.open(box.usage_file(), os.O_RDONLY)
        self.stop, self.peak, self.samples = threading.Event(), 0, 0

    def run(self):
        while not self.stop.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, int(os.pread(self.fd, 32, 0)))
            self.samples += 1
        os.close(self.fd)


def hash_of(pipe, result):
    digest = hashlib.md5()
    for block in iter(lambda: pipe.read(1 << 18), b""):
        digest.update(block)
    result.md5 = digest.hexdigest()


def text_of(pipe, result):
    result.errors = pipe.read().decode(errors="replace")


def warm(paths):
    """Have inputs in the page cache, charged to nobody's box, so that every side starts alike."""
    for path in paths:
        with open(path, "rb", buffering=0) as f:
            while f.read(1 << 22):
                pass


def end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(argv, box=None, timeout=600, env=None):
    """Run argv to its end; in a box its memory is watched as well."""
    result = Run()
    watch = Watch(box) if box else None
    started = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, **(env or {})},
                               start_new_session=True,
                               preexec_fn=box.enter if box else None)
    readers = [threading.Thread(target=hash_of, args=(process.stdout, result)),
               threading.Thread(target=text_of, args=(process.stderr, result))]
    timer = threading.Timer(timeout, end_group, (process,))
    try:
        for thread in readers + [timer] + ([watch] if watch else []):
            thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        result.seconds = time.monotonic() - started
    except BaseException:
        end_group(process)
        process.wait()
        raise
    finally:
        timer.cancel()
        if watch:
            watch.stop.set()
    for thread in readers + ([watch] if watch else []):
        thread.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    out_of_time = process.returncode == -signal.SIGKILL and result.seconds >= timeout
    result.status = None if out_of_time else process.returncode
    result.major, result.cpu = usage.ru_majflt, usage.ru_utime + usage.ru_stime
    result.rss = usage.ru_maxrss * 1024
    if box:
        result.peak, result.samples, result.exact_peak = watch.peak, watch.samples, box.peak()
        result.kills = box.kills()
    return result


def median(values):
    return statistics.median(values) if values else None
