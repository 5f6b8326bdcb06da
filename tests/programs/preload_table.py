"""The programs of tests/programs/preload: a piece of work with each, as a script of sh(1).

A script prints the same bytes every time.  The inputs below are environment variables with paths,
and $TESTS is this folder.
"""

INPUTS = {
    "JSON": ("json", "20000"),
    "LINES": ("lines", "6M"),
    "FEW": ("lines", "1M"),
    "CSOURCE": ("csource", "50"),
    "SQL": ("sql", "30000"),
}

PYTHON = r"""
cat >work.py <<'END'
import decimal, hashlib, json, os, re, subprocess, sys, threading, zlib
rows = json.load(open(os.environ['JSON']))
text = json.dumps(rows)
print(len(text), hashlib.sha1(text.encode()).hexdigest(), json.loads(text) == rows)
done = []
def work(n): done.append(sum(len(str(i) * (i % 50)) for i in range(n, n + 20000)))
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(done), len(re.findall('river|st(r)eam', text)))
print(hashlib.md5(zlib.compress(text.encode() * 3)).hexdigest())
decimal.getcontext().prec = 3000
print(str(decimal.Decimal(2).sqrt())[-20:], str(3 ** 8000)[:20])
pid = os.fork()
if pid == 0: os._exit(7 if json.loads(text) == rows else 1)
print(os.waitpid(pid, 0)[1] >> 8)
print(subprocess.run([sys.executable, '-c', 'print(len("x" * 5000000))'],
                     capture_output=True, text=True, check=True).stdout)
sys.setrecursionlimit(20000)
def deep(n): return [n, deep(n - 1)] if n else []
print(len(repr(deep(3000))))
END
"""

PERL = r"""
perl -e '
my (%h, @order);
while (<>) { my ($k, @w) = split " "; $h{$k} = join "-", reverse @w; push @order, $k }
my $s = 0; $s = ($s * 31 + length($h{$_}) + ord) % 1000003 for @order;
my @sorted = sort { $h{$a} cmp $h{$b} or $a cmp $b } keys %h;
print scalar(@order), " $s $sorted[0] $sorted[-1]\n";
my $t = join "", map { chr 97 + $_ % 26 } 1 .. 200000;
my $n = () = $t =~ /(?:ab|c(d)e)+/g; $t x= 20; print "$n ", length($t), "\n";
my $pid = fork; exit 5 unless $pid; waitpid $pid, 0; print $? >> 8, "\n";
' $LINES
"""

NODE = r"""
node -e '
const {Worker} = require("worker_threads"), crypto = require("crypto"), zlib = require("zlib");
const rows = JSON.parse(require("fs").readFileSync(process.env.JSON, "utf8"));
const m = new Map(); for (const r of rows) m.set(r.name + r.id, {...r, extra: [r.id, r.score]});
let n = 0; for (const [k, v] of m) n += k.length + v.extra.length;
const z = zlib.gzipSync(JSON.stringify([...m.values()]));
console.log(n, zlib.gunzipSync(z).length, crypto.createHash("md5").update(z).digest("hex"));
let s = 0; for (let i = 0; i < 300; i++) s += Buffer.alloc(1e5 + i, "ab").toString("base64").length;
console.log(s);
const code = `const m = {}; for (let i = 0; i < 5e4; i++) m["k" + i] = [i];
require("worker_threads").parentPort.postMessage(Object.keys(m).length);`;
for (let i = 0; i < 4; i++) new Worker(code, {eval: true}).on("message", k => console.log(k));
'
"""

# What the C++ program prints is checked by itself; see the file.
CXX = r"""
g++ -std=c++17 -O1 -Wall -pthread -o objects $TESTS/objects.cc && md5sum objects && ./objects
"""

