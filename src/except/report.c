/*
 * report.c - the last words of a process: one screen on standard error.
 *
 * The stack may be smashed, the heap torn, a lock held: so the text is put together in static
 * memory, memory is looked at with calls that fail instead of faulting, and all is written by one
 * call, which a pipe takes whole or not at all.
 *
 * I1  one thread reports; others wait for the process to end, a few seconds at most
 * I2  a fault inside the report writes what there is so far and ends the report
 */
#include <string.h>

#include <ntstatus.h>

#include "base/page.h"
#include "except/except_internal.h"
#include "except/names.h"

#define SCREEN 4000    /* bytes: less than what a pipe takes whole */
#define MOST_PLACES 64 /* walked */
#define MOST_LINES 12  /* told */
#define SOME_LINES 5   /* told where a block's stacks follow */
#define FEW_LINES 4    /* of those */
#define PATIENCE_MS 2000
#define WAITS 300
#define WAIT_NS 10000000ull

/* Everything that needs room, so that the stack need not have it. */
static MM_APART struct {
    atomic_int thread; /* who reports; 0: nobody yet */
    struct os_registers registers;
    EXCEPTION_RECORD record;
    struct except_failure failure; /* call NULL: there is none */
    CONTEXT context;
    struct except_block block; /* that was missed */
    bool has_block;
    uintptr_t places[MOST_PLACES];
    char text[SCREEN + 1];
    struct os_text t;
} report;

/* ---- the lines ---------------------------------------------------------------------------------- */

static void text_hex(struct os_text *t, const char *before, uint64_t value, int digits)
{
    mm_os_text(t, before);
    mm_os_text(t, "0x");
    mm_os_text_hex(t, value, digits);
}

static void tell_code(struct os_text *t, DWORD code)
{
    const struct exception_name *name = mm_except_name(code);

    text_hex(t, "\nntmm: unhandled exception ", code, 8);
    mm_os_text(t, " ");
    mm_os_text(t, name ? name->name : "(a code of the program's own)");
    mm_os_text(t, "\n");
}

static void tell_process(struct os_text *t)
{
    char name[32] = "?";

    ssize_t length = mm_os_read_text("/proc/self/comm", name, sizeof name);
    if (length > 0 && name[length - 1] == '\n')
        name[length - 1] = '\0';
    mm_os_text(t, "  process ");
    mm_os_text_number(t, (uint64_t)mm_os_pid());
    mm_os_text(t, " (");
    mm_os_text(t, name);
    mm_os_text(t, "), thread ");
    mm_os_text_number(t, (uint64_t)mm_os_tid());
}

static bool has_address(const EXCEPTION_RECORD *r)
{
    switch ((NTSTATUS)r->ExceptionCode) {
    case STATUS_ACCESS_VIOLATION:
    case STATUS_GUARD_PAGE_VIOLATION:
    case STATUS_STACK_OVERFLOW:
    case STATUS_IN_PAGE_ERROR: return r->NumberParameters >= 2;
    default: return false;
    }
}

static void tell_access(struct os_text *t, const EXCEPTION_RECORD *r)
{
    static const char *const words[] = {": reads ", ": writes "};
    ULONG_PTR kind = r->ExceptionInformation[0];

    mm_os_text(t, kind < 2 ? words[kind] : ": executes ");
    text_hex(t, "", r->ExceptionInformation[1], 16);
}

static void tell_parameters(struct os_text *t, const EXCEPTION_RECORD *r)
{
    for (DWORD i = 0; i < r->NumberParameters && i < 4; i++)
        text_hex(t, i ? ", " : ", parameters ", r->ExceptionInformation[i], 16);
    if (r->NumberParameters > 4)
        mm_os_text(t, " ...");
}

static void tell_failure(struct os_text *t, const struct except_failure *f)
{
    mm_os_text(t, "  ");
    mm_os_text(t, f->call);
    mm_os_text(t, ": ");
    mm_os_text(t, f->what);
    mm_os_text(t, "\n");
    mm_except_tell_address(t, (uintptr_t)f->address);
}

