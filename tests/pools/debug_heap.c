/*
 * debug_heap.c - the debug heap of crtdbg.h: what it fills, finds and reports.
 */
#include "../api/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crtdbg.h>

#if !defined(_DEBUG) || !defined(_CRTDBG_MAP_ALLOC)
#error "built with both"
#endif

enum { MANY = 20 };
static const size_t sizes[MANY] = {0,  1,   2,   3,    7,    8,    15,   16,    17,    31,
                                   64, 100, 255, 1000, 4095, 4096, 5000, 65536, 70000, 300000};

/* ---- reports, caught ---------------------------------------------------------------------------------- */

static char reports[8192];
static int last_kind;
static int answer;

static int catch_report(int kind, char *text, int *value)
{
    last_kind = kind;
    strncat(reports, text, sizeof reports - strlen(reports) - 1);
    *value = answer;
    return TRUE;
}

/* From a clean slate: nothing caught, nothing left of tests before. */
static void start(void)
{
    reports[0] = 0;
    last_kind = -1;
    answer = 0;
    _CrtSetReportHook(catch_report);
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF);
    _CrtSetAllocHook(NULL);
    _CrtSetDumpClient(NULL);
    _CrtSetBreakAlloc(-1);
}

/* What was reported since; pointers are blotted out, so that texts can be compared. */
static const char *reported(void)
{
    static char text[sizeof reports];
    char *at = text;
    strcpy(text, reports);
    reports[0] = 0;
    while ((at = strstr(at, "0x")))
        for (at += 2; (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'F'); at++)
            *at = 'P';
    return text;
}

#define check_reported(expected)                                               \
    do {                                                                       \
        const char *text_ = reported();                                        \
        check(strcmp(text_, expected) == 0, "\n%s\nnot\n%s", text_, expected); \
    } while (0)

#define P "0xPPPPPPPPPPPPPPPP"
#define DATA_CD " Data: <                > CD CD CD CD CD CD CD CD CD CD CD CD CD CD CD CD \n"