GIT = r"""
set -e
export GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git init -q -b main repo && cd repo && git config gc.auto 0
split -l 500 -a 3 $FEW part-
git add . && git commit -q -m one
for f in part-aa?; do sed -i 's/river/stream/' $f; done
git commit -q -a -m two
git repack -q -a -d -f --threads=2 --window=10
git fsck --full 2>&1
git clone -q . ../copy
git log --stat --format='%H %s' | md5sum
git diff HEAD~1 | md5sum
git grep -c river | md5sum
git archive HEAD | md5sum
git cat-file --batch-all-objects --batch-check | sort | md5sum
"""

REDIS = r"""
ln -s /usr/bin/redis-check-rdb redis-server  # the same program: its name decides
serve() {
    ./redis-server --unixsocket ./s --port 0 --save '' --logfile log >/dev/null & pid=$!
    trap 'kill $pid' EXIT
    until redis-cli -s ./s ping >/dev/null 2>&1; do
        kill -0 $pid || exit 9
        sleep 0.05
    done
}
until_saved() {
    until redis-cli -s ./s info persistence | grep -q '^rdb_bgsave_in_progress:0'; do
        sleep 0.05
    done
    redis-cli -s ./s info persistence | grep '^rdb_last_bgsave_status'
}
digest() {
    redis-cli -s ./s eval "local s = '' for _, k in ipairs({'a', 'b', 'c'}) do
        for i = 1, 2000 do redis.call('rpush', k, k .. i .. s); s = string.rep(k, i % 300) end
        s = redis.sha1hex(table.concat(redis.call('lrange', k, 0, -1))) end return s" 0
    redis-cli -s ./s dbsize
}
serve
redis-benchmark -s ./s -n 20000 -P 16 -q -d 200 -r 5000 -t set,get,lpush,hset,zadd,mset >rates
echo $? $(tr '\r' '\n' <rates | grep -c 'requests per second.*msec')
redis-cli -s ./s --raw del mylist myhash myzset >/dev/null
redis-cli -s ./s eval "for i = 1, 20000 do redis.call('set', 'key:' .. i, i) end" 0
redis-cli -s ./s eval "return #redis.call('keys', 'key:?????') > 0" 0
redis-cli -s ./s flushall async
digest
redis-cli -s ./s bgsave && until_saved
kill $pid && wait $pid
echo ended by $?
serve
digest
kill $pid && wait $pid
echo ended by $?
trap '' EXIT
"""

GDB = r"""
cat >tree.c <<'END'
#include <stdlib.h>
struct tree { struct tree *left, *right; int value; };
static struct tree *plant_tree(int depth)
{
    struct tree *t = malloc(sizeof *t);
    t->value = depth;
    t->left = depth ? plant_tree(depth - 1) : 0;
    t->right = 0;
    return t;
}
int main(void) { return plant_tree(5)->value; }
END
gcc -g -O0 -o tree tree.c
gdb -nx -nh -batch -ex 'set confirm off' -ex 'break plant_tree if depth == 0' -ex run -ex bt \
    -ex 'up 2' -ex 'info locals' -ex 'ptype struct tree' -ex 'print *t->left@1' \
    -ex 'print sizeof(struct tree)' -ex 'delete' -ex finish -ex continue ./tree 2>&1 |
    sed -e 's/0x[0-9a-f]*/ADDRESS/g' -e 's/(process [0-9]*)/(process N)/' -e '/libthread_db/d'
"""

VIM = r"""
vim=$(command -v vim.tiny || command -v vim)
cp $FEW text
$vim -u NONE -i NONE -n -es -c '%s/river/stream/g' -c 'g/delta/m0' -c '1,2000d' -c undo -c 'v/a/d' \
    -c '%normal A.' -c 'wq! out' text
echo $?
md5sum out
"""

OPENSSL = r"""
set -e
openssl enc -aes-256-cbc -pbkdf2 -pass pass:x -S 0102030405060708 -in $LINES -out sealed
openssl dgst -sha256 -r <sealed && openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x -in sealed |
    cmp - $LINES && echo the same again
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=test -days 9 2>/dev/null
openssl verify -CAfile cert cert
openssl dgst -sha256 -sign key -out signature $FEW
openssl x509 -in cert -pubkey -noout >public
openssl dgst -sha256 -verify public -signature signature $FEW
openssl prime -generate -bits 64 | wc -l
"""

