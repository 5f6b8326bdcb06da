/*
 * os.h - Linux, as a contract: each primitive with its precondition, result and failure.
 *
 * This is the only layer with system calls.  They are made directly, never through libc's
 * wrappers, because the library may stand in front of those (preload/) and may run where errno
 * must not change (signal handlers, the fault path).  Every function returns 0 or a negative
 * errno unless it says otherwise, and is async-signal-safe unless it says otherwise.
 *
 * `os` speaks addresses, bytes, PROT_* and errno; it knows nothing of Windows.
 */
#ifndef NTMM_OS_H
#define NTMM_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Access bits, as PROT_READ, PROT_WRITE, PROT_EXEC. */
enum { OS_NONE = 0, OS_READ = 1, OS_WRITE = 2, OS_EXEC = 4 };

/* ---- address space (os_map.c) ------------------------------------------------------------ */

/*
 * Map `size` bytes of private zero pages that cost no commit until touched.
 *
 * => `where` NULL: anywhere.  Otherwise exactly there, and only if nothing is mapped there
 * => -ENOMEM, -EEXIST (something is there), -EINVAL
 */
int mm_os_map(void *where, size_t size, int access, void **ret_base);

/* Replace whatever is mapped in the range by private zero pages of that access: one call. */
int mm_os_map_over(void *where, size_t size, int access);

/*
 * Map part of a file shared, replacing whatever is mapped there.
 *
 * => the range belongs to the caller; file pages beyond its end raise SIGBUS
 */
int mm_os_map_file(void *where, size_t size, int access, int fd, uint64_t offset);

/* The same with copy-on-write pages: writes stay in this process. */
int mm_os_map_file_private(void *where, size_t size, int access, int fd, uint64_t offset);

int mm_os_unmap(void *where, size_t size);
int mm_os_protect(void *where, size_t size, int access);

/* Memory of our own, never paged, zeroed.  NULL when there is none. */
void *mm_os_own_memory(size_t size);

/*
 * Drop the page-table entries of the range.  Private pages become zero pages; pages of a shared
 * file mapping keep their contents in the page cache.
 */
int mm_os_discard(void *where, size_t size);

/* A run of pages. */
struct os_run {
    uintptr_t start;
    uintptr_t end;
};

/*
 * The same for several ranges of shared file mappings, with one call where the kernel can.
 *
 * => what fails stays mapped, and nobody is told
 */
void mm_os_discard_all(const struct os_run *runs, int count);

/*
 * Make pages of private memory inaccessible and drop what they hold, without splitting the mapping
 * (guard markers, Linux 6.13); and take the markers off, which leaves zero pages.
 *
 * => -EINVAL: this kernel or this mapping has no markers; then nothing changed
 */
int mm_os_guard(void *where, size_t size);
int mm_os_unguard(void *where, size_t size);

/* Ask the kernel to write the range's pages to its own swap now; contents stay. */
int mm_os_page_out(void *where, size_t size);

/*
 * Make the pages of a shared file mapping dirty without changing a byte, as a write would.
 *
 * => -EFAULT, -EIO ...: not all of them; no signal is raised (before Linux 5.14 one may be, where the
 *    kernel drops a page at that moment and cannot read it back)
 */
int mm_os_make_dirty(void *where, size_t size);

/* Tell the kernel not to read around a fault in this range. */
int mm_os_advise_random(void *where, size_t size);

/* Whether a child made by fork inherits the range. */
int mm_os_inherit(void *where, size_t size, bool inherit);

/* ---- what memory is doing (os_pagemap.c) --------------------------------------------------- */

/*
 * One byte a page: bit 0 set where the page of a file mapping is in the page cache.
 *
 * => address page-aligned; ret_in_core holds pages_of(size) bytes
 */
int mm_os_in_core(const void *where, size_t size, unsigned char *ret_in_core);