static bool holds(const void *p, size_t size, int value)
{
    const unsigned char *bytes = p;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static long request_of(void *p)
{
    long request = -1;
    check(_CrtIsMemoryBlock(p, (unsigned)_msize(p), &request, NULL, NULL), "it is a block");
    return request;
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

static void new_bytes_are_cd_between_guards_of_fd(void)
{
    start();
    for (int i = 0; i < MANY; i++) {
        unsigned char *p = malloc(sizes[i]);
        check(p && (ULONG_PTR)p % 16 == 0, "%p", p);
        check(holds(p, sizes[i], 0xCD), "%zu new bytes", sizes[i]);
        check(holds(p - 4, 4, 0xFD) && holds(p + sizes[i], 4, 0xFD), "the guards of %zu", sizes[i]);
        check(_msize(p) == sizes[i], "%zu of %zu", (size_t)_msize(p), sizes[i]);
        free(p);
    }
    check_reported("");
}

static void cleared_blocks_are_zero(void)
{
    start();
    for (int i = 0; i < MANY; i++) {
        unsigned char *p = calloc(1, sizes[i]);
        check(holds(p, sizes[i], 0), "%zu bytes", sizes[i]);
        check(holds(p - 4, 4, 0xFD) && holds(p + sizes[i], 4, 0xFD), "the guards of %zu", sizes[i]);
        free(p);
    }
    check_reported("");
}

static void a_block_that_grows_keeps_what_it_holds(void)
{
    start();
    unsigned char *p = realloc(NULL, 1);
    unsigned char *q = _recalloc(NULL, 1, 1);
    *p = *q = 'x';
    for (int i = 1; i < MANY; i++) {
        size_t before = _msize(p);
        p = realloc(p, sizes[i]);
        q = _recalloc(q, 1, sizes[i]);
        check(holds(p, before, 'x') && holds(q, before, 'x'), "at %zu", sizes[i]);
        check(sizes[i] <= before || holds(p + before, sizes[i] - before, 0xCD), "new bytes");
        check(sizes[i] <= before || holds(q + before, sizes[i] - before, 0), "new zeros");
        check(holds(p - 4, 4, 0xFD) && holds(p + sizes[i], 4, 0xFD), "the guards of %zu", sizes[i]);
        memset(p, 'x', sizes[i]);
        memset(q, 'x', sizes[i]);
    }
    check(realloc(p, 0) == NULL && _recalloc(q, 0, 5) == NULL, "nothing is left");
    check_reported("");
}

static void a_block_shrinks_where_it_is(void)
{
    start();
    unsigned char *p = malloc(100);
    check(_expand(p, 50) == p && _msize(p) == 50 && holds(p + 50, 4, 0xFD), "%zu",
          (size_t)_msize(p));
    errno = 0;
    check(_expand(p, (size_t)1 << 40) == NULL && errno == ENOMEM && _msize(p) == 50, "%d", errno);
    errno = 0;
    check(_expand(NULL, 1) == NULL && errno == EINVAL, "%d", errno);
    free(p);
    check_reported("");
}

static void too_large_is_no_memory(void)
{
    static const size_t huge[MANY] = {
        SIZE_MAX,      SIZE_MAX - 1,     SIZE_MAX - 3,      SIZE_MAX - 4,      SIZE_MAX - 63,
        SIZE_MAX - 64, SIZE_MAX - 67,    SIZE_MAX - 68,     SIZE_MAX - 69,     SIZE_MAX - 4096,
        SIZE_MAX / 2,  SIZE_MAX / 2 + 1, SIZE_MAX / 2 - 68, SIZE_MAX / 2 - 67, SIZE_MAX / 3,
        SIZE_MAX / 4,  SIZE_MAX / 8,     1ull << 63,        1ull << 62,        1ull << 55};
    start();
    char *p = malloc(10);
    for (int i = 0; i < MANY; i++) {
        errno = 0;
        check(!malloc(huge[i]) && errno == ENOMEM, "%zx", huge[i]);
        errno = 0;
        check(!realloc(p, huge[i]) && errno == ENOMEM && _msize(p) == 10, "%zx", huge[i]);
        errno = 0;
        check(!calloc(huge[i], huge[i]) && errno == ENOMEM, "%zx", huge[i]);
        errno = 0;
        check(!_recalloc(p, huge[i], 3) && errno == ENOMEM && _msize(p) == 10, "%zx", huge[i]);
        errno = 0;
        check(!_aligned_malloc(huge[i], 64) && errno == ENOMEM, "%zx", huge[i]);
    }
    free(p);
    check_reported("");
}

static void strings_are_copied(void)
{
    start();
    char *p = _strdup("seven");
    char *q = strdup("eight");
    check(!strcmp(p, "seven") && _msize(p) == 6 && !strcmp(q, "eight"), "%s, %s", p, q);
    check(_strdup_dbg(NULL, _NORMAL_BLOCK, NULL, 0) == NULL, "nothing");
    free(p);
    free(q);
}

/* A function of libc's that allocates by itself. */
static void blocks_of_mallocs_own_are_taken_too(void)
{
    char *p = NULL;
    start();
    check(asprintf(&p, "%d", 12345) == 5, "asprintf");
    check(_msize(p) >= 6 && !_CrtIsValidHeapPointer(p), "%zu", (size_t)_msize(p));
    p = realloc(p, 100);
    check(!strcmp(p, "12345") && _msize(p) == 100 && _CrtIsValidHeapPointer(p), "%s", p);
    free(p);
    check(asprintf(&p, "%d", 12345) == 5, "asprintf");
    free(p);
    check_reported("");
}

static void aligned_blocks_have_owners_too(void)
{
    start();
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
        for (int i = 8; i < MANY; i++) {
            char *p = _aligned_malloc(sizes[i], alignment);
            char *q = _aligned_offset_malloc(sizes[i], alignment, 5);
            check(p && (ULONG_PTR)p % alignment == 0 && (ULONG_PTR)(q + 5) % alignment == 0,
                  "%p, %p at %zu", p, q, alignment);
            check(_aligned_msize(p, alignment, 0) == sizes[i], "%zu",
                  (size_t)_aligned_msize(p, alignment, 0));
            memset(p, 'x', sizes[i]);
            memset(q, 'x', sizes[i]);
            p = _aligned_recalloc(p, 2, sizes[i], alignment);
            q = _aligned_offset_realloc(q, 8, alignment, 5);
            check(holds(p, sizes[i], 'x') && holds(p + sizes[i], sizes[i], 0), "zeros");
            check(holds(q, 8, 'x') && _aligned_msize(q, alignment, 5) == 8, "eight");
            _aligned_free(p);
            check(_aligned_realloc(q, 0, alignment) == NULL, "nothing is left");
        }
    _aligned_free(NULL);
    for (int i = 0; i < MANY; i++) {
        errno = 0;
        check(!_aligned_malloc(10, (size_t)i * 10 + 3) && errno == EINVAL, "at %d", i * 10 + 3);
        errno = 0;
        check(!_aligned_offset_malloc(10, 16, 10 + (size_t)i) && errno == EINVAL, "+%d", 10 + i);
    }
    errno = 0;
    check(_aligned_msize(NULL, 16, 0) == (size_t)-1 && errno == EINVAL, "%d", errno);
    check(!_CrtDumpMemoryLeaks(), "nothing is left");
}

/* ---- what is known of a block -------------------------------------------------------------------------- */

static void a_block_knows_who_asked_for_it(void)
{
    long request, next;
    char *file;
    int line;
    start();
    char *p = malloc(33);
    int here = __LINE__ - 1;
    check(_CrtIsMemoryBlock(p, 33, &request, &file, &line), "it is a block");
    check(!strcmp(file, __FILE__) && line == here, "%s(%d)", file, line);
    check(!_CrtIsMemoryBlock(p, 32, NULL, NULL, NULL), "of another size");
    char *q = malloc(1);
    check(_CrtIsMemoryBlock(q, 1, &next, NULL, NULL) && next == request + 1, "%ld, %ld", request,
          next);
    check(_CrtIsValidHeapPointer(p) && !_CrtIsValidHeapPointer(p + 1), "and p only");
    check(_CrtReportBlockType(p) == _NORMAL_BLOCK, "%d", _CrtReportBlockType(p));
    free(q);
    free(p);
    check(!_CrtIsValidHeapPointer(p) && _CrtReportBlockType(p) == -1, "no more");
}

static void what_is_no_block_is_told(void)
{
    static char mine[256];
    char *none = reserve(GRANULE);
    start();
    char *p = malloc(100);
    for (int i = 0; i < MANY; i++) {
        const void *wrong[] = {mine + i * 8, none + i * 1000, p + 1 + i,
                               (void *)(ULONG_PTR)(i * 77), (void *)(~(ULONG_PTR)0 - (ULONG_PTR)i)};
        for (int k = 0; k < 5; k++) {
            check(!_CrtIsValidHeapPointer(wrong[k]), "%p", wrong[k]);
            check(!_CrtIsMemoryBlock(wrong[k], 1, NULL, NULL, NULL), "%p", wrong[k]);
            check(_CrtReportBlockType(wrong[k]) == -1, "%p", wrong[k]);
        }
    }
    check(_CrtIsValidPointer(mine, 1, TRUE) && !_CrtIsValidPointer(NULL, 1, FALSE),
          "by NULL alone");
    errno = 0;
    check(_msize(NULL) == (size_t)-1 && errno == EINVAL, "%d", errno);
    free(p);
    free(NULL);
    release(none);
}

static void client_blocks_have_a_subtype(void)
{
    start();
    int type = _CLIENT_BLOCK | 7 << 16;
    char *p = _malloc_dbg(10, type, NULL, 0);
    check(_CrtReportBlockType(p) == type, "%#x", _CrtReportBlockType(p));
    check(_BLOCK_TYPE(type) == _CLIENT_BLOCK && _BLOCK_SUBTYPE(type) == 7, "the macros");
    _free_dbg(p, _CLIENT_BLOCK);
    check_reported("");
}

static void bad_types_are_reported(void)
{
    start();
    for (int i = 0; i < MANY; i++) {
        int type = i ? 4 + i * 50 : 0;
        char *p = _malloc_dbg(10, type, NULL, 0);
        check_reported("Error: memory allocation: bad memory block type.\n");
        check(p && last_kind == _CRT_ERROR && _CrtReportBlockType(p) == _NORMAL_BLOCK, "%d", type);
        free(p);
    }
    char *p = _malloc_dbg(10, _CLIENT_BLOCK, NULL, 0);
    free(p);
    check_reported("Error: the block is freed as one of another type: " P ".\n");
}

/* ---- leaks -------------------------------------------------------------------------------------------------- */

static void a_leak_is_told_by_file_and_line(void)
{
    char expected[1024];
    start();
    check(!_CrtDumpMemoryLeaks(), "nothing is left of tests before");
    check_reported("");
    char *p = malloc(64);
    int here = __LINE__ - 1;
    check(_CrtDumpMemoryLeaks() && last_kind == _CRT_WARN, "%d", last_kind);
    snprintf(expected, sizeof expected,
             "Detected memory leaks!\nDumping objects ->\n"
             "%s(%d) : {%ld} normal block at " P ", 64 bytes long.\n" DATA_CD
             "Object dump complete.\n",
             __FILE__, here, request_of(p));
    check_reported(expected);
    free(p);
    check(!_CrtDumpMemoryLeaks(), "it is freed");
}

static void a_leak_without_a_file_has_its_number(void)
{
    char expected[1024];
    start();
    char *p = _malloc_dbg(3, _NORMAL_BLOCK, NULL, 0);
    memcpy(p, "A\n\xff", 3);
    check(_CrtDumpMemoryLeaks(), "one");
    snprintf(expected, sizeof expected,
             "Detected memory leaks!\nDumping objects ->\n"
             "{%ld} normal block at " P ", 3 bytes long.\n Data: <A  > 41 0A FF \n"
             "Object dump complete.\n",
             request_of(p));
    check_reported(expected);
    free(p);
}

static void the_newest_leak_comes_first(void)
{
    start();
    char *p = _malloc_dbg(1, _NORMAL_BLOCK, NULL, 0);
    char *q = _malloc_dbg(2, _NORMAL_BLOCK, NULL, 0);
    check(_CrtDumpMemoryLeaks(), "two");
    const char *text = reported();
    const char *two = strstr(text, "2 bytes long"), *one = strstr(text, "1 bytes long");
    check(two && one && two < one, "%s", text);
    free(p);
    free(q);
}

static void a_file_that_is_gone_is_told(void)
{
    char *gone = commit(PAGE);
    start();
    strcpy(gone, "gone.c");
    char *p = _malloc_dbg(1, _NORMAL_BLOCK, gone, 5);
    release(gone);
    check(_CrtDumpMemoryLeaks(), "one");
    check(strstr(reported(), "\n#File Error#(5) : {") != NULL, "its file");
    free(p);
}

static void *dumped;
static size_t dumped_size;

static void describe(void *block, size_t size)
{
    dumped = block;
    dumped_size = size;
}

static void client_blocks_describe_themselves(void)
{
    char expected[1024];
    start();
    char *p = _malloc_dbg(20, _CLIENT_BLOCK | 0x1a << 16, NULL, 0);
    check(_CrtSetDumpClient(describe) == NULL && _CrtGetDumpClient() == describe, "none before");
    check(_CrtDumpMemoryLeaks(), "one");
    snprintf(expected, sizeof expected,
             "Detected memory leaks!\nDumping objects ->\n"
             "{%ld} client block at " P ", subtype 1a, 20 bytes long.\n"
             "Object dump complete.\n",
             request_of(p));
    check_reported(expected);
    check(dumped == p && dumped_size == 20, "%p, %zu", dumped, dumped_size);
    check(_CrtSetDumpClient(NULL) == describe, "the one before");
    _free_dbg(p, _CLIENT_BLOCK);
}

static void blocks_of_the_run_time_and_ignored_ones_are_no_leaks(void)
{
    start();
    char *p = _malloc_dbg(1, _CRT_BLOCK, NULL, 0);
    char *q = _malloc_dbg(1, _IGNORE_BLOCK, NULL, 0);
    _CrtSetDbgFlag(0);
    char *r = malloc(1);
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF);
    check(_CrtReportBlockType(r) == _IGNORE_BLOCK, "%d", _CrtReportBlockType(r));
    check(!_CrtDumpMemoryLeaks(), "none");
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF | _CRTDBG_CHECK_CRT_DF);
    check(_CrtDumpMemoryLeaks(), "the run-time's");
    check(strstr(reported(), "crt block at " P ", 1 bytes long.\n") != NULL, "its own words");
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF);
    _free_dbg(p, _CRT_BLOCK);
    _free_dbg(q, _IGNORE_BLOCK);
    free(r);
    check_reported("");
}