BASH = r"""
cat >work.sh <<'END'
declare -A count
while read -r _ a b _; do (( count[$a-$b]++ )); done < <(head -n 3000 "$FEW")
for k in "${!count[@]}"; do echo "$k ${count[$k]}"; done | sort | md5sum
for i in {1..3000}; do x=$x$i; done; echo ${#x} "${x//12/y}" | md5sum
f() { [[ $1 -le 1 ]] && echo 1 || echo $(( $1 * $(f $(($1 - 1))) )); }; f 15
mapfile -t lines < "$FEW"; echo ${#lines[@]} "${lines[*]: -2}"
coproc cat; echo through >&${COPROC[1]}; read -r r <&${COPROC[0]}; echo $r
trap 'echo trapped' USR1; kill -USR1 $$
printf '%s\n' {a..z}{a..z}{a..z} | md5sum
exit 6
END
exec bash work.sh
"""

DASH = r"""
cat >work.sh <<'END'
i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); x=$x$i; done; echo ${#x}
f() { [ $1 -le 1 ] && echo 1 || echo $(($1 * $(f $(($1 - 1))))); }; f 12
i=0; while [ $i -lt 20 ]; do i=$((i + 1)); echo $i | cat | tr 1 2; done | md5sum
set -- $(cut -d' ' -f2 "$FEW"); echo $# $1 ${9999}
trap 'echo trapped' USR1; kill -USR1 $$
cat <<HERE | md5sum
$x$x$x $(head -n 500 "$FEW")
HERE
kill -TERM $$
END
exec dash work.sh
"""

MAKE = r"""
cat >Makefile <<'END'
names := $(shell seq 60)
double = $(1)$(1)
all: $(addsuffix .out,$(names)) prog
%.out: ; @echo '$(call double,$*) $(words $(filter 1%,$(names)))' >$@
%.o: %.c ; @gcc -O0 -g -c -o $@ $<
a.c b.c c.c d.c: ; @sed 's/main(void)/main_$(basename $@)(void)/' $(CSOURCE) >$@
main.c: ; @echo 'int main_a(void); int main(void) { return main_a(); }' >$@
prog: main.o a.o b.o c.o d.o ; @gcc -o $@ $^
END
sed -i 's/ ; @/\n\t@/; s/: ; @/:\n\t@/' Makefile
make -s -j2 && cat *.out | md5sum && ./prog; md5sum *.o prog; make -q && make -s missing
"""

NINJA = r"""
set -e
for i in $(seq 12); do echo "int f$i(int n) { return n * $i; }" >f$i.c; done
echo 'int f7(int); int main(void) { return f7(6) - 42; }' >main.c
echo "project('p', 'c')" >meson.build
echo "executable('p', 'main.c', $(seq -s, -f "'f%g.c'" 12))" >>meson.build
meson setup out --buildtype=release >meson.log
ninja -C out -j2 -d stats | grep -c 'ninja: Entering'
ninja -C out -t targets all | sort | md5sum
ninja -C out -n | tail -n 1
out/p && md5sum out/p
"""

PHP = r"""
cat >work.php <<'END'
<?php
$rows = json_decode(file_get_contents(getenv('JSON')), true);
$by = [];
foreach ($rows as $r) $by[$r['address']['city']][] = $r['name'] . $r['score'];
ksort($by);
foreach ($by as $city => $names) { sort($names); echo $city, ' ', md5(implode(',', $names)), "\n"; }
echo md5(serialize(unserialize(serialize($rows)))), "\n";
$text = str_repeat(file_get_contents(getenv('FEW')), 4);
echo preg_match_all('/\b(r\w+|s(u)mmit)\b/', $text), "\n";
echo strlen(preg_replace('/a+/', 'bb', $text)), "\n";
function numbers($n) { for ($i = 0; $i < $n; $i++) yield $i => str_repeat('x', $i % 40); }
$sum = 0; foreach (numbers(200000) as $k => $v) $sum += strlen($v) ^ $k; echo $sum, "\n";
$big = range(1, 500000); shuffle($big); sort($big); echo $big[499999], ' ', array_sum($big), "\n";
END
php -n -d memory_limit=512M work.php
"""

