#!/usr/bin/env python3
"""Run a program with and without the library under it: output and exit status must be the same.

usage: same.py LIBRARY PROGRAM ARGS...
       same.py LIBRARY --seeds FIRST COUNT PROGRAM ARGS...   (the seed comes before ARGS)
       same.py LIBRARY --programs [NAME...]                  (real programs, a table below)

LIBRARY may be followed by --ram BYTES FOLDER: with the library, in that much RAM and a page file in
FOLDER.

Ends with "N passed, N failed, N skipped"; exits 1 when something differed.
"""
import os
import shutil
import subprocess
import sys

SECONDS = 240

SQL = ("create table t(a, b); "
       "with recursive c(x) as (select 1 union all select x + 1 from c where x < 200000) "
       "insert into t select x, hex(x) from c; create index i on t(b); "
       "select count(*), sum(a), max(b) from t where b > '33';")
NODE = ("const a = []; for (let i = 0; i < 300000; i++) a.push({i, s: 'x' + i}); "
        "let n = 0; for (let r = 0; r < 3; r++) for (const o of a) n += o.s.length + o.i % 7; "
        "console.log(n, Buffer.alloc(5e6, 'ab').toString('base64').length);")
WORKER = ("const {Worker} = require('worker_threads'); let left = 3; "
          "const code = `const m = {}; for (let i = 0; i < 1e5; i++) m['k' + i] = i; "
          "require('worker_threads').parentPort.postMessage(Object.keys(m).length);`; "
          "for (let i = 0; i < 3; i++) new Worker(code, {eval: true}).on('message', "
          "n => { console.log(n); if (!--left) console.log('done'); });")
PYTHON = ("import json, re, hashlib, threading, subprocess\n"
          "rows = [{'id': i, 'name': 'n%d' % i, 'tags': list(range(i % 9))} for i in range(60000)]\n"
          "text = json.dumps(rows)\n"
          "print(len(text), hashlib.sha1(text.encode()).hexdigest(), json.loads(text) == rows)\n"
          "done = []\n"
          "def work(n): done.append(sum(len(str(i)) for i in range(n, n + 40000)))\n"
          "ts = [threading.Thread(target=work, args=(n,)) for n in range(6)]\n"
          "[t.start() for t in ts]; [t.join() for t in ts]\n"
          "print(sorted(done), len(re.findall('n1+', text)))\n"
          "print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout)\n"
          "import os\n"
          "pid = os.fork()\n"
          "if pid == 0: os._exit(7 if json.loads(text) == rows else 1)\n"
          "print(os.waitpid(pid, 0)[1] >> 8)\n")
PERL = ("my %h; $h{$_ * 7919 % 400009} = 'v' x ($_ % 40) for 1 .. 200000; "
        "my $n = 0; $n += length $h{$_} for sort keys %h; print scalar(keys %h), ' ', $n, \"\\n\";")
SHELL = ("for i in $(seq 300); do x=$x$i; done; echo ${#x}; seq 5000 | sort -R | sort -n | md5sum; "
         "f() { [ $1 -le 1 ] && echo 1 || echo $(( $1 * $(f $(($1 - 1))) )); }; f 10; (exit 5); "
         "echo $?; kill -TERM $$; sleep 5")
AWK = "BEGIN { for (i = 0; i < 300000; i++) a[i % 50021] = a[i % 50021] i; n = 0; " \
      "for (k in a) n += length(a[k]); print n }"
C_FILE = "".join(f"int f{n}(int n) {{ int s = {n}; for (int i = 0; i < n; i++) "
                 f"s += i * s ^ {n}; return s; }}\n" for n in range(800))

# name, arguments, standard input
PROGRAMS = [
    ("ls", ["-l", "/usr/bin"], None),
    ("bash", ["-c", SHELL], None),
    ("dash", ["-c", SHELL.replace("sort -R | ", "")], None),
    ("python3", ["-c", PYTHON], None),
    ("perl", ["-e", PERL], None),
    ("node", ["-e", NODE], None),
    ("node", ["-e", WORKER], None),
    ("gcc", ["-O2", "-S", "-x", "c", "-o", "-", "-"], C_FILE),
    ("sqlite3", [":memory:", SQL], None),
    ("awk", [AWK], None),
    ("jq", ["-c", "[.[] | {a: .id, b: (.name | length)}] | length, (map(.a) | add)"],
     "[" + ",".join('{"id":%d,"name":"%s"}' % (i, "x" * (i % 50)) for i in range(60000)) + "]"),
    ("sort", ["-n", "--parallel=2", "-S", "64M"],
     "".join("%d\n" % (i * 7919 % 1000003) for i in range(300000))),
    ("git", ["--version"], None),
    ("gzip", ["-c", "-9"], "abcdefgh" * 300000),
    ("xz", ["-c", "-T2"], "abcdefgh" * 300000),
    ("tar", ["--sort=name", "--mtime=@0", "-cf", "-", "/usr/include/linux/can"], None),
    ("find", ["/usr/include", "-name", "*.h", "-size", "+20k"], None),
    ("make", ["-j2", "-f", "-"], "all: a b c\na b c:\n\t@sleep 0.1; echo done >/dev/null\n"),
    ("env", ["LC_ALL=C", "date", "-u", "-d", "@1"], None),
    ("false", [], None),
]


paging = {}  # what the environment says of RAM and page file, for runs with the library


def run(argv, stdin, library):
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD", None)
    if library:
        environment.update(paging, LD_PRELOAD=library)
    result = subprocess.run(argv, input=stdin.encode() if stdin is not None else b"",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS,
                            env=environment)
    return result.returncode, result.stdout, result.stderr


def first_difference(a, b):
    lines = zip(a.splitlines(), b.splitlines())
    for number, (x, y) in enumerate(lines, 1):
        if x != y:
            return f"line {number}: {x[:120]!r}, with the library {y[:120]!r}"
    return f"{len(a)} bytes, with the library {len(b)}"


class Count:
    passed = failed = skipped = 0

    def compare(self, name, argv, stdin, library):
        if not shutil.which(argv[0]):
            self.skipped += 1
            print(f"ok - {name} # SKIP not installed")
            return
        plain = run(argv, stdin, None)
        ours = run(argv, stdin, library)
        if plain[:2] == ours[:2]:
            self.passed += 1
            print(f"ok - {name}")
            return
        self.failed += 1
        print(f"not ok - {name}")
        print(f"# exit {plain[0]}, with the library {ours[0]}; "
              f"{first_difference(plain[1], ours[1])}")
        print("# " + ours[2].decode(errors="replace")[-400:].replace("\n", "\n# "))


def main():
    library, arguments = sys.argv[1], sys.argv[2:]
    count = Count()
    if arguments[0] == "--ram":
        paging.update(NTMM_RAM=arguments[1], NTMM_PAGEFILE=str(4 << 30),
                      NTMM_PAGEFILE_DIR=arguments[2])
        arguments = arguments[3:]
    if arguments[0] == "--programs":
        wanted = arguments[1:]
        for name, args, stdin in PROGRAMS:
            if not wanted or name in wanted:
                count.compare(f"{name} does the same", [name] + args, stdin, library)
    elif arguments[0] == "--seeds":
        first, number, program = int(arguments[1]), int(arguments[2]), arguments[3]
        for seed in range(first, first + number):
            argv = [program, str(seed)] + arguments[4:]
            count.compare(f"seed {seed} does the same", argv, None, library)
    else:
        count.compare(f"{arguments[0]} does the same", arguments, None, library)
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