/* ---- states ---------------------------------------------------------------------------------------------------- */

static void states_are_compared(void)
{
    _CrtMemState before, after, difference;
    start();
    _CrtMemCheckpoint(&before);
    check(!_CrtMemDifference(&difference, &before, &before), "nothing is new");
    char *p = malloc(100);
    char *q = _malloc_dbg(7, _CLIENT_BLOCK, NULL, 0);
    _CrtMemCheckpoint(&after);
    check(_CrtMemDifference(&difference, &before, &after), "two blocks are");
    check(difference.lCounts[_NORMAL_BLOCK] == 1 && difference.lSizes[_NORMAL_BLOCK] == 100, "%zu",
          difference.lSizes[_NORMAL_BLOCK]);
    check(difference.lCounts[_CLIENT_BLOCK] == 1 && difference.lSizes[_CLIENT_BLOCK] == 7, "%zu",
          difference.lSizes[_CLIENT_BLOCK]);
    check(difference.lTotalCount == 107, "%zu", difference.lTotalCount);
    difference.lHighCount = 107;
    _CrtMemDumpStatistics(&difference);
    check_reported("0 bytes in 0 Free Blocks.\n100 bytes in 1 Normal Blocks.\n"
                   "0 bytes in 0 CRT Blocks.\n0 bytes in 0 Ignore Blocks.\n"
                   "7 bytes in 1 Client Blocks.\nLargest number used: 107 bytes.\n"
                   "Total allocations: 107 bytes.\n");
    _CrtMemDumpAllObjectsSince(&after);
    check_reported("Dumping objects ->\nObject dump complete.\n");
    _CrtMemDumpAllObjectsSince(&before);
    const char *text = reported();
    check(strstr(text, "client block") && strstr(text, "100 bytes long"), "%s", text);
    free(p);
    _free_dbg(q, _CLIENT_BLOCK);
    _CrtMemCheckpoint(&after);
    check(!_CrtMemDifference(&difference, &before, &after), "both are freed");
}

