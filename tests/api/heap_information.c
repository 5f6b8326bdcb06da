/*
 * heap_information.c - HeapSetInformation and HeapQueryInformation.
 */
#include "heap_blocks.h"
#include "thread.h"

#ifdef _WIN32
/* Older headers know two classes, as numbers. */
#define HeapOptimizeResources 3
#endif

static HANDLE heap; /* of the running test */

static ULONG compatibility_of(HANDLE h)
{
    ULONG value = 99;
    SIZE_T length = 0;
    check_works(
        HeapQueryInformation(h, HeapCompatibilityInformation, &value, sizeof(value), &length));
    check(length == sizeof(value), "%zu bytes", (size_t)length);
    return value;
}

static void a_heap_keeps_blocks_of_a_size_together(void)
{
    heap = new_heap(0, 0, 0);
    check(compatibility_of(heap) == 2, "%u", (unsigned)compatibility_of(heap));
    check(compatibility_of(GetProcessHeap()) == 2, "%u",
          (unsigned)compatibility_of(GetProcessHeap()));
    destroy(heap);
}

static void a_heap_without_serialization_or_with_a_maximum_does_not(void)
{
    heap = new_heap(HEAP_NO_SERIALIZE, 0, 0);
    HANDLE fixed = new_heap(0, 0, MIB);
    check(compatibility_of(heap) == 0, "%u", (unsigned)compatibility_of(heap));
    check(compatibility_of(fixed) == 0, "%u", (unsigned)compatibility_of(fixed));
    destroy(fixed);
    destroy(heap);
}

static void the_answer_needs_four_bytes(void)
{
    ULONG value = 99;
    SIZE_T length = 0;
    for (SIZE_T size = 0; size < 4; size++) {
        length = 0;
        check_fails(HeapQueryInformation(GetProcessHeap(), HeapCompatibilityInformation, &value,
                                         size, &length),
                    ERROR_INSUFFICIENT_BUFFER);
        check(length == 4 && value == 99, "%zu bytes, value %u", (size_t)length, (unsigned)value);
    }
    check_fails(HeapQueryInformation(GetProcessHeap(), HeapCompatibilityInformation, NULL, 0, NULL),
                ERROR_INSUFFICIENT_BUFFER);
}

static void a_longer_buffer_will_do(void)
{
    ULONG values[2] = {99, 99};
    SIZE_T length = 0;
    check_works(
        HeapQueryInformation(GetProcessHeap(), HeapCompatibilityInformation, values, 8, &length));
    check(length == 4 && values[1] == 99, "%zu bytes", (size_t)length);
    check_works(
        HeapQueryInformation(GetProcessHeap(), HeapCompatibilityInformation, values, 4, NULL));
}

static void no_other_class_can_be_asked_about(void)
{
    static const int classes[] = {1, 2, 3, 4, 5, 6, 7, 8, 99, -1, 0x7fffffff};
    ULONG value = 99;
    SIZE_T length = 99;
    for (int i = 0; i < 11; i++)
        check_fails(HeapQueryInformation(GetProcessHeap(), classes[i], &value, 4, &length),
                    ERROR_INVALID_PARAMETER);
    check(value == 99 && length == 99, "%u, %zu", (unsigned)value, (size_t)length);
}

static void keeping_blocks_together_can_be_confirmed(void)
{
    ULONG two = 2;
    heap = new_heap(0, 0, 0);
    check_works(HeapSetInformation(heap, HeapCompatibilityInformation, &two, sizeof(two)));
    check(compatibility_of(heap) == 2, "%u", (unsigned)compatibility_of(heap));
    destroy(heap);
}

static void keeping_blocks_together_cannot_be_turned_off(void)
{
    ULONG zero = 0;
    ULONG one = 1;
    heap = new_heap(0, 0, 0);
    check_fails(HeapSetInformation(heap, HeapCompatibilityInformation, &zero, sizeof(zero)),
                ERROR_GEN_FAILURE);
    check_fails(HeapSetInformation(heap, HeapCompatibilityInformation, &one, sizeof(one)),
                ERROR_GEN_FAILURE);
    check(compatibility_of(heap) == 2, "%u", (unsigned)compatibility_of(heap));
    destroy(heap);
}

static void heaps_that_cannot_keep_blocks_together_refuse_to(void)
{
    ULONG two = 2;
    heap = new_heap(HEAP_NO_SERIALIZE, 0, 0);
    HANDLE fixed = new_heap(0, 0, MIB);
    check_fails(HeapSetInformation(heap, HeapCompatibilityInformation, &two, sizeof(two)),
                ERROR_GEN_FAILURE);
    check_fails(HeapSetInformation(fixed, HeapCompatibilityInformation, &two, sizeof(two)),
                ERROR_GEN_FAILURE);
    check(compatibility_of(heap) == 0 && compatibility_of(fixed) == 0, "it changed");
    destroy(fixed);
    destroy(heap);
}

static void termination_on_corruption_can_be_enabled(void)
{
    check_works(HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0));
    check_works(HeapSetInformation(GetProcessHeap(), HeapEnableTerminationOnCorruption, NULL, 0));
}

static void termination_on_corruption_takes_nothing(void)
{
    ULONG value = 0;
    check_fails(HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, &value, sizeof(value)),
                ERROR_INVALID_PARAMETER);
    check_fails(HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 4),
                ERROR_INVALID_PARAMETER);
}

