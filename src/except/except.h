/*
 * except.h - faults become EXCEPTION_RECORDs and reach handlers.
 *
 * See README.md beside this file: the order of handlers, alternate stacks, the report.
 */
#ifndef NTMM_EXCEPT_EXCEPT_H
#define NTMM_EXCEPT_EXCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>
#include <winnt.h>

#define EXCEPT_PLACES 16

/* A block of the heap and who made it; stacks are return addresses, the innermost first. */
struct except_block {
    uintptr_t address;
    size_t size; /* bytes */
    bool freed;
    unsigned allocated_count;
    unsigned freed_count;
    uintptr_t allocated_by[EXCEPT_PLACES];
    uintptr_t freed_by[EXCEPT_PLACES];
};

/*
 * What the memory side knows, asked through here so that this module need not know it.  Set by
 * process/; any of them may be NULL.  All are called in signal handlers, by a thread that may have
 * crashed anywhere.
 */
struct except_memory {
    /* VirtualQuery that does not wait: mm_vm_try_query. */
    NTSTATUS (*query)(const void *address, MEMORY_BASIC_INFORMATION *ret_info);

    /* Was it a guard page, is it allowed by now, is the space busy: mm_vm_take_guard. */
    NTSTATUS (*take_guard)(const void *address, int access);

    /*
     * Whether the address lies in address space that we hand out: mm_vm_touches.  It may wait:
     * asked only right after `query` or `take_guard` found the space not busy.
     */
    bool (*is_ours)(const void *address);

    /*
     * The heap's block whose pages an address lies in, in use or freed, where the heap keeps track
     * of such.  It may wait a moment.
     */
    bool (*block_at)(const void *address, struct except_block *ret_block);

    /* Why a page that is ours cannot be had: STATUS_DISK_FULL ...; STATUS_SUCCESS: not known. */
    NTSTATUS (*page_error)(const void *address, bool write);
};

/*
 * Take SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP, keeping whoever had them, and give the calling
 * thread an alternate stack.
 *
 * => once, single-threaded; `memory` stays valid; ten system calls, of which five take the signals
 */
void mm_except_init(const struct except_memory *memory);

/* What mm_except_thread_start is made of: has this thread called it; its first call. */
extern __thread bool mm_except_thread_started;
void mm_except_thread_first(void);

/*
 * Give the calling thread an alternate stack if it has none, so that it can report and handle the
 * overflow of its own.  For preload's pthread_create, first thing in the new thread, and for the
 * first call of a thread into the API.
 *
 * => a thread-local load when done before; five system calls the first time
 * => nothing to undo: stacks of ended threads are found and used again
 */
static inline void mm_except_thread_start(void)
{
    if (!mm_except_thread_started)
        mm_except_thread_first();
}

/*
 * AddVectoredExceptionHandler (and, with `continues`, AddVectoredContinueHandler).
 *
 * => any thread, handlers included; NULL when there is no memory
 */
void *mm_except_add_handler(bool first, PVECTORED_EXCEPTION_HANDLER handler, bool continues);

/* Take a handler off; false when it is not on that list.  It may be running at this moment. */
bool mm_except_remove_handler(void *handle, bool continues);

/* SetUnhandledExceptionFilter: the one before. */
LPTOP_LEVEL_EXCEPTION_FILTER mm_except_set_filter(LPTOP_LEVEL_EXCEPTION_FILTER filter);

/* UnhandledExceptionFilter: what the filter says, EXCEPTION_CONTINUE_SEARCH without one. */
LONG mm_except_ask_filter(EXCEPTION_POINTERS *pointers);

/*
 * RaiseException.
 *
 * => returns when a handler says EXCEPTION_CONTINUE_EXECUTION; ends the process when none does
 */
void mm_except_raise(DWORD code, DWORD flags, DWORD count, const ULONG_PTR *arguments);

/* Why a process cannot go on. */
struct except_failure {
    DWORD code;          /* STATUS_HEAP_CORRUPTION ... */
    const char *call;    /* which call found out */
    const char *what;    /* what is wrong, in words */
    const void *address; /* what the call was given */
};

/*
 * End the process with a report, as Windows' fail-fast does: no handler, no filter and no signal
 * handler of the program is asked, since each might use what is broken.
 *
 * => any thread, any lock; once mm_except_init was called
 */
void mm_except_fail_fast(const struct except_failure *failure) __attribute__((noreturn));

/*
 * The return addresses of the calling thread's callers, this function's own included, the innermost
 * first.  By unwind tables, of which it remembers what each place said: some 10 ns a frame.
 *
 * => any thread, async-signal-safe; allocates nothing
 * => how many; it stops early where a frame is unusual
 */
unsigned mm_except_callers(uintptr_t *ret_places, unsigned capacity);

/* Write a stack to standard error under a title, as the report has it: a few lines. */
void mm_except_complain_stack(const char *title, const uintptr_t *places, unsigned count);

/*
 * For preload/, which stands in front of sigaction and signal: the program's own action for one of
 * our signals is kept here, and called when no handler of ours took the exception.
 *
 * => false: the signal is none of ours, and the kernel is to be asked
 * => action and old may be NULL, as with sigaction(2)
 */
struct sigaction;
bool mm_except_program_action(int signal, const struct sigaction *action, struct sigaction *old);

#endif