static void a_block_that_was_resized_is_newer_than_the_state(void)
{
    _CrtMemState before;
    start();
    char *p = malloc(1);
    char *q = malloc(2);
    _CrtMemCheckpoint(&before);
    q = realloc(q, 200);
    _CrtMemDumpAllObjectsSince(&before);
    const char *text = reported();
    check(strstr(text, "200 bytes long") && !strstr(text, " 1 bytes long"), "%s", text);
    free(p);
    free(q);
}

static void states_need_a_place(void)
{
    _CrtMemState s;
    start();
    _CrtMemCheckpoint(&s);
    const _CrtMemState *const wrong[][3] = {{NULL, &s, &s}, {&s, NULL, &s}, {&s, &s, NULL}};
    for (int i = 0; i < 3; i++) {
        errno = 0;
        check(!_CrtMemDifference((_CrtMemState *)wrong[i][0], wrong[i][1], wrong[i][2]) &&
                  errno == EINVAL,
              "%d", i);
    }
    errno = 0;
    _CrtMemCheckpoint(NULL);
    check(errno == EINVAL, "%d", errno);
    errno = 0;
    _CrtMemDumpStatistics(NULL);
    check(errno == EINVAL, "%d", errno);
    errno = 0;
    _CrtDoForAllClientObjects(NULL, NULL);
    check(errno == EINVAL, "%d", errno);
}

