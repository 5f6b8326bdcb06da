/*
 * torture.c - not one write may be lost, however often its page leaves RAM.
 *
 * Two writers share 64 units of memory, four pages in each, every other page one writer's.  What a
 * page must hold is kept in static memory, which is not paged.  Each writer works on a few of its
 * pages for a while and then on others, so that the rest leave.  Meanwhile a third thread streams
 * through ballast of several times the budget, a fourth empties the working set and sends signals,
 * and the writers take write access away and give it back, decommit and commit.
 *
 * usage: torture [COUNT [SECONDS]]   ends when COUNT pages have left RAM (300000), or after
 *                                    SECONDS (50; 0: when COUNT is reached)
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <windows.h>

#include <psapi.h>

#include "chance.h"
#include "stats/counters.h"
#include "test.h"

#define PAGE 4096u
#define UNIT 65536u
#define WORDS (PAGE / sizeof(uint64_t))
#define WRITERS 2
#define PAGES 256 /* of both writers */
#define MINE (PAGES / WRITERS)
#define WINDOW 6           /* pages a writer works on at a time */
#define WINDOW_WRITES 3000 /* before it moves on */
#define SCRATCH 24         /* pages: one unit and a half */
#define SIGNAL_PAGES 16

struct writer {
    pthread_t thread;
    uint64_t seed;
    char *scratch;
    char *signal_pages;     /* written by the signal handler alone */
    uint64_t in_page[MINE]; /* what each page must hold */
    uint64_t by_signal[SIGNAL_PAGES];
    uint64_t writes;
    uint64_t signals;
    uint64_t came_back; /* pages found in the page file alone when their turn came */
};

static struct writer writers[WRITERS];
static __thread struct writer *self;
static char *shared;
static char *ballast;
static size_t ballast_bytes;
static uint64_t ballast_rounds;
static uint64_t empties;
static uint64_t wanted = 300000;
static double seconds = 50;
static atomic_bool ending;
static atomic_ulong lost;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Tell the first few; a signal handler calls this too. */
static void expect(const char *what, const void *where, uint64_t found, uint64_t expected)
{
    char line[160];
    if (found == expected || atomic_fetch_add(&lost, 1) > 10)
        return;
    int n = snprintf(line, sizeof(line), "# LOST: %s at %p: %#lx, expected %#lx\n", what, where,
                     (unsigned long)found, (unsigned long)expected);
    (void)!write(STDOUT_FILENO, line, (size_t)n);
}

/* Page `index` of a writer: four in each unit, every other one the other writer's. */
static volatile uint64_t *page_of(const struct writer *w, unsigned index)
{
    unsigned number = index * WRITERS + (unsigned)(w - writers);
    return (volatile uint64_t *)(shared + (size_t)(number / 4) * UNIT + number % 4 * 5 * PAGE);
}

/* A value is in the first word, in the last, and in one of those between that it chooses. */
static void verify(volatile uint64_t *p, uint64_t value, const char *what)
{
    expect(what, (void *)p, p[0], value);
    expect(what, (void *)p, p[WORDS - 1], value);
    expect(what, (void *)p, p[1 + value % (WORDS - 2)], value);
}

static void put(volatile uint64_t *p, uint64_t value)
{
    p[0] = value;
    p[WORDS - 1] = value;
    p[1 + value % (WORDS - 2)] = value;
}

static void write_one(struct writer *w, unsigned index)
{
    volatile uint64_t *p = page_of(w, index);
    verify(p, w->in_page[index], "a writer's page");
    put(p, ++w->in_page[index]);
    w->writes++;
}

static void protect(struct writer *w, unsigned index)
{
    DWORD old = 0;
    void *p = (void *)page_of(w, index);
    expect("made read-only", p,
           VirtualProtect(p, PAGE, PAGE_READONLY, &old) && old == PAGE_READWRITE, 1);
    verify(p, w->in_page[index], "a read-only page");
    expect("made writable", p,
           VirtualProtect(p, PAGE, PAGE_READWRITE, &old) && old == PAGE_READONLY, 1);
}

/* Part of the scratch pages lose their contents, and nothing else does. */
static void decommit(struct writer *w)
{
    unsigned first = (unsigned)chance(&w->seed, SCRATCH);
    unsigned count = 1 + (unsigned)chance(&w->seed, SCRATCH - first);
    char *p = w->scratch + first * PAGE;

    expect("decommitted", p, VirtualFree(p, count * PAGE, MEM_DECOMMIT), 1);
    if (chance(&w->seed, 2))
        usleep(1000);
    expect("committed", p, VirtualAlloc(p, count * PAGE, MEM_COMMIT, PAGE_READWRITE) == p, 1);
    for (unsigned i = 0; i < SCRATCH; i++) {
        uint64_t *word = (uint64_t *)(w->scratch + i * PAGE);
        bool fresh = i >= first && i < first + count;
        expect("a scratch page", word, word[i], fresh ? 0 : i + 1);
        expect("a scratch page's end", word, word[WORDS - 1], fresh ? 0 : ~0ul);
        word[i] = i + 1;
        word[WORDS - 1] = ~0ul;
    }
}

static bool is_out(volatile void *p)
{
    unsigned char in = 1;
    return mincore((void *)p, PAGE, &in) == 0 && !(in & 1);
}

static void work_on_window(struct writer *w)
{
    unsigned window[WINDOW];

    for (int i = 0; i < WINDOW; i++) {
        window[i] = (unsigned)chance(&w->seed, MINE);
        w->came_back += is_out(page_of(w, window[i]));
    }
    for (int i = 0; i < WINDOW_WRITES && !ending; i++) {
        unsigned index = window[chance(&w->seed, WINDOW)];
        write_one(w, index);
        if (i % 100 == 50)
            protect(w, index);
    }
    decommit(w);
}

