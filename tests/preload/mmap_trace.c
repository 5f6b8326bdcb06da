/*
 * mmap_trace.c - a random walk through mmap and its family, told so that two runs can be compared.
 *
 * Run once as it is, the kernel answering, and once under LD_PRELOAD: the two outputs must be the
 * same, line by line.  Nothing that depends on where memory lies is printed, and no call is made
 * whose answer is the kernel's free choice.
 *
 * usage: mmap_trace SEED OPERATIONS
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 512ul /* of the window in which everything happens */
#define SLOTS 8
#define LOOKED_AT 256ul /* pages looked at in one call */
#define LONGEST 96ul    /* pages of one call */

static char *window;
static int file; /* PAGES pages of known contents */
static int ends[2];
static uint64_t state;

static char output[1 << 16]; /* no malloc while the window has holes: libc's mmap would fill them */

static unsigned random_below(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % limit;
}

/*
 * One byte of each of `count` pages, read by the kernel: 0 to 255, and -1 where it cannot.  A write
 * to a pipe ends where the memory cannot be read, and tells how far it came.
 */
static void peek(const char *base, unsigned long count, int *ret_bytes)
{
    struct iovec pieces[LOOKED_AT];
    unsigned char bytes[LOOKED_AT];
    unsigned long done = 0;

    for (unsigned long i = 0; i < count; i++)
        pieces[i] = (struct iovec){(char *)base + i * PAGE, 1};
    while (done < count) {
        ssize_t n = writev(ends[1], pieces + done, (int)(count - done));
        if (n <= 0) {
            ret_bytes[done++] = -1;
            continue;
        }
        if (read(ends[0], bytes, (size_t)n) != n)
            abort();
        for (ssize_t i = 0; i < n; i++)
            ret_bytes[done++] = bytes[i];
    }
}

/* Whether the kernel may write there; if so the byte is set. */
static bool poke(char *address, char byte)
{
    bool done;
    if (write(ends[1], &byte, 1) != 1)
        abort();
    done = read(ends[0], address, 1) == 1;
    if (!done && read(ends[0], &byte, 1) != 1)
        abort();
    return done;
}

/* What the window looks like: access and contents of every page. */
static uint64_t digest(const char *base, unsigned long pages)
{
    uint64_t sum = 1469598103934665603ull;
    int bytes[LOOKED_AT];

    for (unsigned long at = 0; at < pages; at += LOOKED_AT) {
        unsigned long count = pages - at < LOOKED_AT ? pages - at : LOOKED_AT;
        peek(base + at * PAGE, count, bytes);
        for (unsigned long i = 0; i < count; i++)
            sum = (sum ^ (uint64_t)(bytes[i] + 3)) * 1099511628211ull;
    }
    return sum;
}

static int protection(void)
{
    static const int all[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                              PROT_READ | PROT_EXEC};
    return all[random_below(sizeof all / sizeof all[0])];
}

static void tell(const char *call, int result)
{
    printf("%s %s\n", call, result ? strerrorname_np(errno) : "ok");
}

static char *place(unsigned long *ret_pages)
{
    unsigned long first = random_below(PAGES);
    unsigned long pages = 1 + random_below(random_below(4) ? LONGEST : 4);
    *ret_pages = pages < PAGES - first ? pages : PAGES - first;
    return window + first * PAGE;
}

static void map_fresh(void)
{
    unsigned long pages;
    char *at = place(&pages);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    tell("map fresh", mmap(at, pages * PAGE, protection(), flags, -1, 0) != at);
}