static void note_client(void *block, void *context)
{
    (*(int *)context)++;
    *(char *)block = 'c';
}

static void every_client_block_is_visited(void)
{
    char *clients[5];
    int count = 0;
    start();
    char *other = malloc(1);
    for (int i = 0; i < 5; i++)
        clients[i] = _malloc_dbg(1, _CLIENT_BLOCK, NULL, 0);
    _CrtDoForAllClientObjects(note_client, &count);
    check(count == 5 && (unsigned char)*other == 0xCD, "%d", count);
    for (int i = 0; i < 5; i++) {
        check(*clients[i] == 'c', "client %d", i);
        _free_dbg(clients[i], _CLIENT_BLOCK);
    }
    free(other);
}

/* ---- what goes wrong ------------------------------------------------------------------------------------------- */

static void writes_past_the_end_are_found(void)
{
    char expected[1024];
    start();
    for (int i = 0; i < 4; i++) {
        char *p = malloc(10);
        int here = __LINE__ - 1;
        check(_CrtCheckMemory(), "all is well");
        p[10 + i] = 0;
        check(!_CrtCheckMemory() && last_kind == _CRT_ERROR, "+%d", 10 + i);
        snprintf(expected, sizeof expected,
                 "HEAP CORRUPTION DETECTED: after Normal block (#%ld) at " P ".\n"
                 "CRT detected that the application wrote to memory after end of heap buffer.\n"
                 "\nMemory allocated at %s(%d).\n",
                 request_of(p), __FILE__, here);
        check_reported(expected);
        free(p);
        check_reported(expected);
        check(_CrtCheckMemory(), "it is gone");
    }
}

static void writes_before_the_start_are_found(void)
{
    char expected[1024];
    start();
    for (int i = 1; i <= 4; i++) {
        char *p = _malloc_dbg(10, _NORMAL_BLOCK, NULL, 0);
        p[-i] = 0;
        check(!_CrtCheckMemory(), "-%d", i);
        snprintf(expected, sizeof expected,
                 "HEAP CORRUPTION DETECTED: before Normal block (#%ld) at " P ".\n"
                 "CRT detected that the application wrote to memory before start of heap buffer.\n",
                 request_of(p));
        check_reported(expected);
        p = realloc(p, 50);
        check_reported(expected);
        free(p);
        check_reported("");
    }
}

static void a_ruined_header_is_reported_and_not_followed(void)
{
    start();
    pid_t child = fork();
    if (child == 0) {
        char *p = malloc(10);
        char *q = malloc(10);
        memset(q - 64, 0x41, 64);
        bool found = !_CrtCheckMemory() && strstr(reports, "the header of a block was overwritten");
        found = found && !_CrtIsValidHeapPointer(q) && _CrtIsValidHeapPointer(p);
        (void)_CrtDumpMemoryLeaks();
        free(p);
        _exit(found ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    check(status == 0, "%#x", status);
}

static void freed_blocks_can_be_kept_and_watched(void)
{
    _CrtMemState state;
    start();
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF | _CRTDBG_DELAY_FREE_MEM_DF);
    char *p = malloc(100);
    free(p);
    check(holds(p, 100, 0xDD), "freed bytes");
    _CrtMemCheckpoint(&state);
    check(state.lCounts[_FREE_BLOCK] >= 1 && state.lSizes[_FREE_BLOCK] >= 100, "%zu",
          state.lCounts[_FREE_BLOCK]);
    check(_CrtCheckMemory() && !_CrtDumpMemoryLeaks() && !_CrtIsValidHeapPointer(p), "no leak");
    free(p);
    check_reported("Error: the block was freed twice: " P ".\n");
    check(!realloc(p, 5), "it is freed");
    check_reported("Error: a freed block is resized: " P ".\n");
    p[5] = 1;
    check(!_CrtCheckMemory(), "somebody wrote");
    check(strstr(reported(), "on top of Free block") != NULL, "there");
    p[5] = (char)0xDD;
    check(_CrtCheckMemory(), "and mended it");
}

static void every_call_may_check_the_heap(void)
{
    start();
    char *p = malloc(10);
    p[10] = 0;
    free(malloc(1));
    check_reported("");
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF | _CRTDBG_CHECK_ALWAYS_DF);
    char *q = malloc(1);
    check(strstr(reported(), "after Normal block") != NULL, "at malloc");
    _CrtSetDbgFlag(_CRTDBG_ALLOC_MEM_DF | _CRTDBG_CHECK_EVERY_16_DF);
    int calls = 0;
    while (!reports[0] && calls < 100) {
        free(malloc(1));
        calls += 2;
    }
    check(calls >= 16 && calls <= 18, "after %d calls", calls);
    p[10] = (char)0xFD;
    free(p);
    free(q);
}

