/*
 * lifetimes.c - memory of threads, libraries and handlers that come and go.
 *
 * Run under LD_PRELOAD, with guest.c preloaded as well and named in GUEST_LIBRARY.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "../chance.h"
#include "../test.h"
#include "guest.h"
#include "use_heap.h"

/* glibc's: run `destructor` when the calling thread ends, as C++ does for its thread_locals. */
int __cxa_thread_atexit_impl(void (*destructor)(void *), void *argument, void *module);
extern void *__dso_handle;

static atomic_int wrong; /* what destructors and handlers found */

static void expect_heap(uint64_t seed)
{
    if (!use_heap(seed))
        atomic_fetch_add(&wrong, 1);
}

static void run_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    start(&thread, run, argument);
    pthread_join(thread, NULL);
}

/* ---- libraries ---------------------------------------------------------------------------------- */

static void expect_guest(const struct guest_block *blocks)
{
    for (int i = 0; i < GUEST_BLOCKS; i++) {
        check(blocks[i].at && blocks[i].size == guest_size(i), "block %d", i);
        check(is_filled(blocks[i].at, blocks[i].size, i + 1), "contents of block %d", i);
    }
}

static void a_preloaded_library_can_allocate_before_main(void)
{
    struct guest_block *(*blocks)(void) = (void *)dlsym(RTLD_DEFAULT, "guest_blocks");
    check(blocks, "guest.c is not preloaded");
    struct guest_block *b = blocks();

    expect_guest(b);
    for (int i = 0; i < GUEST_BLOCKS; i++) {
        check(malloc_usable_size(b[i].at) >= b[i].size, "size of block %d", i);
        b[i].at = realloc(b[i].at, b[i].size + 100);
        check(b[i].at && is_filled(b[i].at, b[i].size, i + 1), "resized block %d", i);
        free(b[i].at);
        b[i].at = NULL;
    }
}

static void a_library_that_allocates_when_it_is_loaded_can_be_unloaded(void)
{
    const char *name = getenv("GUEST_LIBRARY");
    check(name, "GUEST_LIBRARY is not set");
    size_t before = 0;

    for (int round = 0; round < 100; round++) {
        void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        check(library, "%s", dlerror());
        struct guest_block *(*blocks)(void) = (void *)dlsym(library, "guest_blocks");
        check(blocks, "%s", dlerror());
        expect_guest(blocks());
        check(dlclose(library) == 0, "%s", dlerror());
        check(!dlopen(name, RTLD_NOW | RTLD_NOLOAD), "it stays loaded");
        if (round == 1)
            before = mallinfo2().uordblks;
    }
    size_t after = mallinfo2().uordblks;
    check(after <= before + 4 * KIB, "%zu bytes in use, then %zu", before, after);
}

/* ---- what runs when a thread ends ----------------------------------------------------------------- */

static pthread_key_t key;
static atomic_int destroyed;

static void destroy(void *block)
{
    if (!is_filled(block, 500, 7))
        atomic_fetch_add(&wrong, 1);
    free(block);
    expect_heap(11);
    if (atomic_fetch_add(&destroyed, 1) % 2 == 0) {
        block = memset(malloc(500), 7, 500);
        pthread_setspecific(key, block); /* once more, in the next round of destructors */
    }
}

static void *leave_to_key(void *unused)
{
    (void)unused;
    pthread_setspecific(key, memset(malloc(500), 7, 500));
    return NULL;
}

static void destructors_of_a_key_can_allocate_and_free(void)
{
    atomic_store(&wrong, 0);
    check(pthread_key_create(&key, destroy) == 0, "no key");
    for (int i = 0; i < 200; i++)
        run_thread(leave_to_key, NULL);
    pthread_key_delete(key);
    check(atomic_load(&destroyed) == 400, "%d destructors", atomic_load(&destroyed));
    check(!atomic_load(&wrong), "%d were wrong", atomic_load(&wrong));
}

static void destroy_local(void *block)
{
    destroyed++;
    if (!is_filled(block, 5000, 9))
        atomic_fetch_add(&wrong, 1);
    expect_heap(13);
    free(block);
    expect_heap(17);
}

