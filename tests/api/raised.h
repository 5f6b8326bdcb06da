/*
 * raised.h - note the exception that a call raises, and leave the call.
 *
 * Windows raises a noncontinuable exception again when a handler goes on.  So the handler sends the
 * thread to a function that jumps out of the call; nothing unwinds.
 */
#ifndef NTMM_TESTS_API_RAISED_H
#define NTMM_TESTS_API_RAISED_H

#include <windows.h>

static struct {
    int count; /* since the call began */
    EXCEPTION_RECORD record;
    void *way_out[5];
} raised;

static void leave_the_call(void)
{
    __builtin_longjmp(raised.way_out, 1);
}

static LONG CALLBACK note_raised(EXCEPTION_POINTERS *pointers)
{
    CONTEXT *context = pointers->ContextRecord;

    raised.count++;
    raised.record = *pointers->ExceptionRecord;
#if defined(__x86_64__)
    context->Rip = (ULONG_PTR)leave_the_call;
    context->Rsp = (context->Rsp & ~(ULONG64)15) - 8; /* as after a call */
#else
    context->Pc = (ULONG_PTR)leave_the_call;
#endif
    return EXCEPTION_CONTINUE_EXECUTION;
}

/* What raises: an allocation, or with a block a resizing. */
struct raising {
    HANDLE heap;
    DWORD flags;
    BOOL resize;
    void *block;
    SIZE_T size;
};

/* The code that the call raises; 0: none. */
__attribute__((noinline, unused)) static DWORD raises(const struct raising *r)
{
    void *handler = AddVectoredExceptionHandler(1, note_raised);

    memset(&raised, 0, sizeof(raised));
    if (__builtin_setjmp(raised.way_out) == 0) {
        if (r->resize)
            HeapReAlloc(r->heap, r->flags, r->block, r->size);
        else
            HeapAlloc(r->heap, r->flags, r->size);
    }
    RemoveVectoredExceptionHandler(handler);
    return raised.record.ExceptionCode;
}

/* The call must raise `code` once, noncontinuable and without parameters. */
#define check_raises(code, ...)                                                       \
    do {                                                                              \
        struct raising raising_ = {__VA_ARGS__};                                      \
        DWORD code_ = raises(&raising_);                                              \
        check(raised.count == 1 && code_ == (DWORD)(code), "%d exceptions, code %#x", \
              raised.count, (unsigned)code_);                                         \
        check(raised.record.ExceptionFlags == EXCEPTION_NONCONTINUABLE &&             \
                  raised.record.NumberParameters == 0,                                \
              "flags %#x, %u parameters", (unsigned)raised.record.ExceptionFlags,     \
              (unsigned)raised.record.NumberParameters);                              \
    } while (0)

#endif
