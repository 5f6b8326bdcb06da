/*
 * lookaside.c - lookaside lists: objects come back, are counted, and end with their list.
 */
#include "../api/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntstatus.h>
#include <wdm.h>

#define TAG 0x6c6f6f6b

static LOOKASIDE_LIST_EX list;

static NTSTATUS begin(PALLOCATE_FUNCTION_EX make, PFREE_FUNCTION_EX end, SIZE_T size)
{
    return ExInitializeLookasideListEx(&list, make, end, NonPagedPoolNx, 0, size, TAG, 0);
}

/* The functions of the program: they count, and hand out memory of malloc's. */
static _Atomic long made, ended;
static _Atomic bool refusing;
static _Atomic bool odd; /* objects at no multiple of 16 */

static PVOID NTAPI make(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX of)
{
    check(type == NonPagedPoolNx && tag == TAG && of == &list && size >= 16, "%d, %#x, %zu", type,
          tag, (size_t)size);
    if (refusing)
        return NULL;
    made++;
    return (char *)malloc(size + 8) + (odd ? 8 : 0);
}

static VOID NTAPI end(PVOID object, PLOOKASIDE_LIST_EX of)
{
    check(of == &list, "of another list");
    ended++;
    free((char *)object - (odd ? 8 : 0));
}

static void begin_counting(SIZE_T size)
{
    made = ended = 0;
    refusing = odd = false;
    check(begin(make, end, size) == STATUS_SUCCESS, "it begins");
}

static void an_object_given_back_is_the_next_one_taken(void)
{
    check(begin(NULL, NULL, 40) == STATUS_SUCCESS, "it begins");
    void *a = ExAllocateFromLookasideListEx(&list);
    void *b = ExAllocateFromLookasideListEx(&list);
    check(a && b && a != b && (ULONG_PTR)a % 16 == 0, "%p, %p", a, b);
    memset(a, 1, 40);
    memset(b, 2, 40);
    ExFreeToLookasideListEx(&list, a);
    check(ExAllocateFromLookasideListEx(&list) == a, "the same");
    ExFreeToLookasideListEx(&list, a);
    ExFreeToLookasideListEx(&list, b);
    ExFreeToLookasideListEx(&list, NULL);
    check(ExAllocateFromLookasideListEx(&list) == b, "the last");
    ExFreeToLookasideListEx(&list, b);
    ExDeleteLookasideListEx(&list);
}

static void the_list_tells_what_it_was_made_of(void)
{
    begin_counting(100);
    check(list.L.Size >= 100 && list.L.Tag == TAG && list.L.Type == NonPagedPoolNx, "%u",
          list.L.Size);
    check(list.L.AllocateEx == make && list.L.FreeEx == end, "its functions");
    check(list.L.Depth >= 4 && list.L.MaximumDepth >= list.L.Depth, "%u of %u", list.L.Depth,
          list.L.MaximumDepth);
    ExDeleteLookasideListEx(&list);
}

static void small_objects_have_room_for_a_link(void)
{
    begin_counting(1);
    check(list.L.Size >= 16, "%u", list.L.Size);
    ExDeleteLookasideListEx(&list);
    begin_counting(0);
    check(list.L.Size >= 16, "%u", list.L.Size);
    ExDeleteLookasideListEx(&list);
}

static void cache_aligned_objects_are(void)
{
    check(ExInitializeLookasideListEx(&list, NULL, NULL, NonPagedPoolNxCacheAligned, 0, 24, TAG,
                                      0) == STATUS_SUCCESS,
          "it begins");
    void *objects[20];
    for (int i = 0; i < 20; i++) {
        objects[i] = ExAllocateFromLookasideListEx(&list);
        check((ULONG_PTR)objects[i] % 64 == 0, "%p", objects[i]);
    }
    for (int i = 0; i < 20; i++)
        ExFreeToLookasideListEx(&list, objects[i]);
    ExDeleteLookasideListEx(&list);
}

/* Take and give back `count` objects at once, `rounds` times. */
static void use(int count, int rounds)
{
    void **objects = malloc((size_t)count * sizeof *objects);
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < count; i++) {
            objects[i] = ExAllocateFromLookasideListEx(&list);
            check(objects[i] != NULL, "object %d", i);
            memset(objects[i], r, 16);
        }
        for (int i = 0; i < count; i++)
            ExFreeToLookasideListEx(&list, objects[i]);
    }
    free(objects);
}

static void the_program_makes_and_ends_objects(void)
{
    begin_counting(48);
    use(1000, 1);
    check(made == 1000, "%ld made", made);
    check(ended > 0 && ended < made, "%ld of %ld ended", ended, made);
    ExFlushLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
    use(2, 1);
    check(made == 1002, "%ld made", made);
    ExDeleteLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
}