static void tell_what(struct os_text *t, const EXCEPTION_RECORD *r, unsigned depth)
{
    tell_process(t);
    if (has_address(r))
        tell_access(t, r);
    else
        tell_parameters(t, r);
    text_hex(t, "\n  at ", (uintptr_t)r->ExceptionAddress, 16);
    mm_os_text(t, "  ");
    mm_except_tell_place(t, (uintptr_t)r->ExceptionAddress);
    mm_os_text(t, "\n");
    if (depth) {
        mm_os_text(t, "  while a handler was at work on another exception, ");
        mm_os_text_number(t, depth);
        mm_os_text(t, " deep\n");
    }
    if (r->ExceptionCode == (DWORD)STATUS_STACK_OVERFLOW && has_address(r))
        mm_os_text(t, "  which is just below this thread's stack\n");
    else if (has_address(r))
        mm_except_tell_address(t, r->ExceptionInformation[1]);
    if (r->ExceptionCode == (DWORD)STATUS_IN_PAGE_ERROR && r->NumberParameters >= 3) {
        const char *why = mm_except_page_error_name((DWORD)r->ExceptionInformation[2]);
        text_hex(t, "  status ", r->ExceptionInformation[2], 8);
        mm_os_text(t, " ");
        mm_os_text(t, why ? why : "");
        mm_os_text(t, "\n");
    }
}

static void tell_repeats(struct os_text *t, int repeats)
{
    if (!repeats)
        return;
    mm_os_text(t, "      the same ");
    mm_os_text_number(t, (uint64_t)repeats);
    mm_os_text(t, " more times\n");
}

static void tell_frame(struct os_text *t, int number, uintptr_t place)
{
    mm_os_text(t, number < 10 ? "   " : "  ");
    mm_os_text_number(t, (uint64_t)number);
    text_hex(t, "  ", place, 16);
    mm_os_text(t, "  ");
    mm_except_tell_place(t, place);
    mm_os_text(t, "\n");
}

/* Recursion is one line for all its repeats. */
static void tell_stack(struct os_text *t, const CONTEXT *context, int most)
{
    int count = mm_except_walk(context, report.places, MOST_PLACES);
    int repeats = 0;
    int lines = 0;
    int i = 0;

    mm_os_text(t, "  stack\n");
    for (; i < count && lines < most; i++) {
        if (i && report.places[i] == report.places[i - 1]) {
            repeats++;
            continue;
        }
        tell_repeats(t, repeats);
        repeats = 0;
        tell_frame(t, i, report.places[i]);
        lines++;
    }
    tell_repeats(t, repeats);
    if (i < count || count == MOST_PLACES)
        mm_os_text(t, "      ...\n");
    else if (count <= 1)
        mm_os_text(t, "      the stack pointer leads to no caller\n");
}

static bool is_own(const struct os_module *m, const struct os_module *ours)
{
    const char *slash = strrchr(m->name, '/');
    return m->bias == ours->bias || (slash && strncmp(slash, "/libntmm", 8) == 0);
}

/* Places of our own at the start of a stack, unless all are. */
static unsigned own_places(const uintptr_t *places, unsigned count)
{
    struct os_module ours = {0};
    struct os_module module;
    unsigned i = 0;

    (void)mm_os_module_at((uintptr_t)own_places, &ours); /* else bias 0: nobody's */
    while (i < count && mm_os_module_at(places[i], &module) && is_own(&module, &ours))
        i++;
    return i < count ? i : 0;
}

void mm_except_tell_stack(struct os_text *t, const char *title, const uintptr_t *places,
                          unsigned count)
{
    unsigned first = own_places(places, count);

    mm_os_text(t, "  ");
    mm_os_text(t, title);
    mm_os_text(t, "\n");
    for (unsigned i = first; i < count && i < first + FEW_LINES; i++)
        tell_frame(t, (int)(i - first), places[i]);
}

void mm_except_complain_stack(const char *title, const uintptr_t *places, unsigned count)
{
    static char text[1500]; /* one process ends once */
    struct os_text t = {text, text + sizeof text - 1};

    if (!count)
        return;
    mm_except_tell_stack(&t, title, places, count);
    mm_os_complain(text);
}

