/*
 * release.c - without _DEBUG the debug heap vanishes, and its names are the plain functions.
 */
#include "../api/memory.h"

#define _CRTDBG_MAP_ALLOC /* means nothing without _DEBUG */
#include <crtdbg.h>

static int counted;

__attribute__((unused)) static int count(void)
{
    return ++counted;
}

static void allocations_are_the_plain_ones(void)
{
    char *p = _malloc_dbg(10, _NORMAL_BLOCK, __FILE__, __LINE__);
    check(_msize_dbg(p, _NORMAL_BLOCK) >= 10, "%zu", (size_t)_msize(p));
    p = _realloc_dbg(p, 20, _NORMAL_BLOCK, __FILE__, __LINE__);
    p = _recalloc_dbg(p, 4, 20, _NORMAL_BLOCK, __FILE__, __LINE__);
    check(p && p[79] == 0, "%p", p);
    free(p);
    p = _calloc_dbg(2, 8, _CLIENT_BLOCK, NULL, 0);
    check(p[0] == 0 && p[15] == 0, "zeros");
    _free_dbg(p, _CLIENT_BLOCK);
    p = _strdup_dbg("x", _NORMAL_BLOCK, NULL, 0);
    free(p);
    p = _aligned_malloc_dbg(10, 64, NULL, 0);
    check((ULONG_PTR)p % 64 == 0, "%p", p);
    _aligned_free(p);
}

static void checks_are_not_made(void)
{
    _CrtMemState s;
    (void)s; /* nobody looks */
    counted = 0;
    _ASSERT(count() == 0);
    _ASSERTE(count() == 0);
    _RPT1(_CRT_ERROR, "%d", count());
    _RPTF0(_CRT_ERROR, "x");
    _CrtMemCheckpoint(&s);
    _CrtMemDumpAllObjectsSince(NULL);
    check(counted == 0, "%d", counted);
    check(_CrtSetDbgFlag(_CRTDBG_LEAK_CHECK_DF) == 0 && _CrtCheckMemory(), "nothing is set");
    check(!_CrtDumpMemoryLeaks() && _CrtSetReportMode(_CRT_WARN, _CRTDBG_MODE_FILE) == 0,
          "nothing");
    check(_CrtIsValidHeapPointer(&s) && _CrtReportBlockType(&s) == -1, "nothing is known");
}

static const struct test tests[] = {
    TEST(allocations_are_the_plain_ones, ""),
    TEST(checks_are_not_made, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