static void objects_at_odd_addresses_are_kept_and_ended_too(void)
{
    begin_counting(48);
    odd = true;
    use(1000, 3);
    ExDeleteLookasideListEx(&list);
    check(ended == made && made > 0, "%ld of %ld ended", ended, made);
}

static void the_depth_follows_the_misses(void)
{
    begin_counting(48);
    use(100, 50);
    long before = made;
    use(100, 50);
    check(made - before < 50 * 100 / 100, "%ld of 5000 objects were made anew", made - before);
    check(list.L.Depth > 4, "the depth is %u", list.L.Depth);
    ExDeleteLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
}

static void large_objects_are_kept_in_small_numbers(void)
{
    begin_counting(1 << 20);
    use(20, 100);
    check(made - ended <= 2 * 4 + 1, "%ld objects of 1 MiB are kept", made - ended);
    ExDeleteLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
}

static void without_memory_there_is_no_object(void)
{
    begin_counting(48);
    refusing = true;
    check(ExAllocateFromLookasideListEx(&list) == NULL, "nothing");
    ExDeleteLookasideListEx(&list);
}

/* ---- what is wrong -------------------------------------------------------------------------------- */

static volatile DWORD raised;
static jmp_buf back;

static LONG CALLBACK leave(EXCEPTION_POINTERS *pointers)
{
    raised = pointers->ExceptionRecord->ExceptionCode;
    longjmp(back, 1);
}

static DWORD code_of(void (*run)(LOOKASIDE_LIST_EX *), LOOKASIDE_LIST_EX *of)
{
    void *handler = AddVectoredExceptionHandler(1, leave);
    raised = 0;
    if (setjmp(back) == 0)
        run(of);
    RemoveVectoredExceptionHandler(handler);
    return raised;
}

static void take(LOOKASIDE_LIST_EX *of)
{
    (void)ExAllocateFromLookasideListEx(of);
}

static void give(LOOKASIDE_LIST_EX *of)
{
    static char object[16];
    ExFreeToLookasideListEx(of, object);
}

static void a_list_may_be_told_to_raise(void)
{
    made = ended = 0;
    refusing = true;
    check(ExInitializeLookasideListEx(&list, make, end, NonPagedPoolNx,
                                      EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL, 48, TAG,
                                      0) == STATUS_SUCCESS,
          "it begins");
    check(code_of(take, &list) == (DWORD)STATUS_INSUFFICIENT_RESOURCES, "%#x", raised);
    refusing = false;
    check(code_of(take, &list) == 0 && made == 1, "%#x", raised);
    ExDeleteLookasideListEx(&list);
}

static void what_is_no_list_raises(void)
{
    static void (*const calls[])(LOOKASIDE_LIST_EX *) = {take, give, ExFlushLookasideListEx,
                                                         ExDeleteLookasideListEx};
    static const unsigned char fills[] = {0,    1,    2,    3,    4,    7,    8,
                                          15,   16,   31,   0x40, 0x55, 0x7f, 0x80,
                                          0x81, 0xaa, 0xcd, 0xdd, 0xfd, 0xff};
    LOOKASIDE_LIST_EX junk;
    for (size_t c = 0; c < 4; c++)
        for (size_t i = 0; i < sizeof fills; i++) {
            memset(&junk, fills[i], sizeof junk);
            check(code_of(calls[c], &junk) == (DWORD)STATUS_INVALID_PARAMETER, "%zu of %#x: %#x", c,
                  fills[i], raised);
        }
    begin_counting(48);
    junk = list;
    for (size_t c = 0; c < 4; c++)
        check(code_of(calls[c], &junk) == (DWORD)STATUS_INVALID_PARAMETER, "a copy, %zu: %#x", c,
              raised);
    ExDeleteLookasideListEx(&list);
    for (size_t c = 0; c < 4; c++)
        check(code_of(calls[c], &list) == (DWORD)STATUS_INVALID_PARAMETER, "deleted, %zu: %#x", c,
              raised);
}