RUBY = r"""
cat >work.rb <<'END'
require 'json'
require 'digest'
rows = JSON.parse(File.read(ENV['JSON']))
by = rows.group_by { |r| r['address']['city'] }
by.sort.each do |city, rs|
  puts "#{city} #{Digest::MD5.hexdigest(rs.map { |r| r['name'] }.sort.join)}"
end
puts JSON.generate(rows).size
text = File.read(ENV['FEW'])
puts text.scan(/r\w+er/).tally.sort.inspect
threads = (1..4).map { |n| Thread.new { (1..20000).map { |i| (i * n).to_s }.join.size } }
puts threads.map(&:value).inspect
GC.start
GC.compact
puts rows.sum { |r| r['score'] }.round(3), (2**5000).to_s.size
pid = fork { exit rows.size == 20000 ? 4 : 1 }
Process.wait pid
puts $?.exitstatus
END
ruby work.rb
"""

LUA = r"""
cat >work.lua <<'END'
local count, order = {}, {}
for line in io.lines(os.getenv('LINES')) do
  for w in line:gmatch('%a+') do
    if not count[w] then order[#order + 1] = w end
    count[w] = (count[w] or 0) + 1
  end
end
table.sort(order, function(a, b)
  if count[a] ~= count[b] then return count[a] > count[b] end
  return a < b
end)
for i = 1, 10 do print(order[i], count[order[i]]) end
local parts = {}
for i = 1, 200000 do parts[i] = tostring(i * 7919 % 400009) end
print(#table.concat(parts), #order)
local co = coroutine.wrap(function() for i = 1, 50000 do coroutine.yield({i, tostring(i)}) end end)
local n = 0 for i = 1, 50000 do n = n + #co()[2] end print(n)
parts, co = nil, nil
collectgarbage() collectgarbage('generational')
for i = 1, 300000 do local t = {i, {i}} n = n + #t end print(n)
END
lua5.4 work.lua
"""

TCL = r"""
cat >work.tcl <<'END'
set f [open $env(FEW)]
set count [dict create]
while {[gets $f line] >= 0} { foreach w [lrange [split $line] 1 end] { dict incr count $w } }
foreach w [lsort [dict keys $count]] { puts "$w [dict get $count $w]" }
set l {}
for {set i 0} {$i < 100000} {incr i} { lappend l [expr {$i * 7919 % 400009}] }
set l [lsort -integer -unique $l]
puts "[llength $l] [lindex $l 500] [string length [join $l]]"
puts [regexp -all {1+2} [join $l]]
set s {}
for {set i 0} {$i < 2000} {incr i} { append s [string repeat x [expr {$i % 30}]]; set a($i) $s }
puts "[string length $a(1999)] [array size a] [expr {3 ** 2000 % 1000007}]"
exit 3
END
tclsh work.tcl
"""

BINUTILS = r"""
gcc -O1 -g -c -o one.o $CSOURCE
sed 's/main(void)/other(void)/' $CSOURCE >two.c && gcc -O0 -g -c -o two.o two.c
ld -r -o both.o one.o two.o && md5sum both.o
objdump -dlr both.o | md5sum
nm both.o | md5sum; readelf -a -w both.o 2>&1 | md5sum; size -A both.o
ar rcD all.a one.o two.o both.o && ranlib -D all.a && md5sum all.a
gcc -o prog one.o && strip prog && md5sum prog
objcopy --only-section=.text one.o text && md5sum text
c++filt _ZNSt6vectorIiSaIiEE9push_backEOi
"""