static void flags_that_there_are_none_of_are_refused(void)
{
    start();
    for (int i = 0; i < 10; i++) {
        errno = 0;
        check(_CrtSetDbgFlag(0x40 << i) == _CRTDBG_ALLOC_MEM_DF && errno == EINVAL, "%#x",
              0x40 << i);
    }
    errno = 0;
    check(_CrtSetDbgFlag(0x08) == _CRTDBG_ALLOC_MEM_DF && errno == EINVAL, "%d", errno);
    check(_CrtSetDbgFlag(_CRTDBG_REPORT_FLAG) == _CRTDBG_ALLOC_MEM_DF, "as it was");
    check(_crtDbgFlag == _CRTDBG_ALLOC_MEM_DF && _crtBreakAlloc == -1, "the variables");
}

/* ---- hooks ------------------------------------------------------------------------------------------------------ */

static struct {
    int kind, type, line;
    size_t size;
    long request;
    void *block;
    int refuse;
} heard;

static int listen(int kind, void *block, size_t size, int type, long request,
                  const unsigned char *file, int line)
{
    heard.kind = kind;
    heard.block = block;
    heard.size = size;
    heard.type = type;
    heard.request = request;
    heard.line = line;
    return !heard.refuse;
}

static void the_allocation_hook_hears_and_forbids(void)
{
    start();
    heard.refuse = FALSE;
    check(_CrtSetAllocHook(listen) == NULL && _CrtGetAllocHook() == listen, "none before");
    char *p = malloc(21);
    check(heard.kind == _HOOK_ALLOC && heard.size == 21 && heard.type == _NORMAL_BLOCK &&
              heard.request == request_of(p) && heard.line == __LINE__ - 2,
          "%d, %zu, line %d", heard.kind, heard.size, heard.line);
    p = realloc(p, 22);
    check(heard.kind == _HOOK_REALLOC && heard.size == 22, "%d", heard.kind);
    heard.refuse = TRUE;
    errno = 0;
    check(!malloc(1) && errno == ENOMEM, "%d", errno);
    check(strncmp(reported(), "Client hook allocation failure at file ", 39) == 0, "told");
    check(!realloc(p, 30) && _msize(p) == 22, "%zu", (size_t)_msize(p));
    check(strncmp(reported(), "Client hook re-allocation failure at file ", 42) == 0, "told");
    heard.refuse = FALSE;
    free(p);
    check(heard.kind == _HOOK_FREE && heard.block == p, "%d", heard.kind);
    check(_CrtSetAllocHook(NULL) == listen, "the one before");
}

static int allocate_too(int kind, void *block, size_t size, int type, long request,
                        const unsigned char *file, int line)
{
    if (size == 77)
        free(_malloc_dbg(1, _NORMAL_BLOCK, NULL, 0));
    return TRUE;
}

static void a_hook_may_allocate(void)
{
    start();
    _CrtSetAllocHook(allocate_too);
    free(malloc(77));
    _CrtSetAllocHook(NULL);
    check(!_CrtDumpMemoryLeaks(), "none");
}

static volatile DWORD stopped;