static void *leave_to_local(void *use_first)
{
    if (use_first)
        expect_heap(19);
    __cxa_thread_atexit_impl(destroy_local, memset(malloc(5000), 9, 5000), &__dso_handle);
    return NULL;
}

static void destructors_of_thread_locals_can_allocate_and_free(void)
{
    atomic_store(&wrong, 0);
    atomic_store(&destroyed, 0);
    for (uintptr_t i = 0; i < 200; i++)
        run_thread(leave_to_local, (void *)(i % 2));
    check(atomic_load(&destroyed) == 200, "%d destructors", atomic_load(&destroyed));
    check(!atomic_load(&wrong), "%d were wrong", atomic_load(&wrong));
}

static void at_exit(void)
{
    expect_heap(23);
    _exit(atomic_load(&wrong) ? 1 : 42);
}

static void handlers_at_exit_can_allocate(void)
{
    for (int quick = 0; quick < 2; quick++) {
        pid_t child = fork();
        if (child == 0) {
            atomic_store(&wrong, 0);
            alarm(30);
            if ((quick ? at_quick_exit(at_exit) : atexit(at_exit)) != 0)
                _exit(9);
            quick ? quick_exit(1) : exit(1);
        }
        int status = status_of(child);
        check(status == 42, "quick %d: %d", quick, status);
    }
}

static void handle(int number)
{
    (void)number;
    int error = errno;
    expect_heap(29);
    atomic_fetch_add(&destroyed, 1);
    errno = error;
}

static void *take_signals(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        raise(SIGUSR1);
    return NULL;
}

static void a_handler_may_allocate_where_the_program_does_not_at_that_moment(void)
{
    struct sigaction action = {.sa_handler = handle}, old;

    atomic_store(&wrong, 0);
    atomic_store(&destroyed, 0);
    check(sigaction(SIGUSR1, &action, &old) == 0, "errno %d", errno);
    run_thread(take_signals, NULL); /* the first use of memory of this thread is in the handler */
    sigaction(SIGUSR1, &old, NULL);
    check(atomic_load(&destroyed) == 100, "%d signals", atomic_load(&destroyed));
    check(!atomic_load(&wrong), "%d were wrong", atomic_load(&wrong));
}

/* ---- many threads --------------------------------------------------------------------------------- */