static void map_file(void)
{
    unsigned long pages;
    char *at = place(&pages);
    int flags = (random_below(2) ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED;
    off_t offset = (off_t)(random_below(PAGES - (unsigned)pages + 1) * PAGE);
    tell("map file", mmap(at, pages * PAGE, protection(), flags, file, offset) != at);
}

static void map_noreplace(void)
{
    unsigned long pages;
    char *at = place(&pages);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

    /* Over something of ours for sure: whether holes can be filled is tested elsewhere. */
    if (mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
        tell("map one", 1);
    tell("map noreplace", mmap(at, pages * PAGE, protection(), flags, -1, 0) != at);
}

static void unmap(void)
{
    unsigned long pages;
    char *at = place(&pages);
    tell("unmap", munmap(at, pages * PAGE - random_below(PAGE)));
}

/* A failing mprotect leaves a part done: which one is the kernel's affair, so map it anew. */
static void protect(void)
{
    unsigned long pages;
    char *at = place(&pages);
    int failed = mprotect(at, pages * PAGE, protection());
    tell("protect", failed);
    if (failed &&
        mmap(at, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
        tell("map anew", 1);
}

static void forget(void)
{
    unsigned long pages;
    char *at = place(&pages);
    tell("forget", madvise(at, pages * PAGE, MADV_DONTNEED));
}

static void hint(void)
{
    static const int advices[] = {MADV_NORMAL,   MADV_RANDOM, MADV_SEQUENTIAL,
                                  MADV_WILLNEED, MADV_DODUMP, 9999};
    unsigned long pages;
    char *at = place(&pages);
    int advice = advices[random_below(sizeof advices / sizeof advices[0])];
    tell("hint", madvise(at, pages * PAGE, advice));
}

static void set_bytes(void)
{
    unsigned long pages;
    char *at = place(&pages);
    unsigned long done = 0;
    for (unsigned long i = 0; i < pages; i++)
        done += poke(at + i * PAGE, (char)(1 + random_below(255)));
    printf("set %lu of %lu\n", done, pages);
}

/* Something fresh and its remapping within the window, so that the kernel has no choice. */
static void remap_within(void)
{
    unsigned long pages, to_pages;
    char *at = place(&pages);
    char *to = place(&to_pages);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    int protect = random_below(2) ? PROT_READ : PROT_READ | PROT_WRITE;

    if (mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) != at)
        tell("map to remap", 1);
    memset(at, (int)random_below(256), pages * PAGE / 2);
    if (mprotect(at, pages * PAGE, protect))
        tell("protect to remap", 1);
    tell("remap within",
         mremap(at, pages * PAGE, to_pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to);
}

static void remap_smaller(void)
{
    unsigned long pages;
    char *at = place(&pages);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

    if (mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) != at)
        tell("map to shrink", 1);
    tell("shrink", mremap(at, pages * PAGE, (1 + random_below((unsigned)pages)) * PAGE, 0) != at);
}

static void bad_calls(void)
{
    char *at = window + random_below(PAGES) * PAGE;
    volatile unsigned long huge = ~0ul - random_below(4096);
    int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

    tell("map odd", mmap(at + 8, PAGE, PROT_READ, fixed, -1, 0) == MAP_FAILED);
    tell("map nothing", mmap(at, 0, PROT_READ, fixed, -1, 0) == MAP_FAILED);
    tell("map all", mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    tell("map no type", mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    tell("map odd offset",
         mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 8) == MAP_FAILED);
    tell("map no file", mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED);
    tell("unmap odd", munmap(at + 8, PAGE));
    tell("unmap nothing", munmap(at, 0));
    tell("unmap all", munmap(at, huge));
    tell("protect odd", mprotect(at + 8, PAGE, PROT_READ));
    tell("protect nothing", mprotect(at, 0, PROT_READ));
    tell("protect all", mprotect(at, huge, PROT_READ));
    tell("protect junk", mprotect(at, PAGE, 0x7fff0000));
    tell("advise odd", madvise(at + 8, PAGE, MADV_DONTNEED));
    tell("advise nothing", madvise(at, 0, MADV_DONTNEED));
    tell("advise all", madvise(at, huge, MADV_DONTNEED));
    tell("remap odd", mremap(at + 8, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
    tell("remap to nothing", mremap(at, PAGE, 0, MREMAP_MAYMOVE) == MAP_FAILED);
    tell("remap junk", mremap(at, PAGE, PAGE, 0x100) == MAP_FAILED);
    tell("remap fixed", mremap(at, PAGE, PAGE, MREMAP_FIXED, at + PAGE) == MAP_FAILED);
    tell("remap over itself",
         mremap(at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at) == MAP_FAILED);
}

/* ---- mappings that lie where the kernel likes ------------------------------------------------------ */

static struct {
    char *at;
    unsigned long pages;
} slots[SLOTS];

static void slot_map(int i)
{
    slots[i].pages = 1 + random_below(600);
    slots[i].at = mmap(NULL, slots[i].pages * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tell("slot map", slots[i].at == MAP_FAILED);
}

static void slot_remap(int i)
{
    unsigned long pages = 1 + random_below(1500);
    char *at = mremap(slots[i].at, slots[i].pages * PAGE, pages * PAGE, MREMAP_MAYMOVE);
    tell("slot remap", at == MAP_FAILED);
    if (at == MAP_FAILED)
        abort();
    slots[i].at = at;
    slots[i].pages = pages;
}

static void slot_move(int i)
{
    char *old = slots[i].at;
    char *at = mremap(old, slots[i].pages * PAGE, slots[i].pages * PAGE,
                      MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    tell("slot move", at == MAP_FAILED);
    printf("left behind %016lx\n", (unsigned long)digest(old, slots[i].pages));
    if (at == MAP_FAILED || munmap(old, slots[i].pages * PAGE))
        abort();
    slots[i].at = at;
}

static void slot_write(int i)
{
    for (int n = 0; n < 20; n++)
        slots[i].at[random_below((unsigned)slots[i].pages) * PAGE] = (char)random_below(256);
}

static void slot_trim(int i)
{
    unsigned long head = random_below((unsigned)slots[i].pages);
    unsigned long tail = random_below((unsigned)(slots[i].pages - head));
    if (head)
        tell("slot head", munmap(slots[i].at, head * PAGE));
    slots[i].at += head * PAGE;
    slots[i].pages -= head + tail;
    if (tail)
        tell("slot tail", munmap(slots[i].at + slots[i].pages * PAGE, tail * PAGE));
}

static void slot_unmap(int i)
{
    tell("slot unmap", munmap(slots[i].at, slots[i].pages * PAGE));
    slots[i].at = NULL;
}

static void slot_step(void)
{
    static void (*const steps[])(int) = {slot_remap, slot_write, slot_write,
                                         slot_trim,  slot_move,  slot_unmap};
    int i = (int)random_below(SLOTS);
    if (!slots[i].at)
        slot_map(i);
    else
        steps[random_below(sizeof steps / sizeof steps[0])](i);
    if (slots[i].at)
        printf("slot %d: %lu pages %016lx\n", i, slots[i].pages,
               (unsigned long)digest(slots[i].at, slots[i].pages));
}

static void window_step(void)
{
    static void (*const steps[])(void) = {
        map_fresh, map_fresh, map_file,  map_noreplace, unmap,     protect,      protect,
        forget,    hint,      set_bytes, set_bytes,     set_bytes, remap_within, remap_smaller};
    steps[random_below(sizeof steps / sizeof steps[0])]();
    printf("window %016lx\n", (unsigned long)digest(window, PAGES));
}

static void prepare(void)
{
    char page[PAGE];

    setvbuf(stdout, output, _IOFBF, sizeof output);
    file = memfd_create("trace", 0);
    if (file < 0 || pipe2(ends, O_NONBLOCK) != 0)
        exit(2);
    for (unsigned long i = 0; i < PAGES; i++) {
        memset(page, (int)(i % 250 + 1), sizeof page);
        if (pwrite(file, page, sizeof page, (off_t)(i * PAGE)) != (ssize_t)sizeof page)
            exit(2);
    }
    window = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (window == MAP_FAILED)
        exit(2);
}

int main(int argc, char **argv)
{
    state = argc > 1 ? strtoull(argv[1], NULL, 10) * 2654435761u + 88172645463325252ull : 1;
    long operations = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;

    prepare();
    for (long i = 0; i < operations; i++)
        window_step();

    /* Without holes again, so that what the kernel places freely does not land in the window. */
    if (mmap(window, PAGES * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
        window)
        return 2;
    bad_calls();
    for (long i = 0; i < operations; i++)
        slot_step();
    puts("end");
    return 0;
}