/*
 * Find the pages of files (of shared memory, too) in [start, end) that page tables map at this
 * moment.
 *
 * => writes at most `capacity` runs in address order, and stops soon after `most` pages are found
 *    (0: no limit)
 * => returns the number of runs, or -errno; *ret_stopped_at is where the scan ended (end, or
 *    earlier when the runs were used up)
 * => uses PAGEMAP_SCAN, or /proc/self/pagemap where the kernel lacks it
 */
int mm_os_scan_present(uintptr_t start, uintptr_t end, size_t most, struct os_run *runs,
                       int capacity, uintptr_t *ret_stopped_at);

/*
 * The same for private pages with contents: anonymous ones, and written copies of file pages, in RAM
 * or swapped out by the kernel.
 */
int mm_os_scan_private(uintptr_t start, uintptr_t end, struct os_run *runs, int capacity,
                       uintptr_t *ret_stopped_at);

/* What VirtualQuery says of memory that other code mapped. */
struct os_mapping {
    uintptr_t start;
    uintptr_t end;
    int access;     /* OS_READ ... */
    bool shared;    /* MAP_SHARED */
    bool file;      /* has an inode */
    uint64_t inode; /* with device: which file, as the kernel's list names it */
    uint64_t device;
    uint64_t offset; /* of start in the file */
    char name[128];  /* path or [stack], [heap] ...; cut when longer */
};

/*
 * The mapping that holds `address`, or the next one above it.
 *
 * => -ENOENT when there is nothing at or above it
 */
int mm_os_mapping_at(uintptr_t address, struct os_mapping *ret_mapping);

/*
 * Whether every byte of the range can be written, or read, by this process at this moment
 * (os_probe.c).  Nothing is changed and nothing faults, whatever the address is; a system call a
 * page.
 */
bool mm_os_can_write(const void *where, size_t size);
bool mm_os_can_read(const void *where, size_t size);

/* ---- files (os_file.c) --------------------------------------------------------------------- */

/*
 * Make a nameless file, 0600, in `folder`, `size` bytes long and sparse; ret_fd is its number.
 * Reading through it brings into RAM what was asked for and no more: no read-ahead of the kernel's.
 */
int mm_os_nameless_file(const char *folder, uint64_t size, int *ret_fd);

/*
 * Open the same file once more: another open file description, with its own record of which errors of
 * writing it was told.
 *
 * => -errno where /proc is not mounted, or the file may not be opened (another user by now)
 */
int mm_os_reopen(int fd, int *ret_fd);

/* A pipe that children made by exec do not get. */
int mm_os_pipe(int ret_ends[2]);

int mm_os_open(const char *path, int flags, int mode);
int mm_os_close(int fd);

/*
 * Map a whole existing file shared, for reading and writing, and close it again.
 *
 * => no symbolic link; -EACCES: not this user's; -EINVAL: no regular file of exactly `size` bytes
 */
int mm_os_map_own_file(const char *path, size_t size, void **ret_base);

/* Whole transfers: short counts are continued; -EIO when nothing more comes. */
int mm_os_read_all(int fd, void *buffer, size_t size, uint64_t offset);
int mm_os_write_all(int fd, const void *buffer, size_t size, uint64_t offset);

/* One read from the current position: bytes or -errno. */
ssize_t mm_os_read(int fd, void *buffer, size_t size);
ssize_t mm_os_write(int fd, const void *buffer, size_t size);

/* Read a small file as text, NUL-terminated: bytes or -errno. */
ssize_t mm_os_read_text(const char *path, char *buffer, size_t capacity);

/* Promise disk space for the range.  -ENOSPC: nothing more to promise, what was there stays. */
int mm_os_promise(int fd, uint64_t offset, uint64_t size);

/* Give the disk space of a range back; it reads as zero, mapped pages of it too. */
int mm_os_punch(int fd, uint64_t offset, uint64_t size);

/* Make a range read as zero and keep its disk space. */
int mm_os_zero_file(int fd, uint64_t offset, uint64_t size);

/* Ask for `size` > 0 bytes to be read into the page cache; returns once reads are under way. */
int mm_os_read_ahead(int fd, uint64_t offset, size_t size);