/* KiB of a line of /proc/self/status. */
static size_t kib_of(const char *field)
{
    char line[200];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoul(line + strlen(field) + 1, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

static void *use_a_little(void *number)
{
    void *blocks[20];
    for (size_t i = 0; i < 20; i++)
        blocks[i] = malloc((size_t)16 << (i + (uintptr_t)number) % 11);
    for (size_t i = 0; i < 20; i++)
        free(blocks[i]);
    return NULL;
}

/* Where memory is paged all of this is much slower, and no other code runs. */
static int threads(int count)
{
    return getenv("NTMM_RAM") ? count / 5 : count;
}

static void ten_thousand_threads_leave_nothing_behind(void)
{
    size_t resident = 0, mapped = 0, used = 0;

    for (uintptr_t i = 0; i < (uintptr_t)threads(10000); i++) {
        run_thread(use_a_little, (void *)i);
        if (i == 500) {
            resident = kib_of("RssAnon");
            mapped = kib_of("VmSize");
            used = mallinfo2().uordblks;
        }
    }
    check(resident && kib_of("RssAnon") <= resident + 1024, "%zu KiB, then %zu in RAM", resident,
          kib_of("RssAnon"));
    check(kib_of("VmSize") <= mapped + 16384, "%zu KiB, then %zu mapped", mapped, kib_of("VmSize"));
    check(mallinfo2().uordblks <= used + 4 * KIB, "%zu bytes, then %zu in use", used,
          mallinfo2().uordblks);
}

enum { LEFT = 40 };

static void *leave_blocks(void *array)
{
    unsigned char **blocks = array;
    for (int i = 0; i < LEFT; i++) {
        size_t size = (size_t)17 << i % 14;
        blocks[i] = malloc(size);
        if (blocks[i])
            memset(blocks[i], i, size);
    }
    return NULL;
}

static void blocks_of_a_thread_that_ended_are_whole_and_can_be_freed(void)
{
    enum { THREADS = 400 };
    static unsigned char *blocks[THREADS][LEFT];
    size_t before = mallinfo2().uordblks;

    for (int t = 0; t < THREADS; t++)
        run_thread(leave_blocks, blocks[t]);
    for (int t = THREADS; t-- > 0;)
        for (int i = 0; i < LEFT; i++) {
            size_t size = (size_t)17 << i % 14;
            check(blocks[t][i] && is_filled(blocks[t][i], size, i), "thread %d block %d", t, i);
            free(blocks[t][i]);
        }
    size_t after = mallinfo2().uordblks;
    check(after <= before + 16 * KIB, "%zu bytes in use, then %zu", before, after);
}

static void *free_all(void *array)
{
    unsigned char **blocks = array;
    for (int i = 0; i < LEFT; i++)
        free(blocks[i]);
    return NULL;
}

static void memory_freed_by_other_threads_is_used_again(void)
{
    static unsigned char *blocks[LEFT];
    size_t resident = 0;

    for (int round = 0; round < threads(3000); round++) {
        leave_blocks(blocks);
        run_thread(free_all, blocks);
        if (round == 200)
            resident = kib_of("RssAnon");
    }
    check(resident && kib_of("RssAnon") <= resident + 4096, "%zu KiB, then %zu in RAM", resident,
          kib_of("RssAnon"));
}

/* ---- cancellation ----------------------------------------------------------------------------------- */

struct canceled {
    unsigned char *blocks[64];
    atomic_int rounds;
    uint64_t seed;
};

static void clean_up(void *argument)
{
    struct canceled *c = argument;
    for (int i = 0; i < 64; i++)
        free(c->blocks[i]);
}

/* Nothing in here is a point of cancellation but the last line: no call of malloc may be one. */
static void *allocate_until_canceled(void *argument)
{
    struct canceled *c = argument;
    pthread_cleanup_push(clean_up, c);
    for (;;) {
        int left = 0;
        for (int i = 0; i < 64; i++) {
            size_t size = (size_t)chance(&c->seed, 1u << chance(&c->seed, 19)) + 1;
            free(c->blocks[i]);
            c->blocks[i] = malloc(size);
            left += c->blocks[i] == NULL;
        }
        if (left)
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&c->rounds, 1);
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
}

static void threads_can_be_canceled_while_they_allocate(void)
{
    size_t before = 0;

    atomic_store(&wrong, 0);
    for (int round = 0; round < threads(200); round++) {
        struct canceled c = {.seed = (uint64_t)round + 1};
        pthread_t thread;
        void *result;
        start(&thread, allocate_until_canceled, &c);
        usleep((useconds_t)(round % 7) * 100);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        check(result == PTHREAD_CANCELED && atomic_load(&c.rounds) > 0, "round %d", round);
        check(use_heap((uint64_t)round + 1), "round %d", round);
        if (round == 20)
            before = mallinfo2().uordblks;
    }
    check(!atomic_load(&wrong), "no memory");
    check(mallinfo2().uordblks <= before + 4 * KIB, "%zu bytes, then %zu in use", before,
          mallinfo2().uordblks);
}

static const struct test tests[] = {
    TEST(a_preloaded_library_can_allocate_before_main, ""),
    TEST(a_library_that_allocates_when_it_is_loaded_can_be_unloaded, ""),
    TEST(destructors_of_a_key_can_allocate_and_free, ""),
    TEST(destructors_of_thread_locals_can_allocate_and_free, ""),
    TEST(handlers_at_exit_can_allocate, ""),
    TEST(a_handler_may_allocate_where_the_program_does_not_at_that_moment, ""),
    TEST(ten_thousand_threads_leave_nothing_behind, ""),
    TEST(blocks_of_a_thread_that_ended_are_whole_and_can_be_freed, ""),
    TEST(memory_freed_by_other_threads_is_used_again, ""),
    TEST(threads_can_be_canceled_while_they_allocate, ""),
};

int main(int argc, char **argv)
{
    alarm(235); /* a deadlock is a failure */
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
