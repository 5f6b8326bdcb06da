/*
 * children.c - children of a program on our malloc and mmap, most of whose memory is paged out.
 *
 * A forked child must see memory as it was at the fork: never a zero page, never what the parent
 * wrote later.  The main thread's memory holds a pattern.  Three more threads write: each fills a
 * page word by word with one value, then with the next, so that at any moment a page holds one value
 * up to some word and the value before from there on, and its pages differ in the same way.
 *
 * The program knows nothing of the library: it is made to run on it by LD_PRELOAD.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test.h"

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))
#define BIG_PAGES 16384u /* 64 MiB, several times the budget */
#define MORE_PAGES 4096u
#define THREADS 3
#define THREAD_PAGES 40
#define ROUNDS 3

extern char **environ;

typedef volatile uint64_t page_words[WORDS];

static const char *program;
static uint64_t *big;
static page_words *counters[THREADS];
static pthread_t threads[THREADS];
static atomic_bool ending;
static atomic_ulong passes;
static atomic_ulong lost; /* writes of the threads that are not there any more */

/* What word of a page is looked at, and what it holds in a generation. */
static uint64_t *big_word(uint64_t *memory, size_t page)
{
    return memory + page * WORDS + page * 37 % WORDS;
}

static uint64_t big_value(size_t page, uint64_t generation)
{
    return (page + 1) * 0x9e3779b97f4a7c15u + generation;
}

static void fill(uint64_t *memory, size_t pages, uint64_t generation)
{
    for (size_t i = 0; i < pages; i++)
        *big_word(memory, i) = big_value(i, generation);
}

/* Pages that are not as they should be. */
static size_t wrong_pages(uint64_t *memory, size_t pages, uint64_t generation)
{
    size_t wrong = 0;
    for (size_t i = 0; i < pages; i++)
        wrong += *big_word(memory, i) != big_value(i, generation);
    return wrong;
}

static void *map(size_t pages)
{
    void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(p != MAP_FAILED, "errno %d", errno);
    return p;
}

/* ---- the other threads ------------------------------------------------------------------------- */

static void *write_on(void *argument)
{
    page_words *pages = argument;
    for (uint64_t value = 1; !ending; value++, passes++) {
        for (int p = 0; p < THREAD_PAGES; p++) {
            for (size_t w = 0; w < WORDS; w++) {
                lost += pages[p][w] != value - 1;
                pages[p][w] = value;
            }
        }
    }
    return NULL;
}

/* One value up to some word of some page, the value before it from there on. */
static bool is_consistent(page_words *pages)
{
    uint64_t newest = pages[0][0];
    uint64_t value = newest;

    for (int p = 0; p < THREAD_PAGES; p++) {
        for (size_t w = 0; w < WORDS; w++) {
            if (pages[p][w] != value && (value != newest || pages[p][w] != newest - 1))
                return false;
            value = pages[p][w];
        }
    }
    return true;
}

static uint64_t sum_of(page_words *pages)
{
    uint64_t sum = 0;
    for (int p = 0; p < THREAD_PAGES; p++)
        for (size_t w = 0; w < WORDS; w++)
            sum = sum * 31 + pages[p][w];
    return sum;
}

static void start_threads(void)
{
    ending = false;
    for (int i = 0; i < THREADS; i++) {
        counters[i] = map(THREAD_PAGES);
        check(pthread_create(&threads[i], NULL, write_on, (void *)counters[i]) == 0, "no thread");
    }
}

static void end_threads(void)
{
    ending = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        munmap((void *)counters[i], (size_t)THREAD_PAGES * PAGE);
    }
}

/* ---- forked children: the exit status tells what was wrong ------------------------------------- */

enum verdict { GOOD = 0, BIG_WRONG = 10, TORN, CHANGED, LATER_SEEN, ALLOCATED_WRONG, OWN_LOST };