/* Drop pages from the page cache.  Pages mapped, dirty, busy or pinned stay. */
int mm_os_drop(int fd, uint64_t offset, uint64_t size);

/* Bytes that an ordinary user may still put on the file system that holds the file. */
int mm_os_free_space(int fd, uint64_t *ret_bytes);

/*
 * Start writing dirty pages out; wait for those under way; write what is dirty and wait for all; the
 * same of a mapping.
 *
 * => those that wait tell errors of writing: any that befell any page of the file since this open
 *    file description was last told
 */
int mm_os_start_writing(int fd, uint64_t offset, uint64_t size);
int mm_os_await_writing(int fd, uint64_t offset, uint64_t size);
int mm_os_write_out(int fd, uint64_t offset, uint64_t size);
int mm_os_write_mapping(void *where, size_t size);

/* Such an error, if there is one to be told; waits for nothing. */
int mm_os_error_of_writing(int fd);

/* Copy bytes between files at the same offset. */
int mm_os_copy_file(int from, int to, uint64_t offset, uint64_t size);

/* The next stretch of a sparse file that holds data at or after `offset`; -ENXIO: none. */
int mm_os_next_data(int fd, uint64_t offset, uint64_t *ret_start, uint64_t *ret_end);

/* Cached, dirty and under-write pages of a range of a file; -ENOSYS, or 0 pages where it lies. */
struct os_cache {
    uint64_t cached;
    uint64_t dirty;
    uint64_t writing;
};
int mm_os_cache_of(int fd, uint64_t offset, uint64_t size, struct os_cache *ret_cache);

/* ---- threads, locks, time (os_lock.c, os_thread.c, os_clone.c or os_tsan.c) ------------------ */

/*
 * Whether this is a build that ThreadSanitizer watches: its shadow takes several times the memory
 * that is watched, and it watches the highest 1.5 TiB of the address space alone.
 */
bool mm_os_is_watched(void);

/* A lock of one word; sleeps in the kernel, never spins for long, not recursive. */
struct os_lock {
    atomic_uint word; /* 0 free, 1 held, 2 held and waited for */
};

void mm_os_lock(struct os_lock *lock);
bool mm_os_try_lock(struct os_lock *lock);
void mm_os_unlock(struct os_lock *lock);

/* Sleep while *word == expected, at most `nanoseconds` (0: no limit).  0, -EAGAIN, -ETIMEDOUT. */
int mm_os_wait(atomic_uint *word, unsigned expected, uint64_t nanoseconds);
void mm_os_wake(atomic_uint *word, int count);

/*
 * A full memory barrier on every processor that runs a thread of this process, the caller's included.
 *
 * => microseconds; a thread that does not run now has its barrier when it runs next
 */
void mm_os_barrier_everywhere(void);

uint64_t mm_os_now(void);        /* monotonic nanoseconds */
uint64_t mm_os_thread_cpu(void); /* CPU nanoseconds of the calling thread */
void mm_os_sleep(uint64_t nanoseconds);

/*
 * An alarm on the CPU clock of the process, all threads together, for the calling thread, which has
 * the signal blocked.  It goes off with a tick of the kernel, so up to 10 ms late; not inherited.
 *
 * => its number, or -errno
 */
int mm_os_alarm_make(int signal);

/* Sleep until the process has used `cpu` nanoseconds more: true; or at most `longest`: false. */
bool mm_os_alarm_sleep(int alarm, int signal, uint64_t cpu, uint64_t longest);
pid_t mm_os_pid(void);
pid_t mm_os_tid(void);

/* Whether there is a process of that number, anybody's. */
bool mm_os_process_exists(uint32_t number);

/*
 * Ask for short turns on the CPU for the calling thread: who asks for little gets it soon after
 * waking, also on a machine whose CPUs are all busy.  It needs no right; kernels before 6.12 take no
 * notice.
 */
void mm_os_take_short_turns(void);

/*
 * Start a thread of our own with all signals blocked, on a stack of our own memory.  libc does not
 * know it: it may call this layer and pure code only.
 *
 * => any lock may be held; nothing is allocated; at most 16 at a time (-EAGAIN)
 */