static void *write_all_the_time(void *argument)
{
    self = argument;
    while (!ending)
        work_on_window(self);
    return NULL;
}

/* In a writer, between any two of its instructions. */
static void on_signal(int signal)
{
    (void)signal;
    unsigned index = (unsigned)(self->signals++ % SIGNAL_PAGES);
    volatile uint64_t *p = (volatile uint64_t *)(self->signal_pages + index * PAGE);
    verify(p, self->by_signal[index], "a signal handler's page");
    put(p, ++self->by_signal[index]);
}

static void *stream(void *unused)
{
    for (uint64_t round = 0; !ending; round++) {
        for (size_t at = 0; at < ballast_bytes && !ending; at += PAGE) {
            volatile uint64_t *p = (volatile uint64_t *)(ballast + at);
            if (round)
                expect("ballast", (void *)p, p[at / PAGE % WORDS], round << 32 | at);
            p[at / PAGE % WORDS] = (round + 1) << 32 | at;
        }
        ballast_rounds = round;
    }
    return unused;
}

static void *disturb(void *unused)
{
    while (!ending) {
        for (int i = 0; i < WRITERS; i++)
            pthread_kill(writers[i].thread, SIGUSR1);
        usleep(2000);
        if (empties % 4 < 2 && !K32EmptyWorkingSet(GetCurrentProcess()))
            expect("EmptyWorkingSet", NULL, GetLastError(), 0);
        empties++;
    }
    return unused;
}

static void *commit(size_t bytes)
{
    void *p = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    check(p, "%zu bytes: error %u", bytes, (unsigned)GetLastError());
    return p;
}

static void prepare(void)
{
    const char *ram = getenv("NTMM_RAM");
    if (!ram)
        skip("needs NTMM_RAM");
    ballast_bytes = 3 * strtoul(ram, NULL, 0);
    ballast = commit(ballast_bytes);
    shared = commit((size_t)PAGES / 4 * UNIT);
    for (int i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];
        w->seed = (uint64_t)time(NULL) * (2 * (unsigned)i + 1) | 1;
        w->signal_pages = commit(SIGNAL_PAGES * PAGE);
        w->scratch = commit(SCRATCH * PAGE);
        for (unsigned p = 0; p < SCRATCH; p++) {
            ((uint64_t *)(w->scratch + p * PAGE))[p] = p + 1;
            ((uint64_t *)(w->scratch + p * PAGE))[WORDS - 1] = ~0ul;
        }
    }
}

static void wait_for_the_end(void)
{
    double start = now();
    while (mm_counted(NTMM_PAGES_DROPPED) < wanted && (!seconds || now() - start < seconds) &&
           lost == 0)
        usleep(20000);
    ending = true;
    printf("# %lu pages left RAM, %lu were written out, in %.1f s\n",
           (unsigned long)mm_counted(NTMM_PAGES_DROPPED), (unsigned long)mm_counted(NTMM_PAGES_OUT),
           now() - start);
}

static void verify_everything(void)
{
    for (int i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];
        for (unsigned p = 0; p < MINE; p++)
            verify(page_of(w, p), w->in_page[p], "a writer's page at the end");
        for (unsigned p = 0; p < SIGNAL_PAGES; p++)
            verify((volatile uint64_t *)(w->signal_pages + p * PAGE), w->by_signal[p],
                   "a signal handler's page at the end");
        printf("# writer %d: %lu writes, %lu signals, %lu times a page came from the page file\n",
               i, (unsigned long)w->writes, (unsigned long)w->signals, (unsigned long)w->came_back);
        check(w->writes > 1000 && w->signals > 10 && w->came_back > 10, "hardly tortured");
    }
    printf("# ballast of %zu MiB written %lu times, working set emptied %lu times, %lu pauses\n",
           ballast_bytes >> 20, (unsigned long)ballast_rounds, (unsigned long)empties / 2,
           (unsigned long)mm_counted(NTMM_PAUSES));
    printf("# %lu lost\n", (unsigned long)lost);
}

static void no_write_is_lost_while_pages_leave_and_come_back(void)
{
    pthread_t streamer;
    pthread_t disturber;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    prepare();
    sigaction(SIGUSR1, &action, NULL);
    /* The handler asks which writer it interrupts: none may get a signal before it knows. */
    for (int i = 0; i < WRITERS; i++)
        if (pthread_create(&writers[i].thread, NULL, write_all_the_time, &writers[i]))
            abort();
    usleep(100000);
    if (pthread_create(&streamer, NULL, stream, NULL) ||
        pthread_create(&disturber, NULL, disturb, NULL))
        abort();
    wait_for_the_end();
    pthread_join(disturber, NULL);
    pthread_join(streamer, NULL);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    verify_everything();
    check(lost == 0, "%lu writes lost", (unsigned long)lost);
    check(mm_counted(NTMM_PAGES_DROPPED) >= 1000, "hardly anything left RAM");
    check(seconds || mm_counted(NTMM_PAGES_DROPPED) >= wanted, "ended early");
}

static const struct test tests[] = {
    TEST(no_write_is_lost_while_pages_leave_and_come_back, ""),
};

int main(int argc, char **argv)
{
    if (argc > 1)
        wanted = strtoul(argv[1], NULL, 0);
    if (argc > 2)
        seconds = strtod(argv[2], NULL);
    return test_main(tests, TEST_COUNT(tests), 1, argv);
}
