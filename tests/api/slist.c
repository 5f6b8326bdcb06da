/*
 * slist.c - lists that threads push to and pop from without a lock.
 */
#include "fault.h"
#include "memory.h"

#include <stdlib.h>

#ifdef _WIN32
#define HEADER_BITS HeaderX64
#elif defined(__aarch64__)
#define HEADER_BITS HeaderArm64
#else
#define HEADER_BITS HeaderX64
#endif

struct thing {
    SLIST_ENTRY entry;
    DWORD value;
};

static SLIST_HEADER list;
static struct thing things[8];

static void start(void)
{
    InitializeSListHead(&list);
    for (DWORD i = 0; i < 8; i++)
        things[i].value = i;
}

static void layouts_are_those_of_windows(void)
{
    check(sizeof(SLIST_HEADER) == 16 && sizeof(SLIST_ENTRY) == 16, "%u, %u",
          (unsigned)sizeof(SLIST_HEADER), (unsigned)sizeof(SLIST_ENTRY));
    check(__alignof__(SLIST_HEADER) == 16 && __alignof__(SLIST_ENTRY) == 16, "%u, %u",
          (unsigned)__alignof__(SLIST_HEADER), (unsigned)__alignof__(SLIST_ENTRY));
    check(offsetof(SLIST_ENTRY, Next) == 0, "Next is first");
}

static void a_push_returns_what_was_first(void)
{
    start();
    check(InterlockedPushEntrySList(&list, &things[0].entry) == NULL, "the list was empty");
    check(InterlockedPushEntrySList(&list, &things[1].entry) == &things[0].entry, "the first push");
    check(things[1].entry.Next == &things[0].entry && !things[0].entry.Next, "they are linked");
}

static void entries_come_off_last_in_first_out(void)
{
    start();
    for (int i = 0; i < 8; i++)
        InterlockedPushEntrySList(&list, &things[i].entry);
    for (int i = 7; i >= 0; i--) {
        struct thing *t = (struct thing *)InterlockedPopEntrySList(&list);
        check(t == &things[i] && t->value == (DWORD)i, "%p is not thing %d", (void *)t, i);
    }
    check(InterlockedPopEntrySList(&list) == NULL, "the list is empty");
}

static void a_flush_returns_the_chain_and_empties(void)
{
    start();
    InterlockedPushEntrySList(&list, &things[0].entry);
    InterlockedPushEntrySList(&list, &things[1].entry);
    PSLIST_ENTRY chain = InterlockedFlushSList(&list);
    check(chain == &things[1].entry && chain->Next == &things[0].entry && !chain->Next->Next,
          "the chain is %p", (void *)chain);
    check(QueryDepthSList(&list) == 0 && !InterlockedPopEntrySList(&list), "the list is empty");
    check(InterlockedFlushSList(&list) == NULL, "an empty list has no chain");
}

static void the_depth_counts_entries(void)
{
    start();
    check(QueryDepthSList(&list) == 0, "%u", QueryDepthSList(&list));
    for (USHORT i = 0; i < 8; i++) {
        InterlockedPushEntrySList(&list, &things[i].entry);
        check(QueryDepthSList(&list) == i + 1, "%u of %u", QueryDepthSList(&list), i + 1u);
    }
    InterlockedPopEntrySList(&list);
    check(QueryDepthSList(&list) == 7, "%u", QueryDepthSList(&list));
}

