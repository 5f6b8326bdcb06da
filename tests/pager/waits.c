/*
 * waits.c - waits of a program's threads while another one forks, most of its memory paged out.
 *
 * A fork stops all other threads by a signal.  The program has no handler, so no wait of its may end
 * with EINTR, and each must take as long as was asked; where it has one, the wait must end.
 *
 * The program knows nothing of the library: it is made to run on it by LD_PRELOAD.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../test.h"

#define PAGE 4096u
#define PAGES 12288u /* 48 MiB, twice the budget */
#define ASKED 0.3    /* seconds, of each wait */
#define FORKS 12

static const struct timespec asked = {0, 300000000};
static atomic_int handled;

/* ---- the waits: 0 when it took its time, else errno or what else it returned ---------------------- */

static struct timespec from_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += asked.tv_nsec;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static int result_of(int result, int wanted)
{
    return result == wanted ? 0 : result < 0 ? errno : 1000 + result;
}

static int by_poll(void)
{
    return result_of(poll(NULL, 0, 300), 0);
}

static int by_ppoll(void)
{
    sigset_t all;
    sigfillset(&all);
    return result_of(ppoll(NULL, 0, &asked, &all), 0);
}

static int by_select(void)
{
    struct timeval time = {0, 300000};
    return result_of(select(0, NULL, NULL, NULL, &time), 0);
}

static int by_pselect(void)
{
    sigset_t all;
    sigfillset(&all);
    return result_of(pselect(0, NULL, NULL, NULL, &asked, &all), 0);
}

static int by_epoll_wait(void)
{
    struct epoll_event event;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int result = result_of(epoll_wait(fd, &event, 1, 300), 0);
    close(fd);
    return result;
}

static int by_epoll_pwait2(void)
{
    struct epoll_event event;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int result = result_of(epoll_pwait2(fd, &event, 1, &asked, NULL), 0);
    close(fd);
    return result;
}

static int by_nanosleep(void)
{
    return result_of(nanosleep(&asked, NULL), 0);
}

static int by_clock_nanosleep(void)
{
    struct timespec until = from_now(CLOCK_MONOTONIC);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int by_usleep(void)
{
    return result_of(usleep(300000), 0);
}

static int by_sem_timedwait(void)
{
    sem_t semaphore;
    struct timespec until = from_now(CLOCK_REALTIME);
    sem_init(&semaphore, 0, 0);
    int result = sem_timedwait(&semaphore, &until);
    return result == -1 && errno == ETIMEDOUT ? 0 : errno;
}

static int by_semtimedop(void)
{
    struct sembuf down = {0, -1, 0};
    int id = semget(IPC_PRIVATE, 1, 0600);
    int result = semtimedop(id, &down, 1, &asked);
    int error = errno;
    semctl(id, 0, IPC_RMID);
    return result == -1 && error == EAGAIN ? 0 : error;
}

static int by_sigtimedwait(void)
{
    sigset_t all;
    sigfillset(&all);
    int result = sigtimedwait(&all, NULL, &asked);
    return result == -1 && errno == EAGAIN ? 0 : result < 0 ? errno : 1000 + result;
}

static int by_signalfd(void)
{
    sigset_t all;
    sigfillset(&all);
    int fd = signalfd(-1, &all, SFD_CLOEXEC);
    struct pollfd p = {fd, POLLIN, 0};
    int result = result_of(poll(&p, 1, 300), 0);
    close(fd);
    return result;
}

static const struct {
    int (*wait)(void);
    const char *name;
} waits[] = {
    {by_poll, "poll"},
    {by_ppoll, "ppoll"},
    {by_select, "select"},
    {by_pselect, "pselect"},
    {by_epoll_wait, "epoll_wait"},
    {by_epoll_pwait2, "epoll_pwait2"},
    {by_nanosleep, "nanosleep"},
    {by_clock_nanosleep, "clock_nanosleep"},
    {by_usleep, "usleep"},
    {by_sem_timedwait, "sem_timedwait"},
    {by_semtimedop, "semtimedop"},
    {by_sigtimedwait, "sigtimedwait"},
    {by_signalfd, "poll of a signalfd"},
};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

/* ---- threads that wait ---------------------------------------------------------------------------- */

static atomic_bool ending;
static atomic_uint done[WAITS];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *wait_on(void *argument)
{
    size_t i = (size_t)argument;

    while (!ending) {
        double start = seconds();
        int result = waits[i].wait();
        double took = seconds() - start;
        check(result == 0, "%s: %d (%s)", waits[i].name, result, strerror(result));
        check(took > ASKED - 0.01, "%s: ended after %.3f s", waits[i].name, took);
        check(took < ASKED + 5, "%s: ended after %.3f s", waits[i].name, took);
        done[i]++;
    }
    return NULL;
}

static volatile char *memory;

static void touch_all(void)
{
    for (size_t i = 0; i < PAGES; i++)
        memory[i * PAGE]++;
}

static void fork_now(void)
{
    touch_all(); /* over the budget: the fork has to stop everybody */
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    check(status == 0, "the child ended with %x", (unsigned)status);
}

static void map_memory(void)
{
    memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "errno %d", errno);
}

static void waits_go_on_over_a_fork(void)
{
    pthread_t threads[WAITS];

    map_memory();
    for (size_t i = 0; i < WAITS; i++)
        check(pthread_create(&threads[i], NULL, wait_on, (void *)i) == 0, "no thread");
    test_escape = NULL; /* record what is wrong and go on: the threads must end */
    for (int i = 0; i < FORKS || (done[0] < 3 && i < 1000); i++)
        fork_now();
    ending = true;
    for (size_t i = 0; i < WAITS; i++) {
        pthread_join(threads[i], NULL);
        check(done[i] > 0, "%s: never ended", waits[i].name);
    }
    munmap((void *)memory, PAGES * PAGE);
}

/* ---- and end where the program's own handler ran --------------------------------------------------- */

static void handle(int signal)
{
    (void)signal;
    handled++;
}

static void *wait_for_signal(void *ret_error)
{
    *(int *)ret_error = poll(NULL, 0, 60000) < 0 ? errno : 0;
    return NULL;
}

static void a_handler_of_the_program_ends_a_wait(void)
{
    struct sigaction action = {.sa_handler = handle};
    pthread_t thread;
    int error = 0;

    map_memory();
    sigaction(SIGUSR1, &action, NULL);
    check(pthread_create(&thread, NULL, wait_for_signal, &error) == 0, "no thread");
    for (int i = 0; i < 3; i++)
        fork_now();
    usleep(20000);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    check(error == EINTR, "errno %d", error);
    check(handled == 1, "handled %d times", (int)handled);
    munmap((void *)memory, PAGES * PAGE);
}

static const struct test tests[] = {
    TEST(waits_go_on_over_a_fork, ""),
    TEST(a_handler_of_the_program_ends_a_wait, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
