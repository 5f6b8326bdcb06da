/*
 * signals.c - the program's own signal handlers beside exceptions.
 *
 * `before`: set when the library starts, as by a program that links it late.  Linked normally the
 * library comes first and the program's sigaction replaces it in the kernel; so each test here runs
 * a child of this same program with the preload library, which stands in front of sigaction.
 *
 * usage: signals PRELOAD-LIBRARY | signals --child NAME
 */
#include <windows.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "test.h"

static char *volatile nowhere = (char *)16;
static volatile int calls;
static volatile int flaws;
static sigjmp_buf out;

#define want(condition) ((condition) ? (void)0 : (void)(flaws++, fputs(#condition "\n", stderr)))

static void set(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};

    sigaction(signal, &action, NULL);
}

static int done(void)
{
    return flaws ? 1 : 42;
}

/* ---- the children: 42 is right ------------------------------------------------------------------ */

static void leave(int signal, siginfo_t *info, void *context)
{
    (void)context;
    calls++;
    want(signal == SIGSEGV && info->si_code == SEGV_MAPERR && info->si_addr == nowhere);
    siglongjmp(out, 1);
}

static int gets_info(void)
{
    set(SIGSEGV, leave, 0);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(out, 1) == 0)
            *(volatile char *)nowhere = 1;
    }
    want(calls == 3);
    return done();
}

static void skip_instruction(int signal, siginfo_t *info, void *context)
{
    ucontext_t *u = context;

    (void)signal;
    (void)info;
    calls++;
    u->uc_mcontext.gregs[REG_RIP] = u->uc_mcontext.gregs[REG_RCX];
    u->uc_mcontext.gregs[REG_RAX] = 7;
}

static int changes_context(void)
{
    long rax = 0;

    set(SIGSEGV, skip_instruction, 0);
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\tmovb $1, (%%rdx)\n1:"
                     : "+a"(rax)
                     : "d"(nowhere)
                     : "rcx", "memory");
    want(calls == 1 && rax == 7);
    return done();
}

static void plain(int signal)
{
    calls++;
    want(signal == SIGFPE);
    siglongjmp(out, 1);
}

static int takes_one_argument(void)
{
    volatile int zero = 0;
    volatile int one = 1;

    want(signal(SIGFPE, plain) == SIG_DFL);
    if (sigsetjmp(out, 1) == 0)
        one = one / zero;
    want(calls == 1);
    want(signal(SIGFPE, SIG_DFL) == plain);
    return done();
}

static void look_at_mask(int signal, siginfo_t *info, void *context)
{
    sigset_t now;

    (void)info;
    (void)context;
    calls++;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    want(sigismember(&now, signal) == 1);
    want(sigismember(&now, SIGUSR1) == 1);
    want(sigismember(&now, SIGUSR2) == 0);
    skip_instruction(signal, info, context);
}

static void fault_and_skip(void)
{
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\tmovb $1, (%%rdx)\n1:"
                     :
                     : "d"(nowhere)
                     : "rax", "rcx", "memory");
}

static int has_its_mask(void)
{
    struct sigaction action = {.sa_sigaction = look_at_mask, .sa_flags = SA_SIGINFO};
    sigset_t after;

    sigaddset(&action.sa_mask, SIGUSR1);
    sigaction(SIGSEGV, &action, NULL);
    fault_and_skip();
    want(calls == 2); /* one here, one in skip_instruction */
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    want(!sigismember(&after, SIGSEGV) && !sigismember(&after, SIGUSR1));
    return done();
}

static void look_at_no_mask(int signal, siginfo_t *info, void *context)
{
    sigset_t now;

    pthread_sigmask(SIG_BLOCK, NULL, &now);
    want(sigismember(&now, signal) == 0);
    skip_instruction(signal, info, context);
}

static int may_not_defer(void)
{
    set(SIGSEGV, look_at_no_mask, SA_NODEFER);
    fault_and_skip();
    want(calls == 1);
    return done();
}

static int is_reset(void)
{
    struct sigaction now;

    set(SIGSEGV, skip_instruction, (int)SA_RESETHAND);
    fault_and_skip();
    want(calls == 1);
    sigaction(SIGSEGV, NULL, &now);
    want(now.sa_handler == SIG_DFL);
    return done();
}

