/*
 * signals.c - a program's own signal handlers beside the library's.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test.h"

static sigjmp_buf escape;
static volatile siginfo_t seen;
static volatile sig_atomic_t calls;

static void jump_out(int signal, siginfo_t *info, void *context)
{
    (void)context;
    (void)signal;
    seen = *info;
    calls++;
    siglongjmp(escape, 1);
}

static void count(int signal)
{
    (void)signal;
    calls++;
}

static void catch_with(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    check(sigaction(signal, &action, NULL) == 0, "errno %d", errno);
}

static void a_program_handles_its_own_bad_accesses(void)
{
    char *p = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(p != MAP_FAILED, "errno %d", errno);
    catch_with(SIGSEGV, jump_out, SA_NODEFER);
    for (int i = 0; i < 1000; i++) {
        calls = 0;
        if (sigsetjmp(escape, 1) == 0)
            *(volatile char *)(p + 5000) = 1;
        check(calls == 1 && seen.si_addr == p + 5000, "%d calls, at %p", calls, seen.si_addr);
    }
    signal(SIGSEGV, SIG_DFL);
    munmap(p, 1 << 20);
}

static char *guarded;

static void unprotect(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    calls++;
    mprotect((char *)((unsigned long)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void a_handler_that_repairs_and_returns_lets_the_program_go_on(void)
{
    guarded = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    catch_with(SIGSEGV, unprotect, 0);
    calls = 0;
    for (int i = 0; i < 256; i++)
        ((volatile char *)guarded)[i * 4096 + 7] = (char)i;
    for (int i = 0; i < 256; i++)
        check(guarded[i * 4096 + 7] == (char)i, "page %d", i);
    check(calls == 256, "%d calls", calls);
    signal(SIGSEGV, SIG_DFL);
    munmap(guarded, 1 << 20);
}

static void sigaction_tells_what_was_set_before(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction first = {.sa_handler = count, .sa_flags = SA_RESTART};
        struct sigaction old;
        sigaddset(&first.sa_mask, SIGUSR2);
        check(sigaction(signals[i], &first, &old) == 0, "errno %d", errno);
        check(old.sa_handler == SIG_DFL, "signal %d had %p", signals[i], (void *)old.sa_handler);
        check(signal(signals[i], SIG_IGN) == count, "signal %d", signals[i]);
        check(sigaction(signals[i], NULL, &old) == 0, "errno %d", errno);
        check(old.sa_handler == SIG_IGN, "signal %d had %p", signals[i], (void *)old.sa_handler);
        check(signal(signals[i], SIG_DFL) == SIG_IGN, "signal %d", signals[i]);
    }
}

static void signals_that_no_program_may_take_are_refused(void)
{
    struct sigaction action = {.sa_handler = count};
    errno = 0;
    check(sigaction(0, &action, NULL) == -1 && errno == EINVAL, "errno %d", errno);
    check(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL, "errno %d", errno);
    check(sigaction(1000, &action, NULL) == -1 && errno == EINVAL, "errno %d", errno);
    check(signal(SIGSTOP, count) == SIG_ERR && errno == EINVAL, "errno %d", errno);
    check(signal(-1, count) == SIG_ERR && errno == EINVAL, "errno %d", errno);
}

static void masks_work(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    signal(SIGUSR1, count);
    calls = 0;
    check(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "errno %d", errno);
    raise(SIGUSR1);
    check(calls == 0, "blocked, but it came");
    check(sigprocmask(SIG_SETMASK, NULL, &old) == 0 && sigismember(&old, SIGUSR1) == 1, "mask");
    check(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0, "unblock");
    check(calls == 1, "%d calls", calls);
    errno = 77;
    check(pthread_sigmask(99, &set, NULL) == EINVAL && errno == 77, "errno %d", errno);
    check(sigprocmask(99, &set, NULL) == -1 && errno == EINVAL, "errno %d", errno);
    signal(SIGUSR1, SIG_DFL);
}

static void a_thread_that_blocks_everything_still_allocates(void)
{
    sigset_t all, old;
    sigfillset(&all);
    check(sigprocmask(SIG_SETMASK, &all, &old) == 0, "errno %d", errno);
    char *blocks[2000];
    for (int i = 0; i < 2000; i++)
        memset(blocks[i] = malloc(20000), i, 20000);
    int wrong = 0;
    for (int i = 0; i < 2000; i++) {
        wrong += blocks[i][19999] != (char)i;
        free(blocks[i]);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    check(!wrong, "%d blocks", wrong);
}

static void an_unhandled_fault_ends_the_process_by_its_signal(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        close(2); /* the report is not part of this test */
        *(volatile int *)8 = 1;
        _exit(0);
    }
    check(waitpid(child, &status, 0) == child, "errno %d", errno);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %x", status);
}

static const struct test tests[] = {
    TEST(a_program_handles_its_own_bad_accesses, ""),
    TEST(a_handler_that_repairs_and_returns_lets_the_program_go_on, ""),
    TEST(sigaction_tells_what_was_set_before, ""),
    TEST(signals_that_no_program_may_take_are_refused, ""),
    TEST(masks_work, ""),
    TEST(a_thread_that_blocks_everything_still_allocates, ""),
    TEST(an_unhandled_fault_ends_the_process_by_its_signal, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
