/*
 * walking.c - reading memory that may not be there, and the stack through any code.
 *
 * The walk is compared with glibc's backtrace(3), which reads the same tables by libgcc.
 */
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "except/except_internal.h"
#include "os/os_fault_internal.h"
#include "process/process.h"
#include "test.h"

#define MOST 64

static uintptr_t ours[MOST];
static void *theirs[MOST];
static bool fast; /* by mm_except_callers */
static int our_count;
static int their_count;

static void walk(struct os_registers *registers, void *argument)
{
    CONTEXT context;

    (void)argument;
    mm_except_context(registers, &context);
    our_count = mm_except_walk(&context, ours, MOST);
}

static __attribute__((noinline)) void look(void)
{
    their_count = backtrace(theirs, MOST);
    if (fast)
        our_count = (int)mm_except_callers(ours, MOST);
    else
        mm_os_with_registers(walk, NULL);
    __asm__ volatile(""); /* no jump instead of the call */
}

/*
 * The places within look() itself differ; all callers must not.  A sanitizer's own backtrace(3)
 * adds a frame of its own in front.
 */
static void compare(void)
{
    int more = their_count - our_count;

    check(more == 0 || more == 1, "%d places, not %d", our_count, their_count);
    for (int i = 1; i < our_count; i++)
        check(ours[i] == (uintptr_t)theirs[i + more], "place %d is %p, not %p", i, (void *)ours[i],
              theirs[i + more]);
}

static __attribute__((noinline)) int deep(int depth)
{
    if (depth == 0)
        look();
    else
        deep(depth - 1);
    __asm__ volatile("");
    return depth;
}

static void a_walk_finds_the_callers_that_backtrace_finds(void)
{
    deep(10);
    compare();
    check(our_count > 12, "%d places", our_count);
}

static int order(const void *a, const void *b)
{
    look();
    return *(const int *)a - *(const int *)b;
}

static void a_walk_goes_through_libc_which_has_no_frame_pointers(void)
{
    int numbers[] = {2, 1};

    qsort(numbers, 2, sizeof *numbers, order);
    compare();
}

static void callers_are_those_that_backtrace_finds(void)
{
    fast = true;
    for (int again = 0; again < 3; again++) {
        deep(10 + again);
        compare();
        check(our_count > 12 + again, "%d places", our_count);
        a_walk_goes_through_libc_which_has_no_frame_pointers();
    }
    fast = false;
}

static void callers_stop_where_there_is_no_room(void)
{
    uintptr_t places[3] = {0, 0, 77};

    check(mm_except_callers(places, 2) == 2, "two");
    check(places[0] && places[1] && places[2] == 77, "no more");
    check(mm_except_callers(places, 0) == 0, "none");
}

static void *ask_for_callers(void *wrong)
{
    uintptr_t first[MOST];
    uintptr_t again[MOST];
    unsigned count = 0;

    for (int i = 0; i < 20000; i++) {
        unsigned now = mm_except_callers(i ? again : first, MOST);
        if (i && (now != count || memcmp(first + 1, again + 1, (now - 1) * sizeof *first) != 0))
            *(volatile bool *)wrong = true;
        count = now;
    }
    return NULL;
}

static void threads_ask_for_callers_at_once(void)
{
    pthread_t threads[4];
    bool wrong = false;

    for (int i = 0; i < 4; i++)
        check(pthread_create(&threads[i], NULL, ask_for_callers, &wrong) == 0, "thread %d", i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    check(!wrong, "another stack");
}

static void on_signal(int signal)
{
    (void)signal;
    look();
}

static void a_walk_goes_through_the_frame_of_a_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;

    sigaction(SIGUSR1, &action, &before);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    compare();
}

#if defined(__x86_64__)
#define STACK_OF(c) (&(c).Rsp)
#define FRAME_OF(c) (&(c).Rbp)
#define CODE_OF(c) (&(c).Rip)
#else
#define STACK_OF(c) (&(c).Sp)
#define FRAME_OF(c) (&(c).Fp)
#define CODE_OF(c) (&(c).Pc)
#endif

static CONTEXT broken;

static void take(struct os_registers *registers, void *argument)
{
    (void)argument;
    mm_except_context(registers, &broken);
}

static void a_walk_of_garbage_ends(void)
{
    static uintptr_t circle[8];
    uintptr_t places[MOST];

    for (int i = 0; i < 8; i++)
        circle[i] = (uintptr_t)circle;
    mm_os_with_registers(take, NULL);
    for (uintptr_t n = 0; n < 64; n++) {
        CONTEXT c = broken;
        *STACK_OF(c) = n % 2 ? (uintptr_t)circle : n << 42;
        *FRAME_OF(c) = n % 4 ? (uintptr_t)circle : n << 40;
        *CODE_OF(c) = n % 3 ? *CODE_OF(c) : (uintptr_t)circle;
        int count = mm_except_walk(&c, places, MOST);
        check(count >= 1 && count <= MOST, "%d places", count);
    }
}