STRACE = r"""
cat >many.sh <<'END'
seq 5 | sort -r | tr 1 2
for i in 1 2 3 4; do (echo child $i; exit $i); done
wait
END
strace -ff -o log -e trace=write,exit_group -e signal=none dash many.sh
cat log.* | grep -e '^write(1' -e '^exit_group' | sort
ls log.* | wc -l
"""

RSYNC = r"""
set -e
mkdir from && cd from && split -l 300 $FEW part- && ln -s part-aa link
mkdir deep && cp part-aa deep/copy
find . -exec touch -h -d @1000000000 {} + && cd ..
rsync -ai from/ to | sort | md5sum
sed -i s/river/stream/ from/part-a? && rm from/part-ab
rsync -ai --checksum --delete --no-whole-file --no-times from/ to | sort
diff -r from to && (cd to && md5sum * deep/* 2>/dev/null | md5sum)
"""

SSH_KEYGEN = r"""
for type in rsa ecdsa ed25519; do
    case $type in rsa) bits='-b 2048' ;; *) bits= ;; esac
    ssh-keygen -q -t $type $bits -N '' -C me -f $type
    ssh-keygen -l -f $type.pub | sed 's/SHA256:[^ ]*/HASH/'
    echo "me $(cat $type.pub)" >signers
    ssh-keygen -q -Y sign -f $type -n file <$FEW >signature 2>/dev/null
    ssh-keygen -Y verify -f signers -I me -n file -s signature <$FEW |
        sed 's/SHA256:[^ ]*/HASH/'
    ssh-keygen -q -p -P '' -N secret -f $type
    ssh-keygen -y -P secret -f $type | cmp - $type.pub
done 2>&1
"""

GPG = r"""
mkdir -m 700 home && export GNUPGHOME=$PWD/home
trap 'gpgconf --kill gpg-agent' EXIT
seal='gpg --batch --quiet --passphrase secret --pinentry-mode loopback'
$seal --symmetric --cipher-algo AES256 --s2k-count 65536 -o sealed $FEW
$seal -d sealed | cmp - $FEW
echo $?
$seal --list-packets sealed 2>&1 | grep -c packet
gpg --batch --print-md SHA512 $FEW | sed 's/.*: *//'
gpg --batch --enarmor <$FEW | gpg --batch --dearmor | cmp - $FEW && echo armor and back
$seal --output broken --decrypt $FEW 2>/dev/null
"""

CURL = r"""
for i in 1 2 3 4 5 6; do split -n $i/6 $FEW >part$i; done
curl -sZ $(seq -f "file://$PWD/part%g" 6) | wc -c
curl -s "file://$PWD/part[1-6]" | md5sum
curl -s -o copy file://$LINES && cmp copy $LINES
curl -sI file://$PWD/part1 | head -n 1
curl -s -r 1000-1999 file://$LINES | md5sum
curl -s file:///nonexistent
"""

FILE = r"""
cp $FEW text && gzip -nk text && xz -k text && gcc -c -o object $CSOURCE && tar -cf tar text
file *
file -bi /usr/include/linux/* /usr/lib/python3/dist-packages/mesonbuild/*.py | sort | uniq -c
"""

M4 = r"""
cat >work.m4 <<'END'
define(`fib', `ifelse(eval($1 < 2), 1, $1, `eval(fib(decr($1)) + fib(decr(decr($1))))')')dnl
define(`loop',
    `ifelse($1, 0, , `define(`name$1', `value of $1 with some text')loop(decr($1))')')dnl
fib(17) loop(3000) name1 name2999
define(`grow', `ifelse(len(`$1'), 65536, `len(`$1')', `grow(`$1$1')')')dnl
grow(`x') translit(`anchor', `a-z', `b-za') regexp(`river and stream', `s\w+', `\&')
syscmd(`echo from a shell')dnl
END
m4 work.m4 && m4 -s work.m4 | md5sum
"""