int mm_os_thread_start(void (*run)(void *), void *argument, const char *name);

/*
 * Call `run` on a stack that is not the caller's, nor anybody's memory, and wait for its end.  The
 * caller sleeps in the kernel and its stack does not change meanwhile.
 *
 * => one caller at a time; signals wait; `run` may call what a thread of our own may
 * => -errno if it could not be started
 */
int mm_os_run_apart(void (*run)(void *), void *argument);

bool mm_os_thread_is_ours(pid_t tid);

/*
 * Have functions called at the end of every thread of the program that asked for it, the last one told
 * first; in that thread, which may come back to what they undid, and then they are called again.
 *
 * => mm_os_at_thread_end: single-threaded, before the other; -EAGAIN: libc has no key left, or there
 *    are too many functions (4)
 * => both call libc's pthreads and are not async-signal-safe
 */
int mm_os_at_thread_end(void (*run)(void));
void mm_os_watch_thread_end(void);

/*
 * Have functions called around every fork that libc makes: `before` in the reverse order of these
 * calls, the others in their order.
 *
 * => -ENOMEM; calls libc's pthreads, not async-signal-safe
 */
int mm_os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* In a forked child: the threads of the parent are not here. */
void mm_os_threads_gone(void);

/* The ids of all threads of this process: how many were written, or -errno. */
int mm_os_tasks(pid_t *tids, int capacity);

/* R running, D waiting for a disk, S sleeping ...; 0: no such thread. */
char mm_os_task_state(pid_t tid);

int mm_os_task_signal(pid_t tid, int signal);

/* `info` is a siginfo_t, `context` a ucontext_t. */
typedef void os_signal_handler(int signal, void *info, void *context);

/*
 * Install a handler that restarts system calls and runs with every signal blocked, and unblock the
 * signal for the calling thread and those it will make.
 */
int mm_os_pause_handler(int signal, os_signal_handler *handler);

/*
 * Asked in such a handler: whether it interrupted a system call that is not restarted (poll, sleep)
 * and no other signal did or is about to, so that EINTR will be its work alone.
 */
bool mm_os_cut_short(const void *context);

/* ---- the process and the machine (os_process.c) --------------------------------------------- */

/*
 * Call `found` for each environment variable whose name begins with `prefix`; names of 64 bytes and
 * more are left out.  As the process was started with, and then of a variable of over 511 bytes,
 * name and all, only so much, where libc has not set the environment up yet.
 */
typedef void os_variable_fn(void *context, const char *name, const char *value);
void mm_os_environment(const char *prefix, os_variable_fn *found, void *context);

struct os_faults {
    uint64_t major;
    uint64_t minor;
    uint64_t peak_resident; /* bytes */
};
void mm_os_faults(struct os_faults *ret_faults);

/*
 * The kernel's feed of hard faults made by code of this process (os_perf.c).
 *
 * => open: 0, or -EACCES, -EPERM, -ENOSYS ... where it is denied, -E2BIG with too many threads
 * => read: the addresses of faults since the last read, at most `capacity`; some may have been lost
 */
int mm_os_faults_feed_open(void);
int mm_os_faults_feed_read(uintptr_t *addresses, int capacity);
void mm_os_faults_feed_forget(void); /* in a forked child */

/*
 * Resident pages of this process: all, and those that are files or shared (statm).
 *
 * => -ENOTSUP where ThreadSanitizer's shadow would be counted with the rest
 */
int mm_os_resident(uint64_t *ret_all, uint64_t *ret_shared);

struct os_machine {
    uint64_t memory;     /* bytes of RAM, or the cgroup's limit when that is lower */
    uint64_t available;  /* bytes */
    uint64_t swap;       /* bytes */
    uint64_t swap_free;  /* bytes */
    unsigned processors; /* online */
};
void mm_os_machine(struct os_machine *ret_machine);

/* `memory` and `swap` of that together, for a fraction of the time; 0: cannot be seen. */
uint64_t mm_os_machine_size(void);