static void tell_block_stacks(struct os_text *t, const struct except_block *b)
{
    if (b->allocated_count)
        mm_except_tell_stack(t, "allocated by", b->allocated_by, b->allocated_count);
    if (b->freed && b->freed_count)
        mm_except_tell_stack(t, "freed by", b->freed_by, b->freed_count);
}

/*
 * The place whose source line is worth looking up: the first in a module that is not ours, since
 * RaiseException is, and calls that were given bad pointers.
 */
static int place_of_interest(void)
{
    struct os_module ours = {0};
    struct os_module module;
    int first = -1;

    (void)mm_os_module_at((uintptr_t)place_of_interest, &ours); /* else bias 0: nobody's */
    for (int i = 0; i < MOST_PLACES && report.places[i]; i++) {
        if (!mm_os_module_at(report.places[i], &module))
            continue;
        if (module.bias != ours.bias)
            return i;
        if (first < 0)
            first = i;
    }
    return first;
}

static void tell_next(struct os_text *t, DWORD code)
{
    const struct exception_name *name = mm_except_name(code);
    struct os_module module;
    int i = place_of_interest();

    if (name && name->advice) {
        mm_os_text(t, "  next  ");
        mm_os_text(t, name->advice);
        mm_os_text(t, "\n");
    }
    if (i < 0 || !mm_os_module_at(report.places[i], &module))
        return;
    mm_os_text(t, "  line  addr2line -Cfipe ");
    mm_os_text(t, module.name);
    /* A return address is behind its call, which may be the line before. */
    text_hex(t, " ", report.places[i] - module.bias - (i ? 1 : 0), 8);
    mm_os_text(t, "\n");
}

/* ---- one report a process ----------------------------------------------------------------------- */

static void write_out(void)
{
    if (mm_os_writable_soon(2, PATIENCE_MS))
        mm_os_complain(report.text);
}

/* Whether the calling thread is to report. */
static bool begin(void)
{
    int me = mm_os_tid();
    int nobody = 0;

    if (atomic_compare_exchange_strong(&report.thread, &nobody, me)) {
        report.t = (struct os_text){report.text, report.text + SCREEN};
        return true;
    }
    if (nobody == me) {
        mm_os_text(&report.t, "\n  (the report itself failed here)\n");
        write_out();
        return false;
    }
    for (int i = 0; i < WAITS; i++)
        mm_os_sleep(WAIT_NS);
    return false;
}

static void tell_all(unsigned depth)
{
    struct os_text *t = &report.t;

    report.has_block = has_address(&report.record) &&
                       mm_except_block_at(report.record.ExceptionInformation[1], &report.block);
    tell_code(t, report.record.ExceptionCode);
    tell_what(t, &report.record, depth);
    if (report.failure.call)
        tell_failure(t, &report.failure);
    mm_except_tell_registers(t, &report.context);
    tell_stack(t, &report.context, report.has_block ? SOME_LINES : MOST_LINES);
    if (report.has_block)
        tell_block_stacks(t, &report.block);
    tell_next(t, report.record.ExceptionCode);
    write_out();
}

void mm_except_report_fault(const struct os_fault *fault, bool guard, unsigned depth)
{
    if (!begin())
        return;
    mm_except_record(fault, guard, &report.record);
    mm_os_fault_registers(fault, &report.registers);
    mm_except_context(&report.registers, &report.context);
    tell_all(depth);
}

void mm_except_report_raised(const EXCEPTION_RECORD *record, const CONTEXT *context, unsigned depth)
{
    if (!begin())
        return;
    report.record = *record;
    report.context = *context;
    tell_all(depth);
}

void mm_except_report_failure(const struct except_failure *failure, const EXCEPTION_RECORD *record,
                              const CONTEXT *context, unsigned depth)
{
    if (!begin())
        return;
    report.failure = *failure;
    report.record = *record;
    report.context = *context;
    tell_all(depth);
}