static int is_remembered(void)
{
    struct sigaction old;

    set(SIGSEGV, leave, SA_RESTART | SA_ONSTACK);
    want(sigaction(SIGSEGV, NULL, &old) == 0);
    want(old.sa_sigaction == leave);
    want(old.sa_flags == (SA_SIGINFO | SA_RESTART | SA_ONSTACK));
    want(signal(SIGSEGV, SIG_IGN) == (void (*)(int))(ULONG_PTR)leave);
    want(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
    return done();
}

static LONG CALLBACK handle(EXCEPTION_POINTERS *pointers)
{
    calls += 10;
    pointers->ContextRecord->Rip = pointers->ContextRecord->Rcx;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static LONG CALLBACK look_on(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    calls += 100;
    return EXCEPTION_CONTINUE_SEARCH;
}

static int comes_after_exceptions(void)
{
    void *handler;

    set(SIGSEGV, skip_instruction, 0);
    handler = AddVectoredExceptionHandler(1, look_on);
    fault_and_skip();
    want(calls == 101);
    AddVectoredExceptionHandler(0, handle);
    fault_and_skip();
    want(calls == 211);
    RemoveVectoredExceptionHandler(handler);
    return done();
}

static void note_sent(int signal, siginfo_t *info, void *context)
{
    (void)context;
    calls++;
    want(signal == SIGTRAP || signal == SIGSEGV);
    want(info->si_code <= 0);
}

static int gets_sent_signals(void)
{
    AddVectoredExceptionHandler(1, look_on);
    set(SIGSEGV, note_sent, 0);
    set(SIGTRAP, note_sent, 0);
    raise(SIGSEGV);
    kill(getpid(), SIGTRAP);
    want(calls == 2);
    signal(SIGSEGV, SIG_IGN);
    raise(SIGSEGV);
    return done();
}

static int default_ends(void)
{
    set(SIGSEGV, skip_instruction, 0);
    signal(SIGSEGV, SIG_DFL);
    *(volatile char *)nowhere = 1;
    return done();
}

static int ignored_fault_ends(void)
{
    signal(SIGSEGV, SIG_IGN);
    *(volatile char *)nowhere = 1;
    return done();
}

static void note_bus(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    want(info->si_code == BUS_ADRERR);
    skip_instruction(signal, info, context);
}

static int gets_bus_errors(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

    set(SIGBUS, note_bus, 0);
    nowhere = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    want(nowhere != MAP_FAILED);
    fault_and_skip();
    want(calls == 1);
    return done();
}

static void keep_errno(int signal, siginfo_t *info, void *context)
{
    want(errno == 77);
    skip_instruction(signal, info, context);
}

static int leaves_errno_alone(void)
{
    set(SIGSEGV, keep_errno, 0);
    errno = 77;
    fault_and_skip();
    want(errno == 77 && calls == 1);
    return done();
}

static void interrupt(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
    calls++;
}

static void *send_traps(void *argument)
{
    pthread_t *reader = argument;

    for (int i = 0; i < 50 && !calls; i++) {
        usleep(20000);
        pthread_kill(*reader, SIGTRAP);
    }
    return NULL;
}

/* Whether read(2) goes on after the signal is as the program asked. */
static int interrupts_calls(void)
{
    pthread_t self = pthread_self();
    pthread_t other;
    int ends[2];
    char byte;

    set(SIGTRAP, interrupt, 0);
    want(pipe(ends) == 0);
    want(pthread_create(&other, NULL, send_traps, &self) == 0);
    want(read(ends[0], &byte, 1) == -1 && errno == EINTR);
    pthread_join(other, NULL);
    return done();
}

static int child_of_fork(void)
{
    int status;

    set(SIGSEGV, skip_instruction, 0);
    pid_t child = fork();
    if (child == 0) {
        fault_and_skip();
        signal(SIGSEGV, SIG_DFL);
        _exit(calls == 1 ? 33 : 1);
    }
    waitpid(child, &status, 0);
    want(WIFEXITED(status) && WEXITSTATUS(status) == 33);
    fault_and_skip(); /* ours is as it was */
    want(calls == 1);
    return done();
}

static const struct child {
    const char *name;
    int (*run)(void);
} children[] = {
    {"gets_info", gets_info},
    {"changes_context", changes_context},
    {"takes_one_argument", takes_one_argument},
    {"has_its_mask", has_its_mask},
    {"may_not_defer", may_not_defer},
    {"is_reset", is_reset},
    {"is_remembered", is_remembered},
    {"comes_after_exceptions", comes_after_exceptions},
    {"gets_sent_signals", gets_sent_signals},
    {"default_ends", default_ends},
    {"ignored_fault_ends", ignored_fault_ends},
    {"gets_bus_errors", gets_bus_errors},
    {"leaves_errno_alone", leaves_errno_alone},
    {"interrupts_calls", interrupts_calls},
    {"child_of_fork", child_of_fork},
};

static int run_child(const char *name)
{
    for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
        if (strcmp(children[i].name, name) == 0)
            return children[i].run();
    }
    return 2;
}

/* ---- the parent --------------------------------------------------------------------------------- */

static const char *preload_library;

/* Run a child; what wait(2) says. */
static int outcome(const char *name, bool quiet)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        setenv("LD_PRELOAD", preload_library, 1);
        if (quiet) {
            int nothing = open("/dev/null", O_WRONLY);
            dup2(nothing, 2);
        }
        execl("/proc/self/exe", "signals", "--child", name, (char *)NULL);
        _exit(3);
    }
    waitpid(child, &status, 0);
    return status;
}