static LONG CALLBACK note_stop(EXCEPTION_POINTERS *pointers)
{
    stopped = pointers->ExceptionRecord->ExceptionCode;
    if (stopped != EXCEPTION_BREAKPOINT)
        return EXCEPTION_CONTINUE_SEARCH;
#if defined(__x86_64__)
    pointers->ContextRecord->Rip = (DWORD64)pointers->ExceptionRecord->ExceptionAddress + 1;
#else
    pointers->ContextRecord->Pc += 4;
#endif
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void an_allocation_can_be_stopped_at(void)
{
    start();
    void *handler = AddVectoredExceptionHandler(1, note_stop);
    char *p = malloc(1);
    long now = request_of(p);
    check(_CrtSetBreakAlloc(now + 2) == -1 && _crtBreakAlloc == now + 2, "%ld", _crtBreakAlloc);
    stopped = 0;
    char *q = malloc(1);
    check(!stopped, "not yet");
    char *r = malloc(1);
    check(stopped == EXCEPTION_BREAKPOINT, "%#x", stopped);
    check(_CrtSetBreakAlloc(-1) == now + 2, "the one before");
    RemoveVectoredExceptionHandler(handler);
    free(p);
    free(q);
    free(r);
}

static void a_failing_assertion_stops(void)
{
    char expected[512];
    start();
    void *handler = AddVectoredExceptionHandler(1, note_stop);
    stopped = 0;
    _ASSERTE(1 + 1 == 3);
    snprintf(expected, sizeof expected, "%s(%d) : Assertion failed: 1 + 1 == 3\n", __FILE__,
             __LINE__ - 2);
    check_reported(expected);
    check(!stopped && last_kind == _CRT_ASSERT, "the hook says 0");
    answer = 1;
    _ASSERT(stopped == 99);
    snprintf(expected, sizeof expected, "%s(%d) : Assertion failed!\n", __FILE__, __LINE__ - 1);
    check_reported(expected);
    check(stopped == EXCEPTION_BREAKPOINT, "the hook says 1");
    _ASSERTE(stopped);
    check_reported("");
    RemoveVectoredExceptionHandler(handler);
}

/* ---- reports ------------------------------------------------------------------------------------------------------- */

static void reports_are_formatted(void)
{
    char expected[512];
    start();
    _RPT0(_CRT_WARN, "100 % plain\n");
    _RPT2(_CRT_WARN, "%d and %s\n", 5, "six");
    _RPT1(_CRT_ERROR, "%.3f\n", 1.5);
    check(last_kind == _CRT_ERROR, "%d", last_kind);
    check_reported("100 % plain\n5 and six\n1.500\n");
    _RPTF1(_CRT_WARN, "%c\n", 'x');
    snprintf(expected, sizeof expected, "%s(%d) : x\n", __FILE__, __LINE__ - 1);
    check_reported(expected);
    check(_CrtDbgReport(_CRT_WARN, NULL, 0, NULL, NULL) == 0, "no text");
    check_reported("");
    for (int i = 0; i < MANY; i++) {
        errno = 0;
        check(_CrtDbgReport(i < 10 ? -1 - i : i, NULL, 0, NULL, "x") == -1 && errno == EINVAL, "%d",
              i);
    }
}

static int order[4], heard_count;

static int second_ear(int kind, char *text, int *value)
{
    order[heard_count++ & 3] = 2;
    return FALSE;
}

static int first_ear(int kind, char *text, int *value)
{
    order[heard_count++ & 3] = 1;
    return FALSE;
}

static void hooks_are_asked_the_newest_first(void)
{
    start();
    heard_count = 0;
    check(_CrtGetReportHook() == catch_report, "it tells");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_INSTALL, first_ear) == 1, "the first");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_INSTALL, second_ear) == 1, "the second");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_INSTALL, second_ear) == 2, "twice");
    _RPT0(_CRT_WARN, "x");
    check(heard_count == 2 && order[0] == 2 && order[1] == 1, "%d, %d", order[0], order[1]);
    check_reported("x");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_REMOVE, second_ear) == 1, "once more");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_REMOVE, second_ear) == 0, "gone");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_REMOVE, second_ear) == -1, "it is not there");
    check(_CrtSetReportHook2(_CRT_RPTHOOK_REMOVE, first_ear) == 0, "gone");
    errno = 0;
    check(_CrtSetReportHook2(_CRT_RPTHOOK_INSTALL, NULL) == -1 && errno == EINVAL, "%d", errno);
    for (int mode = 2; mode < 2 + MANY; mode++)
        check(_CrtSetReportHook2(mode, first_ear) == -1, "mode %d", mode);
}

static void modes_and_files_are_told_back(void)
{
    start();
    check(_CrtSetReportMode(_CRT_WARN, _CRTDBG_REPORT_MODE) == _CRTDBG_MODE_DEBUG, "warnings");
    check(_CrtSetReportMode(_CRT_ERROR, _CRTDBG_REPORT_MODE) == _CRTDBG_MODE_WNDW, "errors");
    check(_CrtSetReportMode(_CRT_ASSERT, _CRTDBG_REPORT_MODE) == _CRTDBG_MODE_WNDW, "assertions");
    check(_CrtSetReportMode(_CRT_WARN, _CRTDBG_MODE_FILE) == _CRTDBG_MODE_DEBUG, "before");
    check(_CrtSetReportFile(_CRT_WARN, _CRTDBG_FILE_STDOUT) == _CRTDBG_INVALID_HFILE, "before");
    check(_CrtSetReportFile(_CRT_WARN, _CRTDBG_REPORT_FILE) == _CRTDBG_FILE_STDOUT, "now");
    _CrtSetReportMode(_CRT_WARN, _CRTDBG_MODE_DEBUG);
    _CrtSetReportFile(_CRT_WARN, _CRTDBG_INVALID_HFILE);
    for (int i = 0; i < MANY; i++) {
        int wrong = i < 10 ? 3 + i : -1 - i;
        errno = 0;
        check(_CrtSetReportMode(wrong, 0) == -1 && errno == EINVAL, "kind %d", wrong);
        check(_CrtSetReportFile(wrong, NULL) == _CRTDBG_HFILE_ERROR, "kind %d", wrong);
        check(_CrtSetReportMode(_CRT_WARN, 8 + i) == -1, "mode %d", 8 + i);
    }
    check(_CrtSetReportMode(_CRT_WARN, _CRTDBG_REPORT_MODE) == _CRTDBG_MODE_DEBUG, "as it was");
}