static int allocate_and_verify(void)
{
    uint64_t *more =
        mmap(NULL, MORE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *heap = malloc(MORE_PAGES * PAGE);
    if (more == MAP_FAILED || !heap)
        return ALLOCATED_WRONG;
    for (size_t i = 0; i < MORE_PAGES; i++)
        if (more[i * WORDS + i % WORDS])
            return ALLOCATED_WRONG;
    fill(more, MORE_PAGES, 77);
    fill(heap, MORE_PAGES, 78);
    size_t wrong = wrong_pages(more, MORE_PAGES, 77) + wrong_pages(heap, MORE_PAGES, 78);
    munmap(more, MORE_PAGES * PAGE);
    free(heap);
    return wrong ? ALLOCATED_WRONG : GOOD;
}

static int look_at_everything(uint64_t generation)
{
    for (int i = 0; i < THREADS; i++)
        if (!is_consistent(counters[i]))
            return TORN;
    return wrong_pages(big, BIG_PAGES, generation) ? BIG_WRONG : GOOD;
}

/* The parent writes everything anew and says so; then all must still be as it was. */
static int be_child(int told, uint64_t generation)
{
    char byte;
    uint64_t sums[THREADS];
    int verdict = look_at_everything(generation);

    for (int i = 0; i < THREADS; i++)
        sums[i] = sum_of(counters[i]);
    while (read(told, &byte, 1) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < THREADS && verdict == GOOD; i++)
        verdict = sums[i] == sum_of(counters[i]) ? GOOD : CHANGED;
    if (verdict == GOOD && wrong_pages(big, BIG_PAGES, generation))
        verdict = LATER_SEEN;
    if (verdict == GOOD)
        verdict = allocate_and_verify();
    fill(big, BIG_PAGES, generation + 1000);
    if (verdict == GOOD && wrong_pages(big, BIG_PAGES, generation + 1000))
        verdict = OWN_LOST;
    return verdict;
}

static int status_of(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* Pages of the big memory that are not in RAM. */
static size_t pages_out(void)
{
    static unsigned char in[BIG_PAGES];
    size_t out = 0;
    check(mincore(big, (size_t)BIG_PAGES * PAGE, in) == 0, "errno %d", errno);
    for (size_t i = 0; i < BIG_PAGES; i++)
        out += !(in[i] & 1);
    return out;
}

static void fork_once(uint64_t generation)
{
    int fds[2];
    check(pipe(fds) == 0, "errno %d", errno);
    fill(big, BIG_PAGES, generation);
    /* A burst may run ahead of the trimmer: how far is not this test's affair. */
    for (int i = 0; i < 500 && pages_out() <= BIG_PAGES / 2; i++)
        usleep(10000);
    check(pages_out() > BIG_PAGES / 2, "most of it stays in RAM: %zu pages are out", pages_out());
    unsigned long before = passes;
    pid_t pid = fork();
    check(pid >= 0, "errno %d", errno);
    if (pid == 0) {
        close(fds[1]);
        _exit(be_child(fds[0], generation));
    }
    size_t wrong = wrong_pages(big, BIG_PAGES, generation);
    fill(big, BIG_PAGES, generation + 1);
    usleep(50000);
    check(write(fds[1], "x", 1) == 1, "errno %d", errno);
    close(fds[0]);
    close(fds[1]);
    int status = status_of(pid);
    check(wrong == 0, "%zu pages are wrong in the parent right after the fork", wrong);
    check(status == GOOD, "round %u: the child says %d", (unsigned)generation / 10, status);
    check(passes > before, "the threads do not go on");
    check(lost == 0, "%lu writes of the threads lost", (unsigned long)lost);
    check(wrong_pages(big, BIG_PAGES, generation + 1) == 0, "the child wrote into the parent");
    check(allocate_and_verify() == GOOD, "memory allocated after the fork is wrong");
}

static void a_forked_child_sees_memory_as_it_was_at_the_fork(void)
{
    big = map(BIG_PAGES);
    start_threads();
    test_escape = NULL; /* record what is wrong and go on: the threads must end */
    for (int round = 0; round < ROUNDS && test_now.outcome == TEST_PASSED; round++)
        fork_once((uint64_t)round * 10);
    end_threads();
    munmap(big, (size_t)BIG_PAGES * PAGE);
}

static int be_grandchild(uint64_t generation)
{
    if (wrong_pages(big, BIG_PAGES, generation))
        return BIG_WRONG;
    fill(big, BIG_PAGES, generation + 1);
    return wrong_pages(big, BIG_PAGES, generation + 1) ? OWN_LOST : GOOD;
}

static void a_childs_child_sees_the_childs_memory(void)
{
    big = map(BIG_PAGES);
    fill(big, BIG_PAGES, 5);
    pid_t pid = fork();
    if (pid == 0) {
        fill(big, BIG_PAGES, 6);
        pid_t inner = fork();
        if (inner == 0)
            _exit(be_grandchild(6));
        int status = status_of(inner);
        _exit(status ? status : wrong_pages(big, BIG_PAGES, 6) ? LATER_SEEN : GOOD);
    }
    fill(big, BIG_PAGES, 7);
    int status = status_of(pid);
    check(status == GOOD, "the child says %d", status);
    check(wrong_pages(big, BIG_PAGES, 7) == 0, "a child wrote into the parent");
    munmap(big, (size_t)BIG_PAGES * PAGE);
}

/* ---- handlers at fork ---------------------------------------------------------------------------- */

static volatile uint64_t
    *at_fork; /* a page each: written before, after in the parent, in the child */

static void before(void)
{
    if (at_fork)
        at_fork[0]++;
}

static void after_in_parent(void)
{
    if (at_fork)
        at_fork[WORDS]++;
}

static void after_in_child(void)
{
    if (at_fork)
        at_fork[2 * WORDS]++;
}

static bool at_fork_is(uint64_t first, uint64_t second, uint64_t third)
{
    return at_fork[0] == first && at_fork[WORDS] == second && at_fork[2 * WORDS] == third;
}

static void what_handlers_write_at_a_fork_is_kept(void)
{
    big = map(BIG_PAGES);
    at_fork = map(3);
    check(pthread_atfork(before, after_in_parent, after_in_child) == 0, "no handlers");
    for (uint64_t round = 1; round <= 3; round++) {
        fill(big, BIG_PAGES, round);
        pid_t pid = fork();
        if (pid == 0)
            _exit(at_fork_is(round, round - 1, 1) ? GOOD : OWN_LOST);
        int status = status_of(pid);
        check(status == GOOD, "the child says %d", status);
        fill(big, BIG_PAGES, round + 1);
        check(at_fork_is(round, round, 0), "round %u: %u %u %u", (unsigned)round,
              (unsigned)at_fork[0], (unsigned)at_fork[WORDS], (unsigned)at_fork[2 * WORDS]);
    }
    munmap((void *)at_fork, (size_t)3 * PAGE);
    at_fork = NULL;
    munmap(big, (size_t)BIG_PAGES * PAGE);
}

/* ---- a stack that is paged ------------------------------------------------------------------------ */

#define STACK_PAGES 64

static int verdict_on_stack; /* of the child */

/* The fork itself writes this stack, in both processes, while their memory is being separated. */
static void *fork_on_this_stack(void *unused)
{
    uint64_t local[3 * WORDS];

    fill(local, 3, 9);
    pid_t pid = fork();
    if (pid == 0)
        _exit(wrong_pages(local, 3, 9) || wrong_pages(big, BIG_PAGES, 1) ? BIG_WRONG : GOOD);
    verdict_on_stack = status_of(pid);
    if (wrong_pages(local, 3, 9))
        verdict_on_stack = OWN_LOST;
    return unused;
}

static void a_thread_whose_stack_is_paged_may_fork(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *stack = map(STACK_PAGES);

    big = map(BIG_PAGES);
    fill(big, BIG_PAGES, 1);
    pthread_attr_init(&attributes);
    check(pthread_attr_setstack(&attributes, stack, (size_t)STACK_PAGES * PAGE) == 0, "no stack");
    verdict_on_stack = -1;
    check(pthread_create(&thread, &attributes, fork_on_this_stack, NULL) == 0, "no thread");
    pthread_join(thread, NULL);
    check(verdict_on_stack == GOOD, "the child says %d", verdict_on_stack);
    munmap(big, (size_t)BIG_PAGES * PAGE);
    munmap(stack, (size_t)STACK_PAGES * PAGE);
}

/* ---- other programs ------------------------------------------------------------------------------ */

/* Run the program itself, which allocates and verifies, by that way; its exit status. */
static int by_vfork(void)
{
    char *const arguments[] = {(char *)program, "allocate", NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execv(program, arguments);
        _exit(126);
    }
    return pid < 0 ? -errno : status_of(pid);
}

static int by_posix_spawn(void)
{
    char *const arguments[] = {(char *)program, "allocate", NULL};
    pid_t pid;
    int error = posix_spawn(&pid, program, NULL, NULL, arguments, environ);
    return error ? -error : status_of(pid);
}

static int by_system(void)
{
    char command[600];
    snprintf(command, sizeof(command), "'%s' allocate", program);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static int by_popen(void)
{
    char command[600];
    snprintf(command, sizeof(command), "'%s' allocate", program);
    FILE *f = popen(command, "r");
    int status = f ? pclose(f) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void run_while_writing(int (*run)(void))
{
    big = map(BIG_PAGES);
    start_threads();
    test_escape = NULL;
    for (uint64_t round = 0; round < 2; round++) {
        fill(big, BIG_PAGES, round);
        int status = run();
        check(status == GOOD, "the program says %d", status);
        check(wrong_pages(big, BIG_PAGES, round) == 0, "the parent's memory is wrong afterwards");
        check(allocate_and_verify() == GOOD, "memory allocated afterwards is wrong");
    }
    end_threads();
    munmap(big, (size_t)BIG_PAGES * PAGE);
}

static void vfork_and_exec_start_a_program_that_allocates(void)
{
    run_while_writing(by_vfork);
}

static void posix_spawn_starts_a_program_that_allocates(void)
{
    run_while_writing(by_posix_spawn);
}

static void system_runs_a_program_that_allocates(void)
{
    run_while_writing(by_system);
}

static void popen_runs_a_program_that_allocates(void)
{
    run_while_writing(by_popen);
}

static void the_program_runs_on_the_library(void)
{
    const char *preload = getenv("LD_PRELOAD");
    char line[400];
    bool found = false;

    check(preload, "LD_PRELOAD is not set");
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), maps))
        found |= strstr(line, preload) != NULL;
    fclose(maps);
    check(found, "%s is not here", preload);
}

static const struct test tests[] = {
    TEST(the_program_runs_on_the_library, ""),
    TEST(a_forked_child_sees_memory_as_it_was_at_the_fork, ""),
    TEST(a_childs_child_sees_the_childs_memory, ""),
    TEST(what_handlers_write_at_a_fork_is_kept, ""),
    TEST(a_thread_whose_stack_is_paged_may_fork, ""),
    TEST(vfork_and_exec_start_a_program_that_allocates, ""),
    TEST(posix_spawn_starts_a_program_that_allocates, ""),
    TEST(system_runs_a_program_that_allocates, ""),
    TEST(popen_runs_a_program_that_allocates, ""),
};

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 2 && strcmp(argv[1], "allocate") == 0)
        return allocate_and_verify();
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