static void beginning_tells_what_is_wrong(void)
{
    static const ULONG types[] = {3,  7,  8,   9,   16,  24,   31,   35,    39,         40,
                                  64, 99, 128, 256, 515, 1024, 4096, 65536, 0x80000000, 0xffffffff};
    static const ULONG flags[] = {3,         4,          5,          7,          8,
                                  15,        16,         32,         64,         128,
                                  0xff,      0x100,      0x1000,     0x10000,    0x100000,
                                  0x1000000, 0x10000000, 0x80000000, 0xfffffffc, 0xffffffff};
    static const SIZE_T sizes[] = {0x80000000, 0xffffffff, 0x100000000, (SIZE_T)1 << 47,
                                   ~(SIZE_T)0};
    char *page = commit(PAGE);
    DWORD old;

    for (int i = 0; i < 20; i++) {
        check(ExInitializeLookasideListEx(&list, NULL, NULL, (POOL_TYPE)types[i], 0, 32, 0, 0) ==
                  STATUS_INVALID_PARAMETER_4,
              "type %u", types[i]);
        check(ExInitializeLookasideListEx(&list, NULL, NULL, 0, flags[i], 32, 0, 0) ==
                  STATUS_INVALID_PARAMETER_5,
              "flags %#x", flags[i]);
        check(ExInitializeLookasideListEx(&list, NULL, NULL, 0, 0, 32, 0, (USHORT)(1 + i * 3000)) ==
                  STATUS_INVALID_PARAMETER_8,
              "depth %d", 1 + i * 3000);
    }
    for (int i = 0; i < 5; i++)
        check(ExInitializeLookasideListEx(&list, NULL, NULL, 0, 0, sizes[i], 0, 0) ==
                  STATUS_INVALID_PARAMETER_6,
              "size %zx", (size_t)sizes[i]);
    for (int off = 1; off < 16; off++)
        check(ExInitializeLookasideListEx((void *)(page + off), NULL, NULL, 0, 0, 32, 0, 0) ==
                  STATUS_DATATYPE_MISALIGNMENT,
              "at +%d", off);
    check(ExInitializeLookasideListEx(NULL, NULL, NULL, 0, 0, 32, 0, 0) == STATUS_ACCESS_VIOLATION,
          "NULL");
    check_works(VirtualProtect(page, PAGE, PAGE_READONLY, &old));
    check(ExInitializeLookasideListEx((void *)page, NULL, NULL, 0, 0, 32, 0, 0) ==
              STATUS_ACCESS_VIOLATION,
          "read-only");
    release(page);
}

static void there_are_4096_lists(void)
{
    LOOKASIDE_LIST_EX *many = (void *)commit(4097 * sizeof *many);
    int begun = 0;
    while (begun < 4097 &&
           ExInitializeLookasideListEx(&many[begun], NULL, NULL, 0, 0, 32, 0, 0) == STATUS_SUCCESS)
        begun++;
    check(begun == 4096, "%d lists", begun);
    check(ExInitializeLookasideListEx(&many[4096], NULL, NULL, 0, 0, 32, 0, 0) ==
              STATUS_INSUFFICIENT_RESOURCES,
          "one more");
    void *object = ExAllocateFromLookasideListEx(&many[4095]);
    ExFreeToLookasideListEx(&many[4095], object);
    check(object && ExAllocateFromLookasideListEx(&many[4095]) == object, "the last one works");
    ExFreeToLookasideListEx(&many[4095], object);
    for (int i = 0; i < begun; i++)
        ExDeleteLookasideListEx(&many[i]);
    release((char *)many);
}

static void a_list_begun_again_forgets_what_it_was(void)
{
    begin_counting(48);
    use(10, 1);
    long before = made;
    check(begin(make, end, 48) == STATUS_SUCCESS, "it begins again");
    use(4, 1);
    check(made == before + 4, "%ld made, %ld before", made, before);
    ExDeleteLookasideListEx(&list);
    check(ended >= 4 && ended <= made, "%ld of %ld ended", ended, made);
}

/* ---- threads ---------------------------------------------------------------------------------------- */

enum { THREADS = 8 };

static void *use_much(void *argument)
{
    for (int i = 0; i < 40; i++)
        use(1 + i * 7 % 300, 20);
    return NULL;
}

static void run_threads(void *(*run)(void *))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, NULL))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void every_object_of_many_threads_is_ended_once(void)
{
    begin_counting(48);
    run_threads(use_much);
    ExDeleteLookasideListEx(&list);
    check(test_now.outcome == TEST_PASSED, "%s", test_now.text);
    check(ended == made && made > 0, "%ld of %ld ended", ended, made);
}

static void threads_that_have_ended_keep_nothing(void)
{
    begin_counting(48);
    run_threads(use_much);
    /* What they had is ended but for the depot's. */
    check(made - ended <= list.L.MaximumDepth, "%ld objects are kept", made - ended);
    ExDeleteLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
}

static _Atomic bool stopping;

static void *flush_again_and_again(void *argument)
{
    while (!stopping) {
        ExFlushLookasideListEx(&list);
        usleep(200);
    }
    return NULL;
}