static void reports_go_to_files(void)
{
    int ends[2];
    char text[64] = "";
    start();
    check(pipe(ends) == 0, "a pipe");
    _CrtSetReportHook(NULL);
    _CrtSetReportMode(_CRT_WARN, _CRTDBG_MODE_FILE);
    _CrtSetReportFile(_CRT_WARN, (_HFILE)(intptr_t)ends[1]);
    check(_CrtDbgReport(_CRT_WARN, "f.c", 3, NULL, "%d\n", 4) == 0, "written");
    check(read(ends[0], text, sizeof text - 1) > 0 && !strcmp(text, "f.c(3) : 4\n"), "%s", text);
    close(ends[1]);
    check(_CrtDbgReport(_CRT_WARN, NULL, 0, NULL, "x") == -1, "it is closed");
    _CrtSetReportFile(_CRT_WARN, _CRTDBG_INVALID_HFILE);
    check(_CrtDbgReport(_CRT_WARN, NULL, 0, NULL, "x") == -1, "there is none");
    _CrtSetReportMode(_CRT_WARN, 0);
    check(_CrtDbgReport(_CRT_WARN, NULL, 0, NULL, "x") == 0, "to nobody");
    _CrtSetReportMode(_CRT_WARN, _CRTDBG_MODE_DEBUG);
    close(ends[0]);
}

/* ---- threads and fork ------------------------------------------------------------------------------------------------- */

static void *allocate_much(void *argument)
{
    char *blocks[50] = {NULL};
    for (int i = 0; i < 20000; i++) {
        char **place = &blocks[i * 7 % 50];
        if (*place && i % 3 == 0) {
            *place = realloc(*place, (size_t)(i % 300));
        } else {
            free(*place);
            *place = malloc((size_t)(i % 200));
        }
    }
    for (int i = 0; i < 50; i++)
        free(blocks[i]);
    return NULL;
}

static void threads_share_the_debug_heap(void)
{
    pthread_t threads[8];
    start();
    for (int i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, allocate_much, NULL))
            abort();
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    check(_CrtCheckMemory() && !_CrtDumpMemoryLeaks(), "%s", reported());
}

static volatile int running;

static void *allocate_until_stopped(void *argument)
{
    while (running)
        free(malloc(10));
    return NULL;
}

static void a_forked_child_has_the_debug_heap(void)
{
    pthread_t other;
    start();
    running = TRUE;
    if (pthread_create(&other, NULL, allocate_until_stopped, NULL))
        abort();
    for (int i = 0; i < 20; i++) {
        int status = -1;
        usleep(1000);
        pid_t child = fork();
        if (child == 0) {
            char *p = malloc(100);
            free(p);
            _exit(p && _CrtCheckMemory() ? 0 : 1);
        }
        waitpid(child, &status, 0);
        check(status == 0, "child %d: %#x", i, status);
    }
    running = FALSE;
    pthread_join(other, NULL);
}

static const struct test tests[] = {
    TEST(new_bytes_are_cd_between_guards_of_fd, ""),
    TEST(cleared_blocks_are_zero, ""),
    TEST(a_block_that_grows_keeps_what_it_holds, ""),
    TEST(a_block_shrinks_where_it_is, ""),
    TEST(too_large_is_no_memory, ""),
    TEST(strings_are_copied, ""),
    TEST(blocks_of_mallocs_own_are_taken_too, ""),
    TEST(aligned_blocks_have_owners_too, ""),
    TEST(a_block_knows_who_asked_for_it, ""),
    TEST(what_is_no_block_is_told, ""),
    TEST(client_blocks_have_a_subtype, ""),
    TEST(bad_types_are_reported, ""),
    TEST(a_leak_is_told_by_file_and_line, ""),
    TEST(a_leak_without_a_file_has_its_number, ""),
    TEST(the_newest_leak_comes_first, ""),
    TEST(a_file_that_is_gone_is_told, ""),
    TEST(client_blocks_describe_themselves, ""),
    TEST(blocks_of_the_run_time_and_ignored_ones_are_no_leaks, ""),
    TEST(states_are_compared, ""),
    TEST(a_block_that_was_resized_is_newer_than_the_state, ""),
    TEST(states_need_a_place, ""),
    TEST(every_client_block_is_visited, ""),
    TEST(writes_past_the_end_are_found, ""),
    TEST(writes_before_the_start_are_found, ""),
    TEST(a_ruined_header_is_reported_and_not_followed, ""),
    TEST(freed_blocks_can_be_kept_and_watched, ""),
    TEST(every_call_may_check_the_heap, ""),
    TEST(flags_that_there_are_none_of_are_refused, ""),
    TEST(the_allocation_hook_hears_and_forbids, ""),
    TEST(a_hook_may_allocate, ""),
    TEST(an_allocation_can_be_stopped_at, ""),
    TEST(a_failing_assertion_stops, ""),
    TEST(reports_are_formatted, ""),
    TEST(hooks_are_asked_the_newest_first, ""),
    TEST(modes_and_files_are_told_back, ""),
    TEST(reports_go_to_files, ""),
    TEST(threads_share_the_debug_heap, ""),
    TEST(a_forked_child_has_the_debug_heap, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