/* What the machine holds besides; 0 for what cannot be seen (os_census.c). */
struct os_census {
    uint64_t cached;        /* bytes of the page cache */
    uint64_t reclaimable;   /* bytes of kernel memory that can be had back */
    uint64_t unreclaimable; /* bytes of kernel memory that cannot */
    unsigned processes;
    unsigned threads;
    unsigned files; /* open files */
};
void mm_os_census(struct os_census *ret_census);

/*
 * The memory cgroup's limit and usage (NULL: not wanted) in bytes; -ENOENT where there is none with
 * a limit.
 */
int mm_os_cgroup(uint64_t *ret_limit, uint64_t *ret_usage);

void mm_os_exit(int status) __attribute__((noreturn));

/* End as abort() does, without libc: SIGABRT, whatever the program has made of it. */
void mm_os_abort(void) __attribute__((noreturn));

/* A number that nobody can guess. */
uint64_t mm_os_random(void);

/* Whether a debugger is attached to this process. */
bool mm_os_is_traced(void);

/* The processor's family, and its model in the high byte with its stepping in the low. */
void mm_os_processor(uint16_t *ret_family, uint16_t *ret_revision);

/* ---- faults (os_fault.c, os_action.c, os_fault_<machine>.c) ---------------------------------- */

/* Why a thread was stopped. */
enum os_fault_cause {
    OS_FAULT_SENT,        /* no fault: kill, tgkill, sigqueue, a timer */
    OS_FAULT_OTHER,       /* no fault of the program's: tracing, perf, what is unknown */
    OS_FAULT_ACCESS,      /* `access` to `address` is not allowed there */
    OS_FAULT_GENERAL,     /* an address no page can have, or an instruction of the kernel's */
    OS_FAULT_PAGE_IO,     /* the contents of the page at `address` cannot be had */
    OS_FAULT_PAGE_BROKEN, /* the RAM at `address` is broken */
    OS_FAULT_MISALIGNED,
    OS_FAULT_DIVIDE,   /* integer division by zero or out of range */
    OS_FAULT_OVERFLOW, /* integer */
    OS_FAULT_BOUNDS,
    OS_FAULT_FLOAT_DIVIDE,
    OS_FAULT_FLOAT_OVERFLOW,
    OS_FAULT_FLOAT_UNDERFLOW,
    OS_FAULT_FLOAT_INEXACT,
    OS_FAULT_FLOAT_INVALID,
    OS_FAULT_INSTRUCTION, /* unknown to the processor */
    OS_FAULT_PRIVILEGED,  /* an instruction of the kernel's */
    OS_FAULT_BREAKPOINT,
    OS_FAULT_STEP,
};

/* A thread stopped by a signal of ours; lives as long as the handler that is given it. */
struct os_fault {
    int signal;
    enum os_fault_cause cause;
    uintptr_t address; /* of the memory accessed, where the cause has one */
    int access;        /* OS_READ, OS_WRITE or OS_EXEC */
    uintptr_t ip;      /* the instruction */
    uintptr_t sp;
    void *info;    /* siginfo_t, for those who come after */
    void *context; /* ucontext_t */
};

/*
 * All registers of a thread, by their numbers: x86-64 rax rcx rdx rbx rsp rbp rsi rdi r8-r15,
 * aarch64 x0-x30 and sp.  Assembly knows the offsets.
 */
struct os_registers {
    _Alignas(16) unsigned char vectors[512]; /* what fxsave stores; v0-v31 */
    uint64_t integer[32];
    uint64_t ip;
    uint64_t flags;         /* rflags; pstate */
    uint32_t float_control; /* mxcsr; fpcr */
    uint32_t float_status;  /* fpsr */
    uint16_t segments[6];   /* cs ds es fs gs ss */
};

/*
 * From now on `handler` gets SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP of every thread, on the
 * thread's alternate stack if it has one, with no signal blocked.  Who had them is remembered.
 *
 * => once; five system calls
 */