static void a_list_can_be_flushed_while_threads_use_it(void)
{
    pthread_t flusher;
    begin_counting(48);
    stopping = false;
    if (pthread_create(&flusher, NULL, flush_again_and_again, NULL))
        abort();
    run_threads(use_much);
    stopping = true;
    pthread_join(flusher, NULL);
    ExDeleteLookasideListEx(&list);
    check(test_now.outcome == TEST_PASSED, "%s", test_now.text);
    check(ended == made && made > 0, "%ld of %ld ended", ended, made);
}

/* One takes, another gives back: through a ring. */
enum { RING = 1024, PASSED_ON = 200000 };
static void *_Atomic ring[RING];

static void *give_back(void *argument)
{
    for (int i = 0; i < PASSED_ON; i++) {
        void *object;
        while (!(object = atomic_exchange(&ring[i % RING], NULL)))
            sched_yield();
        ExFreeToLookasideListEx(&list, object);
    }
    return NULL;
}

static void objects_go_round_between_threads(void)
{
    pthread_t other;
    begin_counting(48);
    if (pthread_create(&other, NULL, give_back, NULL))
        abort();
    for (int i = 0; i < PASSED_ON; i++) {
        while (ring[i % RING])
            sched_yield();
        ring[i % RING] = ExAllocateFromLookasideListEx(&list);
    }
    pthread_join(other, NULL);
    check(made < PASSED_ON, "each of %ld objects was made anew", made);
    ExDeleteLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
}

static void nothing_idle_is_kept_for_long(void)
{
    pthread_t idle;
    begin_counting(48);
    use(200, 20);
    (void)idle;
    check(made - ended > 100, "%ld are kept", made - ended);
    /* Another list is used, long enough for two sweeps; the first is idle meanwhile. */
    LOOKASIDE_LIST_EX other;
    check(ExInitializeLookasideListEx(&other, NULL, NULL, 0, 0, 32, 0, 0) == STATUS_SUCCESS, "it");
    for (int i = 0; i < 50 && made != ended; i++) {
        void *objects[600];
        for (int k = 0; k < 600; k++)
            objects[k] = ExAllocateFromLookasideListEx(&other);
        for (int k = 0; k < 600; k++)
            ExFreeToLookasideListEx(&other, objects[k]);
        usleep(100000);
    }
    ExDeleteLookasideListEx(&other);
    check(made == ended, "%ld are kept", made - ended);
    ExDeleteLookasideListEx(&list);
}

/* ---- fork --------------------------------------------------------------------------------------------- */

static int child_goes_on(void)
{
    use(300, 3);
    ExFlushLookasideListEx(&list);
    use(10, 1);
    ExDeleteLookasideListEx(&list);
    return test_now.outcome != TEST_PASSED;
}

static void *use_until_stopped(void *argument)
{
    while (!stopping)
        use(50, 10);
    return NULL;
}

static void a_forked_child_goes_on_with_the_list(void)
{
    pthread_t others[2];
    begin_counting(48);
    stopping = false;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&others[i], NULL, use_until_stopped, NULL))
            abort();
    for (int i = 0; i < 20; i++) {
        int status = -1;
        usleep(2000);
        pid_t child = fork();
        if (child == 0)
            _exit(child_goes_on());
        waitpid(child, &status, 0);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: %#x", i, status);
    }
    stopping = true;
    for (int i = 0; i < 2; i++)
        pthread_join(others[i], NULL);
    ExDeleteLookasideListEx(&list);
    check(ended == made, "%ld of %ld ended", ended, made);
}

static const struct test tests[] = {
    TEST(an_object_given_back_is_the_next_one_taken, ""),
    TEST(the_list_tells_what_it_was_made_of, ""),
    TEST(small_objects_have_room_for_a_link, ""),
    TEST(cache_aligned_objects_are, ""),
    TEST(the_program_makes_and_ends_objects, ""),
    TEST(objects_at_odd_addresses_are_kept_and_ended_too, ""),
    TEST(the_depth_follows_the_misses, ""),
    TEST(large_objects_are_kept_in_small_numbers, ""),
    TEST(without_memory_there_is_no_object, ""),
    TEST(a_list_may_be_told_to_raise, ""),
    TEST(what_is_no_list_raises, ""),
    TEST(beginning_tells_what_is_wrong, ""),
    TEST(there_are_4096_lists, ""),
    TEST(a_list_begun_again_forgets_what_it_was, ""),
    TEST(every_object_of_many_threads_is_ended_once, ""),
    TEST(threads_that_have_ended_keep_nothing, ""),
    TEST(a_list_can_be_flushed_while_threads_use_it, ""),
    TEST(objects_go_round_between_threads, ""),
    TEST(nothing_idle_is_kept_for_long, ""),
    TEST(a_forked_child_goes_on_with_the_list, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