TAR = r"""
fixed='--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a+r'
tar $fixed -cf - /usr/include/linux/netfilter 2>/dev/null | md5sum
tar $fixed -cJf tar.xz -C /usr/include/linux netfilter && tar -tf tar.xz | md5sum
mkdir out && tar -xf tar.xz -C out && diff -r out/netfilter /usr/include/linux/netfilter
find out -type f | wc -l
tar -xOf tar.xz netfilter/x_tables.h | md5sum
tar -tf $FEW 2>/dev/null
"""

PATCH = r"""
sed -e 's/river/stream/' -e '500,520d' -e '3000a more' $FEW >new
diff -u $FEW new >difference; echo $?; tail -n +3 difference | md5sum
cp $FEW text && patch -s text difference && cmp text new
patch -s -R text difference && cmp text $FEW
diff -y -W 60 $FEW new | md5sum; diff3 -m $FEW text new | md5sum; sdiff -s $FEW new | wc -l
patch -s -f text /dev/null; cmp $FEW new
"""

GCC = r"""
gcc -O2 -S -o - $CSOURCE | md5sum
gcc -x c - <$FEW 2>errors; wc -l <errors
"""

CLANG = r"""
clang -O2 -S -o - $CSOURCE | md5sum
clang -fsyntax-only -ferror-limit=0 -x c - <$FEW 2>errors; tail -n 1 errors
"""

SQLITE = r"""
sqlite3 :memory: <$SQL
sqlite3 file <$SQL | md5sum
sqlite3 file .dump | md5sum
"""

SORT = r"""
sort --parallel=2 -S 20M $LINES | md5sum
sort -k3,3 -k2,2r -u $LINES | md5sum
sort -n -c $LINES 2>/dev/null
"""

JQ = r"""
jq -c 'group_by(.address.city)|map({city:.[0].address.city,n:length})' $JSON
jq -r '.[]|[.id,.name,(.tags|add)]|@csv' $JSON | md5sum
jq -n '[limit(50000; repeat(1))] | add, error'
"""

MAWK = r"""
mawk '{ for (i = 2; i <= NF; i++) n[$i]++; a[NR] = $0 }
END { for (k in n) print k, n[k] | "sort"; print length(a[NR]), NR; exit 3 }' $LINES
"""

GAWK = r"""
gawk '{ a[$2][$3]++; s = s $1 }
END {
    PROCINFO["sorted_in"] = "@ind_str_asc"
    for (k in a) { printf "%s", k; for (l in a[k]) printf " %d", a[k][l]; print "" }
    print length(s), gensub(/a+/, "b", "g", substr(s, 1, 40))
}' $FEW
"""

XZ = r"""
xz -T2 -1 --block-size=1MiB <$LINES >x && md5sum <x && xz -dc x | md5sum && xz -l --robot x
xz -dc $FEW
"""

GZIP = r"""
gzip -6n <$LINES >z && md5sum <z && gzip -dc z | md5sum
gzip -t $FEW
"""

BZIP2 = r"""
bzip2 <$FEW >z && md5sum <z && bzip2 -dc z | md5sum
bzip2 -t $FEW
"""

ZSTD = r"""
zstd -q -T2 -4 <$LINES >z && zstd -dc <z | md5sum
zstd -q --train -o dictionary -B4000 $FEW
zstd -q -D dictionary <$FEW | zstd -qd -D dictionary | cmp - $FEW && zstd -l z | wc -l
"""

GREP = r"""
grep -cP '(?<=r)iver (?!north)\w+(?:er)?\b' $LINES
grep -oP '\b(\w)\w*\1\b' $FEW | sort | uniq -c
grep -c -F -f $FEW $FEW
grep -E '^(.)\1' $FEW | md5sum
grep -q nothing $FEW
"""