int mm_os_fault_catch(void (*handler)(struct os_fault *fault));

void mm_os_fault_registers(const struct os_fault *fault, struct os_registers *ret_registers);

/* Have the thread go on with these registers once the handler returns. */
void mm_os_fault_resume(struct os_fault *fault, const struct os_registers *registers);

/*
 * Let the program's own handler have the signal, as if the kernel had called it.
 *
 * => false: it has none, and nothing was done; the default action is due.  May not return (longjmp)
 */
bool mm_os_fault_pass_on(struct os_fault *fault);

/* Let the default action happen, at the place of the fault, once the handler returns. */
void mm_os_fault_default(struct os_fault *fault);

/* End the process by the default action of `signal`. */
void mm_os_die(int signal) __attribute__((noreturn));

/*
 * The program's own action for a signal that mm_os_fault_catch took: sigaction(2) to the letter,
 * but the kernel's action stays ours.
 *
 * => -EINVAL: not one of those signals; action and old may be NULL
 */
struct sigaction;
int mm_os_program_action(int signal, const struct sigaction *action, struct sigaction *old);

/*
 * Capture the registers as they are when this call returns, let `run` change them, and go on with
 * what it left: this call returns, unless the registers say otherwise.
 */
void mm_os_with_registers(void (*run)(struct os_registers *registers, void *argument),
                          void *argument);

/*
 * Whether `ip` is where signal handlers return to; then the registers of the interrupted code,
 * without vectors, as the frame at `sp` has them.
 */
bool mm_os_signal_frame(uintptr_t ip, uintptr_t sp, struct os_registers *ret_registers);

/* Give the calling thread an alternate stack; -EEXIST when it has one. */
int mm_os_alternate_stack(void *base, size_t size);

/* Copy memory that may not be there: false when it is not, and nothing faults. */
bool mm_os_peek(void *to, const void *from, size_t size);

/* The same for what is nearly always there: no system call, and a signal of ours where it is not. */
bool mm_os_peek_fast(void *to, const void *from, size_t size);

/* A loaded program or library. */
struct os_module {
    uintptr_t bias;     /* add it to an address in the file's own terms */
    const void *unwind; /* .eh_frame_hdr, or NULL */
    char name[200];     /* path, cut when longer */
};

/* The module that an address lies in; false: none, or this libc cannot tell safely. */
bool mm_os_module_at(uintptr_t address, struct os_module *ret_module);

/*
 * The exported function or variable that an address lies in: its name, cut when longer, and how far
 * into it.  Programs export little, libraries their interface.
 */
bool mm_os_symbol_at(uintptr_t address, char *ret_name, size_t capacity, uintptr_t *ret_offset);

/*
 * Why the contents of a page of a mapped file cannot be had: -ENODATA (past the end of the file),
 * -ENOSPC (written, and the disk is full), -EIO (anything else), -ENOENT (no file there).
 */
int mm_os_page_error(uintptr_t address, bool write);

/*
 * A lock that signal handlers may take too: while it is held, every signal waits.  A forked child
 * finds it free, whoever held it.
 *
 * => for a few instructions only; returns what mm_os_signal_unlock needs
 */
struct os_signal_lock {
    atomic_int owner; /* process id; 0: free */
};
uint64_t mm_os_signal_lock(struct os_signal_lock *lock);
void mm_os_signal_unlock(struct os_signal_lock *lock, uint64_t before);

/* Wait until a write to `fd` would not block, or `milliseconds` have passed: false. */
bool mm_os_writable_soon(int fd, unsigned milliseconds);

/* ---- text for reports, without stdio (os_log.c) --------------------------------------------- */

/* A line being put together; never overflows, cuts instead. */
struct os_text {
    char *at;
    char *end;
};
void mm_os_text(struct os_text *t, const char *string);
void mm_os_text_number(struct os_text *t, uint64_t number);
void mm_os_text_hex(struct os_text *t, uint64_t number, int digits);

/* Write a string to standard error, whole. */
void mm_os_complain(const char *string);

#endif
