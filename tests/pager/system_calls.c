/*
 * system_calls.c - system calls take, and leave, what is in the page file as if it were in RAM.
 *
 * Each test writes a pattern into memory, makes it leave RAM, sees that it has left, and only then
 * calls.  What the call moved is compared in static memory, which is not paged; what it should not
 * have touched is compared too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "paged.h"

#define BYTES (37 * PAGE + 100) /* more than two units, and not whole pages */
#define ROOM (40 * PAGE)
#define OFFSET 300 /* of the buffer in its first page */
#define DIRECT_BYTES (64 * PAGE)
#define DIRECT_ROUNDS 12

static char plain[ROOM];
static char *paged;
static int file = -1;
static char path[256];

static char pattern(size_t at, unsigned salt)
{
    return (char)((at * 2654435761u + salt * 40503u) >> 13);
}

static void fill(char *p, size_t size, unsigned salt)
{
    for (size_t i = 0; i < size; i++)
        p[i] = pattern(i, salt);
}

/* Bytes [from, to) of the pattern must stand at p + from. */
static void compare(const char *p, size_t from, size_t to, unsigned salt)
{
    for (size_t i = from; i < to; i++)
        check(p[i] == pattern(i, salt), "byte %zu of %zu to %zu", i, from, to);
}

static void prepare(void)
{
    const char *folder = getenv("NTMM_PAGEFILE_DIR");

    paged_prepare();
    if (!paged)
        paged = paged_commit(ROOM);
    if (file < 0) {
        snprintf(path, sizeof(path), "%s/system-calls.XXXXXX", folder ? folder : "/tmp");
        file = mkstemp(path);
        check(file >= 0, "no file %s", path);
    }
    check(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0, "errno %d", errno);
}

/* Pattern `salt` in the whole buffer, and none of it in RAM. */
static void put_out(unsigned salt)
{
    fill(paged, ROOM, salt);
    paged_send_out(paged, ROOM);
}

static void file_must_hold(size_t place, size_t size, unsigned salt)
{
    check(pread(file, plain + OFFSET, size, (off_t)place) == (ssize_t)size, "errno %d", errno);
    compare(plain, OFFSET, OFFSET + size, salt);
}

/* The buffer holds pattern `inside` where something was read, and `outside` around it. */
static void buffer_must_hold(unsigned inside, unsigned outside)
{
    compare(paged, 0, OFFSET, outside);
    compare(paged, OFFSET, OFFSET + BYTES, inside);
    compare(paged, OFFSET + BYTES, ROOM, outside);
}

static void put_into_file(unsigned salt)
{
    fill(plain, ROOM, salt);
    check(pwrite(file, plain, ROOM, 0) == ROOM, "errno %d", errno);
    check(lseek(file, OFFSET, SEEK_SET) == OFFSET, "errno %d", errno);
}

/* ---- files ------------------------------------------------------------------------------------ */

static void write_and_pwrite_take_bytes_from_the_page_file(void)
{
    prepare();
    put_out(1);
    check(write(file, paged + OFFSET, BYTES) == BYTES, "errno %d", errno);
    file_must_hold(0, BYTES, 1);
    put_out(2);
    check(pwrite(file, paged + OFFSET, BYTES, 5000) == BYTES, "errno %d", errno);
    file_must_hold(5000, BYTES, 2);
}

static void writev_takes_bytes_and_its_vector_from_the_page_file(void)
{
    prepare();
    fill(paged, ROOM, 3);
    struct iovec *v = (struct iovec *)(paged + 39 * PAGE);
    for (int i = 0; i < 37; i++)
        v[i] = (struct iovec){paged + OFFSET + i * PAGE, PAGE};
    paged_send_out(paged, ROOM);
    check(writev(file, v, 37) == 37 * PAGE, "errno %d", errno);
    file_must_hold(0, 37 * PAGE, 3);
}

static void read_and_pread_fill_memory_that_is_in_the_page_file(void)
{
    prepare();
    put_into_file(4);
    put_out(5);
    check(read(file, paged + OFFSET, BYTES) == BYTES, "errno %d", errno);
    buffer_must_hold(4, 5);
    put_out(6);
    check(pread(file, paged + OFFSET, BYTES, OFFSET) == BYTES, "errno %d", errno);
    buffer_must_hold(4, 6);
    paged_send_out(paged, ROOM);
    buffer_must_hold(4, 6);
}

static void readv_fills_memory_that_is_in_the_page_file(void)
{
    prepare();
    put_into_file(7);
    put_out(8);
    struct iovec v[3] = {{paged + OFFSET, 10}, {paged + OFFSET + 10, 20 * PAGE}};
    v[2] = (struct iovec){paged + OFFSET + 10 + 20 * PAGE, BYTES - 10 - 20 * PAGE};
    check(readv(file, v, 3) == BYTES, "errno %d", errno);
    buffer_must_hold(7, 8);
}