SED = r"""
sed -n 'H;${x;s/\n\([0-9a-f]*\)/ \1/g;p}' $FEW | md5sum
head -n 300 $FEW | sed -E ':a;s/([a-z]+) (.*)\1/\1-\2/;ta' | md5sum
sed --posix 5q $FEW
sed y/abc/ $FEW
"""

FIND = r"""
mkdir -p a/b/c && split -a 3 -l 40 $FEW a/b/f
find a -type f -size +2k -name '*a' | sort | md5sum
find a -name 'fa?a' -exec md5sum {} + | sort
find a -delete -print | wc -l
find b
"""

BC = r"""
echo 'scale=500; 4*a(1); 2^5000 % 10^40; e(1)' | bc -l | md5sum
echo 'define f(n) { if (n < 2) return 1; return n * f(n-1); } f(300)' | bc
"""

LIMITED = "ulimit -v {}\n" # KiB of address space
GIB, MIB_300 = LIMITED.format(1 << 20), LIMITED.format(300 << 10)

# Program: how the process that must be on our memory is called, its script, the exit status.
PROGRAMS = {
    "gcc": ("cc1", GCC, 0),
    "clang": ("clang", CLANG, 0),
    "g++ and a C++ program": ("objects", CXX, 0),
    "node": ("node", NODE, 0),
    "python3": ("python3", PYTHON + "/usr/bin/python3 work.py", 0),
    "python3 on malloc": ("python3", PYTHON + "PYTHONMALLOC=malloc /usr/bin/python3 work.py", 0),
    "perl": ("perl", PERL, 0),
    "ruby": ("ruby", RUBY, 0),
    "php": ("php", PHP, 0),
    "lua": ("lua", LUA, 0),
    "tclsh": ("tclsh", TCL, 3),
    "redis-server under redis-benchmark": ("redis-", REDIS, 0),
    "sqlite3": ("sqlite3", SQLITE, 0),
    "git": ("git", GIT, 0),
    "make": ("make", MAKE, 2),
    "meson and ninja": ("ninja", NINJA, 0),
    "binutils": ("objdump", BINUTILS, 0),
    "gdb": ("gdb", GDB, 0),
    "strace": ("strace", STRACE, 0),
    "sort": ("sort", SORT, 1),
    "jq": ("jq", JQ, 5),
    "mawk": ("mawk", MAWK, 3),
    "gawk": ("gawk", GAWK, 0),
    "xz": ("xz", XZ, 1),
    "gzip": ("gzip", GZIP, 1),
    "bzip2": ("bzip2", BZIP2, 2),
    "zstd": ("zstd", ZSTD, 0),
    "tar": ("tar", TAR, 2),
    "vim": ("vim", VIM, 0),
    "openssl": ("openssl", OPENSSL, 0),
    "gpg": ("gpg", GPG, 2),
    "ssh-keygen": ("ssh-keygen", SSH_KEYGEN, 0),
    "rsync": ("rsync", RSYNC, 0),
    "curl": ("curl", CURL, 37),
    "file": ("file", FILE, 0),
    "grep": ("grep", GREP, 1),
    "sed": ("sed", SED, 1),
    "find": ("find", FIND, 1),
    "bc": ("bc", BC, 0),
    "m4": ("m4", M4, 0),
    "diff and patch": ("diff", PATCH, 1),
    "python3 in 1 GiB of address space": ("python3", PYTHON + GIB + "/usr/bin/python3 work.py", 0),
    "g++ in 1 GiB of address space": ("objects", GIB + CXX, 0),
    "perl in 300 MiB of address space": ("perl", MIB_300 + PERL, 0),
    "gcc in 300 MiB of address space": ("cc1", MIB_300 + GCC, 0),
    "sqlite3 in 300 MiB of address space": ("sqlite3", MIB_300 + SQLITE, 0),
    "jq in 300 MiB of address space": ("jq", MIB_300 + JQ, 5),
    "bash": ("bash", BASH, 6),
    "dash": ("dash", DASH, -15),
}