#define CHILD_IS_RIGHT(name)                                                                  \
    do {                                                                                      \
        int status = outcome(name, false);                                                    \
        check(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", (unsigned)status); \
    } while (0)

static void a_handler_gets_the_siginfo_of_the_kernel_each_time(void)
{
    CHILD_IS_RIGHT("gets_info");
}

static void a_handler_may_change_the_ucontext_and_return(void)
{
    CHILD_IS_RIGHT("changes_context");
}

static void a_handler_of_one_argument_set_by_signal_is_called(void)
{
    CHILD_IS_RIGHT("takes_one_argument");
}

static void a_handler_runs_with_its_mask_and_the_signal_blocked(void)
{
    CHILD_IS_RIGHT("has_its_mask");
}

static void a_handler_with_nodefer_runs_with_the_signal_open(void)
{
    CHILD_IS_RIGHT("may_not_defer");
}

static void a_handler_with_resethand_is_called_once(void)
{
    CHILD_IS_RIGHT("is_reset");
}

static void sigaction_tells_what_the_program_had_set(void)
{
    CHILD_IS_RIGHT("is_remembered");
}

static void vectored_handlers_are_asked_before_the_signal_handler(void)
{
    CHILD_IS_RIGHT("comes_after_exceptions");
}

static void a_signal_that_was_sent_is_no_exception(void)
{
    CHILD_IS_RIGHT("gets_sent_signals");
}

static void a_bus_error_reaches_the_handler(void)
{
    CHILD_IS_RIGHT("gets_bus_errors");
}

static void errno_is_left_alone(void)
{
    CHILD_IS_RIGHT("leaves_errno_alone");
}

static void a_system_call_is_interrupted_if_the_program_did_not_ask_for_restart(void)
{
    CHILD_IS_RIGHT("interrupts_calls");
}

static void a_forked_child_has_the_handler_too(void)
{
    CHILD_IS_RIGHT("child_of_fork");
}

static void a_fault_with_the_default_action_ends_the_process_by_its_signal(void)
{
    int status = outcome("default_ends", true);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %x", (unsigned)status);
}

static void a_fault_that_is_ignored_ends_the_process_all_the_same(void)
{
    int status = outcome("ignored_fault_ends", true);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %x", (unsigned)status);
}

static const struct test tests[] = {
    TEST(a_handler_gets_the_siginfo_of_the_kernel_each_time, ""),
    TEST(a_handler_may_change_the_ucontext_and_return, ""),
    TEST(a_handler_of_one_argument_set_by_signal_is_called, ""),
    TEST(a_handler_runs_with_its_mask_and_the_signal_blocked, ""),
    TEST(a_handler_with_nodefer_runs_with_the_signal_open, ""),
    TEST(a_handler_with_resethand_is_called_once, ""),
    TEST(sigaction_tells_what_the_program_had_set, ""),
    TEST(vectored_handlers_are_asked_before_the_signal_handler, ""),
    TEST(a_signal_that_was_sent_is_no_exception, ""),
    TEST(a_bus_error_reaches_the_handler, ""),
    TEST(errno_is_left_alone, ""),
    TEST(a_system_call_is_interrupted_if_the_program_did_not_ask_for_restart, ""),
    TEST(a_forked_child_has_the_handler_too, ""),
    TEST(a_fault_with_the_default_action_ends_the_process_by_its_signal, ""),
    TEST(a_fault_that_is_ignored_ends_the_process_all_the_same, ""),
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--child") == 0)
        return run_child(argv[2]);
    if (argc < 2) {
        fputs("usage: signals PRELOAD-LIBRARY\n", stderr);
        return 2;
    }
    preload_library = argv[1];
    return test_main(tests, TEST_COUNT(tests), argc - 1, argv + 1);
}
