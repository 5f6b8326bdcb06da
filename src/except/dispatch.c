/*
 * dispatch.c - the way of an exception through its handlers.
 *
 * A fault: guard pages, vectored handlers, the unhandled filter, the program's own signal handler,
 * the report and the default action, in this order.  A raised exception has no signal and goes to
 * the report after the filter.  A failure of the library's own finding (a torn heap) asks nobody.
 *
 * While handlers run, the thread's `innermost` points to a note on its stack.  A handler may leave
 * by longjmp, and then the note is dead but still pointed to.  A fault is nested in it only if the
 * stack pointer at the fault lies between the new note and the old one:
 *
 *   I1  new note < stack pointer at the fault <= old note, on the same stack, while a handler runs
 *
 * Signal handlers: no lock, no allocation.  The path to the program's own handler comes first and
 * keeps its stack frame small; what needs a CONTEXT is not inlined.
 */
#include <ntstatus.h>

#include "base/check.h"
#include "except/except_internal.h"
#include "stats/counters.h"

#define DEEPEST 8       /* exceptions inside handlers of exceptions */
#define REPEATS 100     /* at one place before the kernel is asked */
#define MOST_WAITS 2000 /* for the space, 1 ms each */
#define WAIT_NS 1000000ull

const struct except_memory *mm_except_memory;

struct dispatch {
    struct dispatch *outer;
    struct dispatch *self; /* a dead note is soon overwritten */
    unsigned depth;
    EXCEPTION_RECORD record;
    CONTEXT context;
};

static __thread struct dispatch *innermost;

/* ---- nesting ----------------------------------------------------------------------------------- */

static struct dispatch *enclosing(const struct dispatch *mine, uintptr_t sp)
{
    struct dispatch *outer = innermost;
    uintptr_t note = (uintptr_t)outer;

    if (!outer || (uintptr_t)mine >= sp || sp > note || outer->self != outer)
        return NULL;
    return outer;
}

/* How many exceptions are being handled on this stack, seen from a fault at `sp`. */
static unsigned depth_at(const struct dispatch *mine, uintptr_t sp)
{
    const struct dispatch *outer = enclosing(mine, sp);
    return outer ? outer->depth + 1 : 0;
}

static void enter(struct dispatch *d, uintptr_t sp)
{
    d->depth = depth_at(d, sp);
    d->outer = enclosing(d, sp);
    d->self = d;
    innermost = d;
}