static void the_depth_is_counted_modulo_65536(void)
{
    enum { MANY = 65538 };
    SLIST_ENTRY *many =
        VirtualAlloc(NULL, MANY * sizeof *many, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    start();
    for (int i = 0; i < MANY; i++)
        InterlockedPushEntrySList(&list, &many[i]);
    check(QueryDepthSList(&list) == 2, "%u", QueryDepthSList(&list));
    for (int i = MANY - 1; i >= 0; i--)
        check(InterlockedPopEntrySList(&list) == &many[i], "entry %d", i);
    check(QueryDepthSList(&list) == 0 && !InterlockedPopEntrySList(&list), "the list is empty");
    release(many);
}

static void a_chain_is_pushed_at_once(void)
{
    start();
    InterlockedPushEntrySList(&list, &things[7].entry);
    things[0].entry.Next = &things[1].entry;
    things[1].entry.Next = &things[2].entry;
    check(InterlockedPushListSListEx(&list, &things[0].entry, &things[2].entry, 3) ==
              &things[7].entry,
          "what was first before");
    check(QueryDepthSList(&list) == 4, "%u", QueryDepthSList(&list));
    for (int i = 0; i < 3; i++)
        check(InterlockedPopEntrySList(&list) == &things[i].entry, "thing %d", i);
    check(InterlockedPopEntrySList(&list) == &things[7].entry, "thing 7");
}

static void the_header_tells_depth_sequence_and_first_entry(void)
{
    start();
    InterlockedPushEntrySList(&list, &things[3].entry);
    InterlockedPushEntrySList(&list, &things[4].entry);
    check(list.HEADER_BITS.Depth == 2, "%u", (unsigned)list.HEADER_BITS.Depth);
    check(list.HEADER_BITS.Sequence == 2, "%u", (unsigned)list.HEADER_BITS.Sequence);
    check((ULONG_PTR)list.HEADER_BITS.NextEntry << 4 == (ULONG_PTR)&things[4], "%#llx",
          (unsigned long long)list.HEADER_BITS.NextEntry);
}

#ifndef _WIN32
static void the_other_names_mean_the_same(void)
{
    SLIST_HEADER h;
    memset(&h, 0xff, sizeof h);
    RtlInitializeSListHead(&h);
    check(!RtlFirstEntrySList(&h) && !RtlQueryDepthSList(&h), "it is empty");
    RtlInterlockedPushEntrySList(&h, &things[0].entry);
    things[1].entry.Next = &things[2].entry;
    RtlInterlockedPushListSListEx(&h, &things[1].entry, &things[2].entry, 2);
    check(RtlFirstEntrySList(&h) == &things[1].entry && RtlQueryDepthSList(&h) == 3, "three");
    check(RtlInterlockedPopEntrySList(&h) == &things[1].entry, "the first");
    check(RtlInterlockedFlushSList(&h) == &things[2].entry && !RtlFirstEntrySList(&h), "the rest");
}
#endif

/* ---- what is wrong ------------------------------------------------------------------------------ */

/*
 * A call with one argument, and where to go on when it raises: the handler puts ip, sp and bp back,
 * and the call below says that every other register may be lost.
 */
static struct {
    ULONG_PTR ip, sp, bp;
    volatile DWORD code;
} landing;

static LONG CALLBACK land(EXCEPTION_POINTERS *pointers)
{
    CONTEXT *c = pointers->ContextRecord;
    landing.code = pointers->ExceptionRecord->ExceptionCode;
#if defined(__x86_64__)
    c->Rip = landing.ip;
    c->Rsp = landing.sp;
    c->Rbp = landing.bp;
#else
    c->Pc = landing.ip;
    c->Sp = landing.sp;
    c->Fp = landing.bp;
#endif
    return EXCEPTION_CONTINUE_EXECUTION;
}

__attribute__((noinline)) static void call_and_land(void (*run)(char *), char *where)
{
#if defined(__x86_64__)
    void *l = &landing;
    __asm__ volatile("lea 1f(%%rip), %%r8\n\t"
                     "mov %%r8, (%2)\n\t"
                     "mov %%rsp, 8(%2)\n\t"
                     "mov %%rbp, 16(%2)\n\t"
                     "sub $256, %%rsp\n\t"
                     "and $-16, %%rsp\n\t"
                     "mov %1, %%rdi\n\t" /* the argument on Linux, beside the one on Windows */
                     "call *%0\n"
                     "1:\tlea landing(%%rip), %%rax\n\t"
                     "mov 8(%%rax), %%rsp"
                     : "+a"(run), "+c"(where), "+d"(l)
                     :
                     : "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "memory", "cc");
#else
    __asm__ volatile("adr x9, 1f\n\t"
                     "mov x10, sp\n\t"
                     "stp x9, x10, [%2]\n\t"
                     "str x29, [%2, #16]\n\t"
                     "mov x0, %1\n\t"
                     "blr %0\n"
                     "1:"
                     :
                     : "r"(run), "r"(where), "r"(&landing)
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                       "x12", "x13", "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23",
                       "x24", "x25", "x26", "x27", "x28", "x30", "memory", "cc");
#endif
}

/* The code of the exception that a call raises; 0: none. */
static DWORD code_of(void (*run)(char *), char *where)
{
    void *handler = AddVectoredExceptionHandler(1, land);
    landing.code = 0;
    call_and_land(run, where);
    RemoveVectoredExceptionHandler(handler);
    return landing.code;
}

static void initialize_at(char *where)
{
    InitializeSListHead((PSLIST_HEADER)where);
}

static void push_to(char *where)
{
    InterlockedPushEntrySList((PSLIST_HEADER)where, &things[0].entry);
}

static void push_entry(char *where)
{
    InterlockedPushEntrySList(&list, (PSLIST_ENTRY)where);
}

static void pop_from(char *where)
{
    InterlockedPopEntrySList((PSLIST_HEADER)where);
}

static void flush_at(char *where)
{
    InterlockedFlushSList((PSLIST_HEADER)where);
}

static void misaligned_headers_and_entries_raise(void)
{
    static void (*const calls[])(char *) = {initialize_at, push_to, push_entry, pop_from, flush_at};
    char *page = commit(PAGE);
    for (size_t c = 0; c < 5; c++)
        for (int off = 1; off < 16; off++) {
            start();
            memset(page, 0, 64);
            DWORD code = code_of(calls[c], page + off);
            check(code == STATUS_DATATYPE_MISALIGNMENT, "call %u at +%d: %#x", (unsigned)c, off,
                  (unsigned)code);
        }
    release(page);
}

static void a_first_entry_that_cannot_be_read_is_an_access_violation(void)
{
    static const ULONG_PTR bad[] = {
        0x10,
        0x1000,
        0x10000,
        0x7fff0000,
        0x7ffffff0,
        0x100000000000,
        0x7ffffffff000,
        0x7fffffff0000,
        0x800000000000,
        0x8000000000000000,
        0xdeadbeef00000000,
        0x4141414141414140,
        0xfffffffffffffff0,
        0xffff800000000000,
        0xcdcdcdcdcdcdcdc0,
    };
#ifdef _WIN32
    skip("Wine 8 tries a list that is broken for ever");
#elif defined(__SANITIZE_ADDRESS__)
    skip("ASan's shadow lies at some of these addresses");
#endif
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start();
        list.Region = bad[i];
        list.Alignment = 1;
        DWORD code = code_of(pop_from, (char *)&list);
        check(code == EXCEPTION_ACCESS_VIOLATION, "%#llx: %#x", (unsigned long long)bad[i],
              (unsigned)code);
        check(list.Region == bad[i], "the list has changed");
    }
    start();
}

static void headers_that_are_no_memory_are_access_violations(void)
{
    static void (*const calls[])(char *) = {initialize_at, push_to, pop_from, flush_at};
    char *p = reserve(GRANULE);
    for (size_t c = 0; c < 4; c++) {
        check(code_of(calls[c], NULL) == EXCEPTION_ACCESS_VIOLATION, "call %u of NULL",
              (unsigned)c);
        check(code_of(calls[c], p) == EXCEPTION_ACCESS_VIOLATION, "call %u, reserved", (unsigned)c);
    }
    release(p);
}

/* ---- threads ------------------------------------------------------------------------------------ */

enum { THREADS = 8, ENTRIES = 1000 };

#ifdef _WIN32
typedef HANDLE thread;
#define THREAD_RESULT DWORD WINAPI
static thread run_thread(LPTHREAD_START_ROUTINE run, void *argument)
{
    return CreateThread(NULL, 0, run, argument, 0, NULL);
}
static void join(thread t)
{
    WaitForSingleObject(t, INFINITE);
    CloseHandle(t);
}
#else
#include <pthread.h>
typedef pthread_t thread;
#define THREAD_RESULT void *
static thread run_thread(void *(*run)(void *), void *argument)
{
    pthread_t t;
    if (pthread_create(&t, NULL, run, argument))
        abort();
    return t;
}
static void join(thread t)
{
    pthread_join(t, NULL);
}
#endif

static struct thing *crowd;
static LONG64 passes[THREADS];
static int rounds = 1250000; /* 8 threads: 10 million pushes and as many pops */

static THREAD_RESULT push_and_pop(void *argument)
{
    LONG64 *mine = argument;
    for (int i = 0; i < rounds; i++) {
        struct thing *t = (struct thing *)InterlockedPopEntrySList(&list);
        if (!t)
            continue;
        t->value++; /* ours alone: a count that is lost was somebody else's too */
        ++*mine;
        InterlockedPushEntrySList(&list, &t->entry);
    }
    return 0;
}

static void no_entry_is_lost_or_had_twice_among_threads(void)
{
    thread threads[THREADS];
    LONG64 used = 0, counted = 0;
    size_t found = 0;

    crowd = VirtualAlloc(NULL, ENTRIES * sizeof *crowd, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    start();
    for (int i = 0; i < ENTRIES; i++)
        InterlockedPushEntrySList(&list, &crowd[i].entry);
    memset(passes, 0, sizeof passes);
    for (int i = 0; i < THREADS; i++)
        threads[i] = run_thread(push_and_pop, &passes[i]);
    for (int i = 0; i < THREADS; i++) {
        join(threads[i]);
        counted += passes[i];
    }
    check(QueryDepthSList(&list) == ENTRIES, "%u", QueryDepthSList(&list));
    for (PSLIST_ENTRY e = InterlockedFlushSList(&list); e; e = e->Next, found++)
        used += ((struct thing *)e)->value;
    check(found == ENTRIES, "%u entries", (unsigned)found);
    check(used == counted && counted > 0, "%lld uses, %lld counted", (long long)used,
          (long long)counted);
    release(crowd);
}

/* ---- entries that go away while they are popped ----------------------------------------------- */

#if defined(__x86_64__)

#define TRACE 0x100u

/*
 * A pop is stepped through by the processor's trace flag.  After each number of steps in turn, what
 * stands for another thread takes the first entry and decommits its page; then the pop runs on.
 */
static struct {
    volatile bool stepping;
    int steps; /* taken */
    int at;    /* after so many, the other thread comes */
    void (*other)(void);
} step;

static struct {
    char *pages; /* each entry has a page of its own */
    PSLIST_ENTRY first, second, third;
} gone;

static LONG CALLBACK on_step(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP)
        return EXCEPTION_CONTINUE_SEARCH;
    pointers->ContextRecord->EFlags &= ~TRACE;
    if (!step.stepping)
        return EXCEPTION_CONTINUE_EXECUTION;
    if (++step.steps == step.at) {
        step.stepping = false;
        step.other();
    } else {
        pointers->ContextRecord->EFlags |= TRACE;
    }
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void take_first(void)
{
    if (InterlockedPopEntrySList(&list) == gone.first)
        VirtualFree(gone.first, PAGE, MEM_DECOMMIT);
}

static void take_all(void)
{
    InterlockedFlushSList(&list);
    VirtualFree(gone.first, PAGE, MEM_DECOMMIT);
    VirtualFree(gone.second, PAGE, MEM_DECOMMIT);
}

static void take_first_and_put_another(void)
{
    take_first();
    InterlockedPushEntrySList(&list, gone.third);
}

/* Pop, and let the other come after `at` steps: what came off. */
__attribute__((noinline)) static PSLIST_ENTRY stepped_pop(void (*other)(void), int at)
{
    start();
    VirtualAlloc(gone.pages, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    gone.first = (PSLIST_ENTRY)gone.pages;
    gone.second = (PSLIST_ENTRY)(gone.pages + PAGE);
    gone.third = (PSLIST_ENTRY)(gone.pages + 2 * PAGE);
    InterlockedPushEntrySList(&list, gone.second);
    InterlockedPushEntrySList(&list, gone.first);
    step.other = other;
    step.at = at;
    step.steps = 0;
    step.stepping = true;
    __asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    PSLIST_ENTRY popped = InterlockedPopEntrySList(&list);
    step.stepping = false;
    return popped;
}

/* The other comes in the middle of the pop, at every instruction of it in turn. */
static void pop_while(void (*other)(void), const PSLIST_ENTRY *instead)
{
    void *handler = AddVectoredExceptionHandler(1, on_step);
    int at = 0;

    gone.pages = reserve(GRANULE);
    do {
        PSLIST_ENTRY popped = stepped_pop(other, ++at);
        bool was_in_time = popped == gone.first;
        check(was_in_time || popped == (instead ? *instead : NULL), "after %d steps: %p", at,
              (void *)popped);
    } while (step.steps == at && at < 1000);
    RemoveVectoredExceptionHandler(handler);
    check(at > 5 && at < 1000, "the pop took %d steps", at);
    start();
    release(gone.pages);
}

static void a_pop_goes_on_where_the_first_entry_is_taken_and_decommitted(void)
{
    pop_while(take_first, &gone.second);
}

static void a_pop_goes_on_where_all_entries_are_taken_and_decommitted(void)
{
    pop_while(take_all, NULL);
}

static void a_pop_goes_on_where_another_entry_comes_instead(void)
{
    pop_while(take_first_and_put_another, &gone.third);
}

#endif

/* Each entry is a page; half of them are decommitted at any time. */
static char *pages;
static volatile LONG wrong;
enum { PAGES = 64, HELD = 8 };

static bool renew(char *p)
{
    return VirtualAlloc(p, PAGE, MEM_COMMIT, PAGE_READWRITE) == p;
}

static THREAD_RESULT pop_and_decommit(void *argument)
{
    char *held[HELD] = {NULL};

    for (int i = 0; i < 10000; i++) {
        char **place = &held[i % HELD];
        if (*place && renew(*place))
            InterlockedPushEntrySList(&list, (PSLIST_ENTRY)*place);
        *place = (char *)InterlockedPopEntrySList(&list);
        if (*place && ((*place - pages) % GRANULE || !VirtualFree(*place, PAGE, MEM_DECOMMIT)))
            wrong = 1;
    }
    for (int i = 0; i < HELD; i++)
        if (held[i] && renew(held[i]))
            InterlockedPushEntrySList(&list, (PSLIST_ENTRY)held[i]);
    return 0;
}

static void threads_decommit_what_they_pop_at_once(void)
{
    thread threads[4];

    start();
    wrong = 0;
    pages = reserve(PAGES * GRANULE);
    for (int i = 0; i < PAGES; i++) {
        check_works(VirtualAlloc(pages + i * GRANULE, PAGE, MEM_COMMIT, PAGE_READWRITE));
        InterlockedPushEntrySList(&list, (PSLIST_ENTRY)(pages + i * GRANULE));
    }
    for (int i = 0; i < 4; i++)
        threads[i] = run_thread(pop_and_decommit, NULL);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    check(!wrong, "an entry was had twice");
    check(QueryDepthSList(&list) == PAGES, "%u", QueryDepthSList(&list));
    start();
    release(pages);
}

static const struct test tests[] = {
    TEST(layouts_are_those_of_windows, "S360"),
    TEST(a_push_returns_what_was_first, "S359"),
    TEST(entries_come_off_last_in_first_out, "S360"),
    TEST(a_flush_returns_the_chain_and_empties, "S360"),
    TEST(the_depth_counts_entries, ""),
    TEST(the_depth_is_counted_modulo_65536, ""),
    TEST(a_chain_is_pushed_at_once, ""),
    TEST(the_header_tells_depth_sequence_and_first_entry, ""),
#ifndef _WIN32
    TEST(the_other_names_mean_the_same, ""),
#endif
    TEST(misaligned_headers_and_entries_raise, ""),
    TEST(a_first_entry_that_cannot_be_read_is_an_access_violation, ""),
    TEST(headers_that_are_no_memory_are_access_violations, ""),
    TEST(no_entry_is_lost_or_had_twice_among_threads, "S360"),
#if defined(__x86_64__)
    TEST(a_pop_goes_on_where_the_first_entry_is_taken_and_decommitted, ""),
    TEST(a_pop_goes_on_where_all_entries_are_taken_and_decommitted, ""),
    TEST(a_pop_goes_on_where_another_entry_comes_instead, ""),
#endif
    TEST(threads_decommit_what_they_pop_at_once, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
