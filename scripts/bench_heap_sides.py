"""bench_heap_sides - run one heap test or program once, under one allocator, and say what it cost.

A side is an allocator (glibc, ours, mid, je, tc) or whatever else a row compares.  A sampler takes
a side and returns {key: number}; it raises Trouble where the run says nothing, and Missing where
what it needs is not there.
"""
import functools
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import bench_lib as lib

SCRIPTS = pathlib.Path(__file__).resolve().parent
LIBRARIES = pathlib.Path("/usr/lib")
PEERS = {"mid": "libmimalloc.so.2", "je": "libjemalloc.so.2", "tc": "libtcmalloc_minimal.so.4"}
FEW_STEPS, MORE_STEPS = 50, 150  # pairs that are stepped through: each takes thousands of switches
STARTS = 40  # of `true` for one sample
PAGED_BUDGET = "256M"
PYTHON = "/usr/bin/python3"  # Debian's: one in the PATH may bring an allocator of its own


class Trouble(Exception):
    """A run that says nothing; the text says why."""


class Missing(Trouble):
    """What a side needs is not installed or not built."""


# ---- allocators --------------------------------------------------------------------------------

def mapped_libc():
    """The path of the libc that this process has."""
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        if "/libc.so" in line or "/libc-2" in line:
            return line.split()[-1]
    raise Trouble("no libc is mapped")


def preloads(build):
    """Allocator -> library to preload (None: nothing); those that are not installed are left out."""
    found = {"glibc": None, "ours": str(build / "preload" / "libntmm-preload.so")}
    for name, file in PEERS.items():
        paths = sorted(LIBRARIES.glob(f"**/{file}"))
        if paths:
            found[name] = str(paths[0])
    return found


def last_core():
    return max(os.sched_getaffinity(0))


def pinned(command):
    return ["taskset", "-c", str(last_core()), *map(str, command)]


def environment(preload=None, mode=None, **more):
    """What a run has in its environment beside what we have ourselves."""
    env = {"LC_ALL": "C", **more}
    if preload:
        env["LD_PRELOAD"] = preload
    if mode and mode != "default":
        env["NTMM_HEAP"] = mode
    return env


def forget_our_own():
    """Nothing of what is measured shall reach a run by accident."""
    for name in ("LD_PRELOAD", "NTMM_HEAP", "DISPLAY", "WAYLAND_DISPLAY"):
        os.environ.pop(name, None)


# ---- programs that print `key value` --------------------------------------------------------------