static void leave(struct dispatch *d)
{
    innermost = d->outer;
    d->self = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static LONG ask_filter_of(struct dispatch *d, uintptr_t sp);

static LONG ask(struct dispatch *d)
{
    EXCEPTION_POINTERS pointers = {&d->record, &d->context};

    if (mm_except_ask_handlers(false, &pointers) == EXCEPTION_CONTINUE_EXECUTION)
        return EXCEPTION_CONTINUE_EXECUTION;
    LONG answer = mm_except_ask_filter(&pointers);
    if (answer == EXCEPTION_CONTINUE_EXECUTION &&
        d->record.ExceptionFlags & EXCEPTION_NONCONTINUABLE)
        return ask_filter_of(d, (uintptr_t)__builtin_frame_address(0));
    return answer;
}

/* A filter that wants to go on where that cannot be causes an exception of its own. */
static __attribute__((noinline)) LONG ask_filter_of(struct dispatch *d, uintptr_t sp)
{
    struct dispatch inner;

    enter(&inner, sp);
    inner.context = d->context;
    inner.record = (EXCEPTION_RECORD){
        .ExceptionCode = (DWORD)STATUS_NONCONTINUABLE_EXCEPTION,
        .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
        .ExceptionRecord = &d->record,
        .ExceptionAddress = d->record.ExceptionAddress,
    };
    LONG answer = inner.depth < DEEPEST ? ask(&inner) : EXCEPTION_CONTINUE_SEARCH;
    leave(&inner);
    if (answer == EXCEPTION_CONTINUE_EXECUTION)
        d->context = inner.context;
    return answer;
}

static LONG ask_everyone(struct dispatch *d)
{
    LONG answer = ask(d);

    if (answer == EXCEPTION_CONTINUE_EXECUTION) {
        EXCEPTION_POINTERS pointers = {&d->record, &d->context};
        (void)mm_except_ask_handlers(true, &pointers); /* they may look, not decide */
    }
    return answer;
}

/* ---- faults ------------------------------------------------------------------------------------ */

static __attribute__((noinline)) void fill_context(const struct os_fault *f, struct dispatch *d)
{
    struct os_registers registers;

    mm_os_fault_registers(f, &registers);
    mm_except_context(&registers, &d->context);
    mm_except_adjust(d->record.ExceptionCode, &d->context);
}

static __attribute__((noinline)) void use_context(struct os_fault *f, const CONTEXT *context)
{
    struct os_registers registers;

    mm_os_fault_registers(f, &registers);
    mm_except_registers(context, &registers);
    mm_os_fault_resume(f, &registers);
}

/* Whether the thread goes on, or ends quietly as the filter wishes: nothing is left to do. */
static __attribute__((noinline)) bool handled(struct os_fault *f, bool guard)
{
    struct dispatch d;

    mm_except_record(f, guard, &d.record);
    fill_context(f, &d);
    enter(&d, f->sp);
    LONG answer = ask_everyone(&d);
    leave(&d);
    if (answer == EXCEPTION_CONTINUE_EXECUTION)
        use_context(f, &d.context);
    else if (answer == EXCEPTION_EXECUTE_HANDLER)
        mm_os_fault_default(f);
    return answer != EXCEPTION_CONTINUE_SEARCH;
}

bool mm_except_is_ours(uintptr_t address)
{
    return mm_except_memory->is_ours && mm_except_memory->is_ours((void *)address);
}

/* Somebody else holds the space for a moment; but the holder may be this thread, crashed. */
static NTSTATUS take_guard(const struct os_fault *f)
{
    NTSTATUS status = STATUS_ACCESS_VIOLATION;

    if (f->cause != OS_FAULT_ACCESS || !mm_except_memory->take_guard)
        return status;
    for (int waits = 0; waits < MOST_WAITS; waits++) {
        status = mm_except_memory->take_guard((void *)f->address, f->access);
        if (status != STATUS_LOCK_NOT_GRANTED)
            break;
        mm_os_sleep(WAIT_NS);
    }
    return status;
}

static __attribute__((noinline)) bool kernel_allows(const struct os_fault *f)
{
    struct os_mapping m;
    return !mm_os_mapping_at(f->address, &m) && m.start <= f->address && m.access & f->access;
}

/*
 * Whether to try again what is said to be allowed by now: two threads touch one guard page, or one
 * that a third is committing, and the slower finds nothing wrong.  If it goes on so at one place,
 * the kernel is asked too, since the program may have gone behind our back.
 */
static bool try_again(const struct os_fault *f)
{
    static __thread struct {
        uintptr_t ip;
        uintptr_t address;
        unsigned count;
    } last;

    if (last.ip != f->ip || last.address != f->address)
        last.count = 0;
    last.ip = f->ip;
    last.address = f->address;
    return ++last.count % REPEATS != 0 || kernel_allows(f);
}

/* A fault of the program's own. */
static void on_real_fault(struct os_fault *f)
{
    unsigned depth = depth_at(__builtin_frame_address(0), f->sp);
    NTSTATUS status = take_guard(f);
    bool guard = status == STATUS_GUARD_PAGE_VIOLATION;

    if (status == STATUS_SUCCESS && try_again(f))
        return;
    if (f->cause == OS_FAULT_PAGE_IO)
        mm_count(NTMM_READ_ERRORS, 1);
    if (depth < DEEPEST) {
        if (mm_except_anyone() && handled(f, guard))
            return;
        if (mm_os_fault_pass_on(f))
            return;
    }
    mm_except_report_fault(f, guard, depth);
    mm_os_fault_default(f);
}

static void on_fault(struct os_fault *f)
{
    if (f->cause > OS_FAULT_OTHER)
        on_real_fault(f);
    else if (!mm_os_fault_pass_on(f))
        mm_os_fault_default(f);
}

/* ---- raised exceptions -------------------------------------------------------------------------- */

static void raise_at(struct os_registers *registers, void *argument)
{
    struct dispatch d;

    d.record = *(const EXCEPTION_RECORD *)argument;
    d.record.ExceptionAddress = (void *)registers->ip;
    mm_except_context(registers, &d.context);
    enter(&d, (uintptr_t)registers);
    LONG answer = d.depth < DEEPEST ? ask_everyone(&d) : EXCEPTION_CONTINUE_SEARCH;
    if (answer == EXCEPTION_CONTINUE_SEARCH)
        mm_except_report_raised(&d.record, &d.context, d.depth);
    leave(&d);
    if (answer != EXCEPTION_CONTINUE_EXECUTION)
        mm_os_die(mm_except_signal(d.record.ExceptionCode));
    mm_except_registers(&d.context, registers);
}

void mm_except_raise(DWORD code, DWORD flags, DWORD count, const ULONG_PTR *arguments)
{
    EXCEPTION_RECORD record = {
        .ExceptionCode = code,
        .ExceptionFlags = flags & EXCEPTION_NONCONTINUABLE,
    };

    if (arguments)
        record.NumberParameters =
            count < EXCEPTION_MAXIMUM_PARAMETERS ? count : EXCEPTION_MAXIMUM_PARAMETERS;
    for (DWORD i = 0; i < record.NumberParameters; i++)
        record.ExceptionInformation[i] = arguments[i];
    mm_os_with_registers(raise_at, &record);
}

/* ---- failing fast -------------------------------------------------------------------------------- */

static void fail_at(struct os_registers *registers, void *argument)
{
    const struct except_failure *failure = argument;
    struct dispatch d;

    d.record = (EXCEPTION_RECORD){
        .ExceptionCode = failure->code,
        .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
        .ExceptionAddress = (void *)registers->ip,
    };
    mm_except_context(registers, &d.context);
    mm_except_report_failure(failure, &d.record, &d.context, depth_at(&d, (uintptr_t)registers));
    mm_os_die(mm_except_signal(failure->code));
}

void mm_except_fail_fast(const struct except_failure *failure)
{
    mm_os_with_registers(fail_at, (void *)failure);
    __builtin_unreachable();
}

/* ---- start -------------------------------------------------------------------------------------- */

void mm_except_init(const struct except_memory *memory)
{
    mm_except_memory = memory;
    mm_except_thread_start();
    if (mm_os_fault_catch(on_fault))
        mm_os_complain("ntmm: cannot take the signals of faults: exceptions reach no handler\n");
}

bool mm_except_program_action(int signal, const struct sigaction *action, struct sigaction *old)
{
    return mm_os_program_action(signal, action, old) == 0;
}