static void a_path_and_its_stat_may_lie_in_the_page_file(void)
{
    prepare();
    put_into_file(9);
    fill(paged, ROOM, 10);
    char *name = paged + PAGE - 3; /* across two pages */
    strcpy(name, path);
    struct stat *st = (struct stat *)(paged + 20 * PAGE);
    paged_send_out(paged, ROOM);
    int fd = open(name, O_RDONLY);
    check(fd >= 0, "errno %d", errno);
    close(fd);
    paged_send_out(paged, ROOM);
    check(stat(name, st) == 0 && st->st_size == ROOM, "errno %d", errno);
    compare(paged, 20 * PAGE + sizeof(*st), ROOM, 10);
}

static void getcwd_and_clock_gettime_leave_their_results(void)
{
    prepare();
    check(syscall(SYS_getcwd, plain, PAGE) > 0, "errno %d", errno);
    put_out(11);
    check(syscall(SYS_getcwd, paged + OFFSET, PAGE) > 0, "errno %d", errno);
    check(strcmp(paged + OFFSET, plain) == 0, "%s", plain);
    struct timespec *t = (struct timespec *)(paged + 9 * PAGE - sizeof(long)); /* across two */
    paged_send_out(paged, ROOM);
    check(syscall(SYS_clock_gettime, CLOCK_REALTIME, t) == 0, "errno %d", errno);
    check(labs(t->tv_sec - time(NULL)) < 5 && t->tv_nsec < 1000000000, "%ld", (long)t->tv_sec);
    paged_send_out(paged, ROOM);
    check(clock_gettime(CLOCK_REALTIME, t) == 0, "errno %d", errno);
    check(labs(t->tv_sec - time(NULL)) < 5, "%ld", (long)t->tv_sec);
    compare(paged, 10 * PAGE, ROOM, 11);
}

/* ---- from one end to the other ------------------------------------------------------------------ */

/* The other end of a pipe or a socket: sends pattern 12, or takes what must be pattern 13. */
struct end {
    int fd;
    bool sends;
};

static void *other_end(void *argument)
{
    const struct end *e = argument;
    ssize_t n = 1;

    if (e->sends)
        fill(plain, ROOM, 12);
    for (size_t done = OFFSET; done < OFFSET + BYTES && n > 0; done += (size_t)n)
        n = e->sends ? write(e->fd, plain + done, OFFSET + BYTES - done)
                     : read(e->fd, plain + done, OFFSET + BYTES - done);
    return NULL;
}

static void move_all(int fd, bool sends)
{
    ssize_t n;
    for (size_t done = OFFSET; done < OFFSET + BYTES; done += (size_t)n) {
        n = sends ? write(fd, paged + done, OFFSET + BYTES - done)
                  : read(fd, paged + done, OFFSET + BYTES - done);
        check(n > 0, "errno %d after %zu bytes", errno, done - OFFSET);
    }
}

/* Through a pair of descriptors: out of paged-out memory, and into it. */
static void transfer(int from, int to)
{
    pthread_t thread;
    struct end reader = {from, false};
    struct end writer = {to, true};

    memset(plain, 0, sizeof(plain));
    put_out(13);
    check(pthread_create(&thread, NULL, other_end, &reader) == 0, "no thread");
    move_all(to, true);
    pthread_join(thread, NULL);
    compare(plain, OFFSET, OFFSET + BYTES, 13);
    put_out(14);
    check(pthread_create(&thread, NULL, other_end, &writer) == 0, "no thread");
    move_all(from, false);
    pthread_join(thread, NULL);
    buffer_must_hold(12, 14);
    close(from);
    close(to);
}

static void a_pipe_takes_and_gives_pages_that_are_out(void)
{
    int fds[2];
    prepare();
    check(pipe(fds) == 0, "errno %d", errno);
    transfer(fds[0], fds[1]);
}

static void a_socket_takes_and_gives_pages_that_are_out(void)
{
    int fds[2];
    prepare();
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "errno %d", errno);
    transfer(fds[0], fds[1]);
}

static void process_vm_readv_reads_and_fills_pages_that_are_out(void)
{
    prepare();
    put_out(15);
    struct iovec here = {plain, ROOM};
    struct iovec there = {paged, ROOM};
    check(process_vm_readv(getpid(), &here, 1, &there, 1, 0) == ROOM, "errno %d", errno);
    compare(plain, 0, ROOM, 15);
    fill(plain, ROOM, 16);
    put_out(17);
    here = (struct iovec){paged + OFFSET, BYTES};
    there = (struct iovec){plain + OFFSET, BYTES};
    check(process_vm_readv(getpid(), &here, 1, &there, 1, 0) == BYTES, "errno %d", errno);
    buffer_must_hold(16, 17);
}

/* ---- futexes ------------------------------------------------------------------------------------ */

static int futex_flag;
static atomic_int waiter; /* 1: about to wait, 2: woken in good order, 3: not */