enum { MANY = 2000 };
static char *many[MANY];

static int committed_places(void)
{
    int committed = 0;
    for (int i = 0; i < MANY; i++)
        committed += info_of(many[i]).State == MEM_COMMIT;
    return committed;
}

static void fill_and_empty(HANDLE h)
{
    for (int i = 0; i < MANY; i++) {
        many[i] = take(h, 0, 8000);
        memset(many[i], 'x', 8000);
    }
    for (int i = 0; i < MANY; i++)
        give(h, many[i]);
}

static void optimizing_gives_memory_back(void)
{
    DWORD how[2] = {1, 0};
    heap = new_heap(0, 0, 0);
    fill_and_empty(heap);
    check_works(HeapSetInformation(heap, HeapOptimizeResources, how, sizeof(how)));
    check(committed_places() < MANY / 10, "%d of %d places are committed", committed_places(),
          MANY);
    fill_and_empty(heap);
    check_works(HeapSetInformation(NULL, HeapOptimizeResources, how, sizeof(how)));
    check(committed_places() < MANY / 10, "%d of %d places are committed", committed_places(),
          MANY);
    destroy(heap);
}

static void optimize_all(void *ret_done)
{
    DWORD how[2] = {1, 0};
    *(BOOL *)ret_done = HeapSetInformation(NULL, HeapOptimizeResources, how, sizeof(how));
}

static void optimizing_all_heaps_does_not_wait_for_a_locked_one(void)
{
    BOOL done = FALSE;
    struct thread t = {.run = optimize_all, .argument = &done};
    heap = new_heap(0, 0, 0);
    check_works(HeapLock(heap));
    thread_start(&t);
    thread_join(&t);
    check_works(HeapUnlock(heap));
    check(done, "it failed");
    destroy(heap);
}

static void optimizing_needs_its_version(void)
{
    DWORD how[2] = {0, 0};
    HANDLE h = GetProcessHeap();
    for (DWORD version = 0; version < 5; version++) {
        how[0] = version == 1 ? 0xffffffff : version;
        check_fails(HeapSetInformation(h, HeapOptimizeResources, how, sizeof(how)),
                    ERROR_INVALID_PARAMETER);
        check_fails(HeapSetInformation(NULL, HeapOptimizeResources, how, sizeof(how)),
                    ERROR_INVALID_PARAMETER);
    }
    how[0] = 1;
    how[1] = 1;
    check_fails(HeapSetInformation(h, HeapOptimizeResources, how, sizeof(how)),
                ERROR_INVALID_PARAMETER);
    check_fails(HeapSetInformation(h, HeapOptimizeResources, how, 7), ERROR_INSUFFICIENT_BUFFER);
    check_fails(HeapSetInformation(h, HeapOptimizeResources, NULL, 0), ERROR_INSUFFICIENT_BUFFER);
}

static void what_is_set_needs_its_bytes(void)
{
    ULONG two = 2;
    for (SIZE_T size = 0; size < 4; size++)
        check_fails(HeapSetInformation(GetProcessHeap(), HeapCompatibilityInformation, &two, size),
                    ERROR_INSUFFICIENT_BUFFER);
}

static void no_other_class_can_be_set(void)
{
    static const int classes[] = {2, 4, 5, 6, 7, 8, 99, -1, 0x7fffffff};
    ULONG value = 2;
    for (int i = 0; i < 9; i++) {
        check_fails(HeapSetInformation(GetProcessHeap(), classes[i], &value, sizeof(value)),
                    ERROR_INVALID_PARAMETER);
        check_fails(HeapSetInformation(NULL, classes[i], NULL, 0), ERROR_INVALID_PARAMETER);
    }
}

static void no_heap_has_no_compatibility(void)
{
    ULONG value = 2;
    check_fails(HeapQueryInformation(NULL, HeapCompatibilityInformation, &value, 4, NULL),
                ERROR_INVALID_HANDLE);
    check_fails(HeapSetInformation(NULL, HeapCompatibilityInformation, &value, 4),
                ERROR_INVALID_HANDLE);
    check(value == 2, "%u", (unsigned)value);
}

static const struct test tests[] = {
    TEST(a_heap_keeps_blocks_of_a_size_together, "S285"),
    TEST(a_heap_without_serialization_or_with_a_maximum_does_not, "S286"),
    TEST(the_answer_needs_four_bytes, "S287"),
    TEST(a_longer_buffer_will_do, ""),
    TEST(no_other_class_can_be_asked_about, "S288"),
    TEST(keeping_blocks_together_can_be_confirmed, "S289"),
    TEST(keeping_blocks_together_cannot_be_turned_off, "S289"),
    TEST(heaps_that_cannot_keep_blocks_together_refuse_to, "S290"),
    TEST(termination_on_corruption_can_be_enabled, "S291"),
    TEST(termination_on_corruption_takes_nothing, ""),
    TEST(optimizing_gives_memory_back, ""),
    TEST(optimizing_all_heaps_does_not_wait_for_a_locked_one, ""),
    TEST(optimizing_needs_its_version, ""),
    TEST(what_is_set_needs_its_bytes, ""),
    TEST(no_other_class_can_be_set, ""),
    TEST(no_heap_has_no_compatibility, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