/* ---- memory that may not be there --------------------------------------------------------------- */

static void peeking_copies_what_is_there_and_fails_where_nothing_is(void)
{
    char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char copy[16];

    check(two != MAP_FAILED && mprotect(two + 4096, 4096, PROT_NONE) == 0, "no memory");
    memcpy(two + 4096 - 16, "sixteen letters", 16);
    check(mm_os_peek(copy, two + 4096 - 16, 16) && strcmp(copy, "sixteen letters") == 0, "copy");
    check(!mm_os_peek(copy, two + 4096 - 8, 16), "half of it is not there");
    check(!mm_os_peek(copy, NULL, 1), "null");
    check(!mm_os_peek(copy, (void *)~(uintptr_t)0, 1), "the last byte");
    check(!mm_os_peek(copy, (void *)0x8000000000000000, 8), "not canonical");
    munmap(two, 8192);
}

/* Where a filter forbids the system call that peeking uses, the copy is let fault. */
static void a_copy_that_faults_fails_and_nothing_else_happens(void)
{
    char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char copy[16];

    mm_process_start();
    check(two != MAP_FAILED && mprotect(two + 4096, 4096, PROT_NONE) == 0, "no memory");
    memcpy(two + 4096 - 16, "sixteen letters", 16);
    for (int i = 0; i < 100; i++) {
        check(mm_os_copy_or_fault(copy, two + 4096 - 16, 16) == 0, "it is there");
        check(strcmp(copy, "sixteen letters") == 0, "copied %s", copy);
        check(mm_os_copy_or_fault(copy, two + 4096 - 8, 16) != 0, "half of it is not there");
        check(mm_os_copy_or_fault(copy, NULL, 1) != 0, "null");
        check(mm_os_copy_or_fault(copy, (void *)0x8000000000000000, 8) != 0, "not canonical");
    }
    munmap(two, 8192);
}

static void a_symbol_is_found_by_any_address_within(void)
{
    char name[64];
    uintptr_t offset;

    check(mm_os_symbol_at((uintptr_t)qsort, name, sizeof name, &offset), "qsort not found");
    check(strstr(name, "qsort") && offset == 0, "%s+%zu", name, (size_t)offset);
    check(mm_os_symbol_at((uintptr_t)qsort + 3, name, sizeof name, &offset) && offset == 3, "+3");
    check(!mm_os_symbol_at((uintptr_t)ours, name, sizeof name, &offset), "not exported");
    check(!mm_os_symbol_at(16, name, sizeof name, &offset), "nothing there");
    check(mm_os_symbol_at((uintptr_t)qsort, name, 4, &offset) && strlen(name) == 3, "%s", name);
}

static void a_file_that_was_cut_is_told_from_a_disk_that_fails(void)
{
    char path[] = "/tmp/ntmm-test-XXXXXX";
    int fd = mkstemp(path);

    check(fd >= 0 && ftruncate(fd, 8192) == 0, "no file");
    char *p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    check(ftruncate(fd, 4096) == 0, "not cut");
    check(mm_os_page_error((uintptr_t)p + 4096, false) == -ENODATA, "behind the end");
    check(mm_os_page_error((uintptr_t)p, false) == -EIO, "within the file: its disk");
    unlink(path);
    check(mm_os_page_error((uintptr_t)p + 4096, false) == -EIO, "its name leads nowhere");
    munmap(p, 8192);
    check(mm_os_page_error(16, false) == -ENOENT, "no file at all");
    close(fd);
}

static const struct test tests[] = {
    TEST(a_walk_finds_the_callers_that_backtrace_finds, ""),
    TEST(a_walk_goes_through_libc_which_has_no_frame_pointers, ""),
    TEST(callers_are_those_that_backtrace_finds, ""),
    TEST(callers_stop_where_there_is_no_room, ""),
    TEST(threads_ask_for_callers_at_once, ""),
    TEST(a_walk_goes_through_the_frame_of_a_signal, ""),
    TEST(a_walk_of_garbage_ends, ""),
    TEST(peeking_copies_what_is_there_and_fails_where_nothing_is, ""),
    TEST(a_copy_that_faults_fails_and_nothing_else_happens, ""),
    TEST(a_symbol_is_found_by_any_address_within, ""),
    TEST(a_file_that_was_cut_is_told_from_a_disk_that_fails, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