def output_of(command, env, timeout=300):
    try:
        done = subprocess.run([str(word) for word in command], env={**os.environ, **env},
                              timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, errors="replace")
    except subprocess.TimeoutExpired:
        raise Trouble("ran out of time") from None
    if done.returncode or "cannot be preloaded" in done.stderr:
        raise Trouble(f"exit status {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout


def figures_of(text):
    return {key: float(value) for key, value in
            re.findall(r"^(\w+) (-?[\d.]+(?:e[-+]?\d+)?)\r?$", text, re.M)}


def check_allocator(text, preload):
    """A preload that failed would give libc's figures under another's name."""
    where = re.search(r"^malloc (.*)$", text, re.M)
    wanted = preload or mapped_libc()
    if where and not os.path.samefile(where.group(1), wanted):
        raise Trouble(f"malloc came from {where.group(1)}, not from {wanted}")


class Bench:
    """The programs of bench/heap of one build, and the allocators to put under them."""

    def __init__(self, options):
        self.options, self.folder = options, options.build / "bench" / "heap"
        self.preloads = preloads(options.build)

    def env(self, side, **more):
        preload = self.preloads.get(side)
        return environment(preload, self.options.mode if side in ("ours", "malloc") else None, **more)

    def test(self, side, words):
        """bench/heap/main.c; one that needs two cores pins its threads itself."""
        command = [self.folder / "heap", *words]
        command = command if words[0] in ("handover", "two-threads") else pinned(command)
        text = output_of(command, self.env(side))
        check_allocator(text, self.preloads[side])
        return figures_of(text)

    def steps(self, side, words):
        """Instructions of a pair: exact, so one round is enough."""
        text = output_of([self.folder / "heap-steps", MORE_STEPS, self.folder / "heap", "pair-steps",
                          *words, FEW_STEPS, MORE_STEPS], self.env(side))
        return figures_of(text)

    def start(self, side, command):
        preload = self.folder / "libempty.so" if side == "empty" else self.preloads.get(side) or "-"
        env = environment(None, self.options.mode if side == "ours" else None)
        return figures_of(output_of(pinned([self.folder / "heap-start", STARTS, preload, *command]),
                                    env))

    # ---- HeapAlloc -------------------------------------------------------------------------------

    def windows(self, side, _):
        """HeapAlloc of ours and of Wine's, beside our malloc."""
        if side == "malloc":
            text = output_of(pinned([self.folder / "heap", "pair", "64"]),
                             environment(self.preloads["ours"], self.options.mode))
            check_allocator(text, self.preloads["ours"])
            best = figures_of(text)["best"]
            return {"ns": best, "own": best}
        if side == "ours":
            program = self.folder / "windows-pair"
            if not program.exists():
                raise Missing("this build has no heapapi.h")
            return figures_of(output_of(pinned([program]), environment(None, self.options.mode)))
        return figures_of(output_of(pinned([wine(), self.windows_program()]), self.wine_env))

    @functools.cached_property
    def wine_env(self):
        return environment(WINEPREFIX=str(self.options.folder / "windows"), WINEDEBUG="-all",
                           WINEARCH="win64", WINEDLLOVERRIDES="mscoree,mshtml=")

    @functools.lru_cache(maxsize=None)
    def windows_program(self):
        program = self.options.folder / "windows_pair.exe"
        source = SCRIPTS.parent / "bench" / "heap" / "windows_pair.c"
        if not shutil.which("x86_64-w64-mingw32-gcc"):
            raise Missing("no mingw: scripts/packages install bench")
        output_of(["x86_64-w64-mingw32-gcc", "-O2", "-fno-builtin", "-static", "-o", program, source],
                  environment())
        output_of([wine(), program], self.wine_env)  # the first run makes a Windows folder
        return program

    # ---- real programs ---------------------------------------------------------------------------

    def program(self, side, work):
        """CPU and peak memory of a program's whole run; what it prints must always be the same."""
        command, env = work.command(self.options.folder)
        result = lib.run(pinned(command), None, 300, self.env(side, **env))
        if not result.ok(work.md5) or "cannot be preloaded" in result.errors:
            raise Trouble(result.why(work.md5) or result.errors.strip()[-200:])
        work.md5 = result.md5
        return {"cpu": result.cpu, "rss": result.rss / 1e6}

    def redis(self, side, work):
        """A server on one core, its clients on another.  Debian's links jemalloc: for glibc, libc's
        malloc is put in front of it."""
        port = free_port()
        env = self.env(side)
        env.setdefault("LD_PRELOAD", mapped_libc())
        server = subprocess.Popen(pinned(["redis-server", "--port", port, "--bind", "127.0.0.1",
                                          "--save", "", "--appendonly", "no"]),
                                  env={**os.environ, **env}, cwd=self.options.folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await_port(port)
            output_of(["taskset", "-c", min(os.sched_getaffinity(0)), "redis-benchmark", "-p", port,
                       *work.clients], environment())
            peak = peak_of(server.pid)
            output_of(["redis-cli", "-p", port, "shutdown", "nosave"], environment())
            _, status, usage = os.wait4(server.pid, 0)
            server.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if server.returncode is None:
                server.kill()
                server.wait()
        return {"cpu": usage.ru_utime + usage.ru_stime, "rss": peak / 1e6}

    # ---- under `ntmm run` -------------------------------------------------------------------------

    def run_row(self, side, name):
        """A row of scripts/bench that pages, under this build's `ntmm run` or an older one's."""
        bench = speed_table()
        budget, _, command = bench.PAGING[name]
        build = self.options.old if side == "old" else self.options.build
        if not build:
            raise Missing("an older build is needed: --old BUILD")
        paths = bench.make_inputs(self.options.folder, command)
        command = bench.fill(command, build=build, **paths)
        lib.warm(paths.values())
        ours = run_command(build, self.options.folder, f"{budget}M", command)
        mode = None if side == "old" else self.options.mode
        result = lib.run(ours, None, 300, environment(None, mode))
        if not result.ok():
            raise Trouble(result.why())
        return {"seconds": result.seconds, "cpu": result.cpu}

    def paged_out(self, side, _):
        """Pages read in by a run that frees 1 GiB it no longer has in RAM; `keep` frees nothing."""
        report = pathlib.Path(self.options.folder) / "heap-report.json"
        command = [self.folder / "heap", "paged-out", "keep" if side == "keep" else "free"]
        text = output_of(run_command(self.options.build, self.options.folder, PAGED_BUDGET, command,
                                     ["--json", report]), environment(None, self.options.mode))
        check_allocator(text, self.preloads["ours"])
        counters = json.loads(report.read_text())["counters"]
        if not counters["pages_out"]:
            raise Trouble("nothing was paged out")
        return {**figures_of(text), "in": counters["pages_in"], "hard": counters["hard_faults"]}


def wine():
    for name in ("/usr/lib/wine/wine64", shutil.which("wine64"), shutil.which("wine")):
        if name and os.access(name, os.X_OK):
            return name
    raise Missing("no wine: scripts/packages install bench")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Trouble("redis-server does not answer")


def peak_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) * 1024


def run_command(build, folder, budget, command, more=()):
    return [str(word) for word in
            [build / "tools" / "ntmm", "run", "--quiet", *more, "--ram", budget,
             "--pagefile", f"2G:{folder}", "--", *command]]


@functools.lru_cache(maxsize=None)
def speed_table():
    """scripts/bench as a module, for its rows and inputs."""
    loader = importlib.machinery.SourceFileLoader("bench", str(SCRIPTS / "bench"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    sys.modules["bench"] = module
    loader.exec_module(module)
    return module


# ---- what real programs do -------------------------------------------------------------------------

PYTHON_WORK = """
d = {}
for i in range(250000):
    d['key%d' % i] = [i, str(i), (i, i + 1)]
words = [k + v[1] for k, v in d.items()]
tree = {}
for w in words:
    tree.setdefault(w[-3:], []).append(w)
for k in list(d)[::2]:
    del d[k]
print(len(d), sum(map(len, tree.values())), hash(tuple(sorted(map(len, words)))) % 1000)
"""
SQL_WORK = """
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, score INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 260000)
INSERT INTO t SELECT i, 'name' || (i * 7919 % 5003), i * 31 % 1009, 'note of ' || i FROM n;
CREATE INDEX by_name ON t(name, score);
UPDATE t SET note = note || score WHERE id % 3 = 0;
SELECT name, count(*), sum(score) FROM t GROUP BY name ORDER BY 3 DESC, 1 LIMIT 5;
SELECT count(*) FROM t a JOIN t b ON a.name = b.name AND a.score < b.score;
"""
PERL_WORK = ('my %h; $h{"key$_"} = ["v$_", $_] for 1..300000; my %g; '
             'push @{$g{substr($_, -3)}}, $_ . $h{$_}[0] for keys %h; '
             'delete $h{"key$_"} for grep {$_ % 2} 1..300000; my $n = 0; '
             '$n += @$_ for values %g; print scalar(keys %h), " $n\\n";')


class Work:
    """A program: its words, where {file} is an input of scripts/bench, and its environment."""

    def __init__(self, *words, **env):
        self.words, self.env, self.md5 = list(words), env, None

    def command(self, folder):
        bench = speed_table()
        return bench.fill(self.words, **bench.make_inputs(folder, self.words)), self.env


class Redis:
    """What redis-benchmark is asked to do."""
    clients = ["-t", "set,lpush", "-n", "150000", "-r", "50000", "-d", "64", "-P", "16", "-c", "8", "-q"]


WORKS = {
    "sort": lambda: Work("sort", "--parallel=1", "-S", "1G", "{lines-102M.txt}"),
    "python": lambda: Work(PYTHON, "-c", PYTHON_WORK, PYTHONMALLOC="malloc", PYTHONHASHSEED="0"),
    "cc1": lambda: Work("gcc", "-O2", "-S", "-o", "-", "{short.c}"),
    "sqlite": lambda: Work("sqlite3", ":memory:", SQL_WORK),
    "perl": lambda: Work("perl", "-e", PERL_WORK, PERL_HASH_SEED="0"),
    "redis": Redis,
}