static void *wait_on_word(void *word)
{
    struct timespec limit = {20, 0};
    waiter = 1;
    long error = 0;
    while (!error && *(atomic_int *)word == 7)
        error = syscall(SYS_futex, word, FUTEX_WAIT | futex_flag, 7, &limit) ? errno : 0;
    waiter = !error || error == EAGAIN ? 2 : 3;
    return NULL;
}

/* The word leaves RAM while a thread waits on it. */
static void wait_and_wake(int flag)
{
    pthread_t thread;
    atomic_int *word = (atomic_int *)(paged + 17 * PAGE + 64);

    prepare();
    fill(paged, ROOM, 18);
    *word = 7;
    futex_flag = flag;
    waiter = 0;
    paged_send_out(paged, ROOM);
    check(syscall(SYS_futex, word, FUTEX_WAIT | flag, 8, NULL) == -1 && errno == EAGAIN,
          "errno %d: the word is 7, not 8", errno);
    check(pthread_create(&thread, NULL, wait_on_word, (void *)word) == 0, "no thread");
    while (waiter == 0)
        usleep(1000);
    usleep(100000);
    paged_send_out(paged, ROOM);
    long woken = syscall(SYS_futex, word, FUTEX_WAKE | flag, 1);
    *word = 8;
    syscall(SYS_futex, word, FUTEX_WAKE | flag, 1);
    pthread_join(thread, NULL);
    check(woken == 1, "%ld woken", woken);
    check(waiter == 2, "the waiter was not woken");
    compare(paged, 18 * PAGE, ROOM, 18);
}

static void a_futex_wakes_though_its_page_has_left(void)
{
    prepare();
    wait_and_wake(FUTEX_PRIVATE_FLAG);
}

static void a_shared_futex_wakes_though_its_page_has_left(void)
{
    prepare();
    wait_and_wake(0);
}

/* ---- direct reads ------------------------------------------------------------------------------- */

static atomic_bool trimming;

static void *trim(void *unused)
{
    while (trimming) {
        K32EmptyWorkingSet(GetCurrentProcess());
        paged_push();
    }
    return unused;
}

/* Read the file again and again into memory that is being trimmed, and see what is there. */
static void read_directly(int fd, char *target)
{
    size_t came_from_out = 0;

    for (unsigned round = 0; round < DIRECT_ROUNDS; round++) {
        fill(target, DIRECT_BYTES, round);
        for (int i = 0; i < 200 && paged_in_ram(target, DIRECT_BYTES); i++)
            usleep(5000);
        came_from_out += DIRECT_BYTES / PAGE - paged_in_ram(target, DIRECT_BYTES);
        check(pread(fd, target, DIRECT_BYTES, 0) == (ssize_t)DIRECT_BYTES, "errno %d", errno);
        compare(target, 0, DIRECT_BYTES, 19);
        usleep(20000);
        compare(target, 0, DIRECT_BYTES, 19);
    }
    check(came_from_out > 0, "nothing was ever out");
    printf("# %zu of %u pages were out when they were read into\n", came_from_out,
           DIRECT_ROUNDS * DIRECT_BYTES / PAGE);
}

static void a_direct_read_into_memory_that_is_being_trimmed_arrives(void)
{
    pthread_t thread;

    prepare();
    char *target = paged_commit(DIRECT_BYTES);
    fill(target, DIRECT_BYTES, 19);
    check(write(file, target, DIRECT_BYTES) == (ssize_t)DIRECT_BYTES && fsync(file) == 0,
          "errno %d", errno);
    int fd = open(path, O_RDONLY | O_DIRECT);
    if (fd < 0)
        skip("this file system has no direct reads");
    trimming = true;
    check(pthread_create(&thread, NULL, trim, NULL) == 0, "no thread");
    test_escape = NULL; /* record what is wrong and go on: the thread must end */
    read_directly(fd, target);
    trimming = false;
    pthread_join(thread, NULL);
    close(fd);
}

static const struct test tests[] = {
    TEST(write_and_pwrite_take_bytes_from_the_page_file, ""),
    TEST(writev_takes_bytes_and_its_vector_from_the_page_file, ""),
    TEST(read_and_pread_fill_memory_that_is_in_the_page_file, ""),
    TEST(readv_fills_memory_that_is_in_the_page_file, ""),
    TEST(a_path_and_its_stat_may_lie_in_the_page_file, ""),
    TEST(getcwd_and_clock_gettime_leave_their_results, ""),
    TEST(a_pipe_takes_and_gives_pages_that_are_out, ""),
    TEST(a_socket_takes_and_gives_pages_that_are_out, ""),
    TEST(process_vm_readv_reads_and_fills_pages_that_are_out, ""),
    TEST(a_futex_wakes_though_its_page_has_left, ""),
    TEST(a_shared_futex_wakes_though_its_page_has_left, ""),
    TEST(a_direct_read_into_memory_that_is_being_trimmed_arrives, ""),
};

int main(int argc, char **argv)
{
    int result = test_main(tests, TEST_COUNT(tests), argc, argv);
    if (file >= 0)
        unlink(path);
    return result;
}
