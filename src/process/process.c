/*
 * process.c - start-up: counters, the backing of memory, the space, the heaps, then exceptions.
 *
 * Whoever comes first starts the library: the loader's constructor, or a malloc that ld.so makes
 * before any constructor.  A thread that comes while another is at it waits; the starting thread
 * itself never comes back here, since nothing it calls allocates.
 */
#include "process/process.h"

#include <stddef.h>

#include <ntstatus.h>

#include "base/page.h"
#include "except/except.h"
#include "global/global.h"
#include "heap/heap.h"
#include "heap/pageheap.h"
#include "lookaside/lookaside.h"
#include "os/os.h"
#include "pager/pager.h"
#include "process/config.h"
#include "stats/counters.h"
#include "vm/backing.h"
#include "vm/vm.h"

enum { NOT_STARTED, STARTING, STARTED };

static atomic_uint state;

/* RAM + page file: of the budget where there is one, else of the machine or its cgroup. */
static size_t commit_limit(const struct config *c)
{
    if (c->commit_limit)
        return c->commit_limit / PAGE_BYTES;
    if (c->ram)
        return (c->ram + c->page_file) / PAGE_BYTES;
    return mm_os_machine_size() / PAGE_BYTES;
}

static const struct backing *choose_backing(const struct config *c)
{
    const struct backing *backing = &mm_backing_kernel;
    struct pager_options options = {
        .ram = c->ram,
        .page_file = c->page_file,
        .unpaged = c->unpaged,
        .start_writing = c->start_writing,
        .cache_counts = c->cache_counts,
    };

    if (!c->ram || !c->page_file || c->no_engine)
        return backing;
    for (size_t i = 0; i < sizeof options.folder; i++)
        options.folder[i] = c->folder[i];
    if (mm_pager_start(&options, &backing)) {
        mm_os_complain("ntmm: no page file can be made in ");
        mm_os_complain(c->folder);
        mm_os_complain("; `ntmm doctor` says why and which folder can hold one\n");
        mm_os_exit(125);
    }
    return backing;
}

/* ---- what exceptions ask about memory ------------------------------------------------------------ */

static bool is_ours(const void *address)
{
    return mm_vm_touches(address, 1);
}

static NTSTATUS page_error(const void *address, bool write)
{
    unsigned char cached;
    const void *page = (const void *)align_down((uintptr_t)address, PAGE_BYTES);

    /* A page that is here and cannot be written to has no space; any other could not be read. */
    if (write && mm_os_in_core(page, PAGE_BYTES, &cached) == 0 && cached & 1)
        return STATUS_DISK_FULL;
    return STATUS_IO_DEVICE_ERROR;
}

static bool block_at(const void *address, struct except_block *ret_block)
{
    static struct page_heap_story story; /* asked by the one thread that reports */

    if (!mm_page_heap_story_at(address, &story))
        return false;
    ret_block->address = story.address;
    ret_block->size = story.size;
    ret_block->freed = story.freed;
    ret_block->allocated_count = story.allocated.count;
    ret_block->freed_count = story.released.count;
    for (unsigned i = 0; i < EXCEPT_PLACES; i++) {
        ret_block->allocated_by[i] = story.allocated.places[i];
        ret_block->freed_by[i] = story.released.places[i];
    }
    return true;
}
_Static_assert(EXCEPT_PLACES == PAGE_HEAP_PLACES, "stacks are copied whole");

static const struct except_memory memory_for_exceptions = {
    .query = mm_vm_try_query,
    .take_guard = mm_vm_take_guard,
    .is_ours = is_ours,
    .block_at = block_at,
    .page_error = page_error,
};

/* ---- what a heap finds out ---------------------------------------------------------------------- */

/* Memory that might be wrong is not used on: nobody of the program's is asked. */
static void stop_at_mistake(const struct heap_mistake *mistake)
{
    const struct except_failure failure = {
        .code = (DWORD)STATUS_HEAP_CORRUPTION,
        .call = mistake->call,
        .what = mistake->what,
        .address = mistake->address,
    };

    mm_except_fail_fast(&failure);
}

/* What keeps memory for later, or can move it together. */
static bool reclaim(size_t wanted)
{
    bool any = mm_lookaside_reclaim(wanted);
    return mm_global_reclaim(wanted) || any;
}

/* ---- the page heap -------------------------------------------------------------------------------- */

static void start_page_heap(const struct config *c)
{
    struct page_heap_options options = {
        .full_percent = c->page_heap_percent,
        .backwards = c->page_heap_backwards,
        .callers = mm_except_callers,
        .complain_stack = mm_except_complain_stack,
    };

    if (c->page_heap && !mm_page_heap_start(&options))
        mm_os_complain("ntmm: no address space for the page heap (ulimit -v?): going on without\n");
}

static void start(void)
{
    struct config config;

    mm_config_read(&config);
    mm_counters_open(config.board[0] ? config.board : NULL);
    mm_charge_set_limit(&mm_charge, commit_limit(&config));
    mm_charge.fail_at = (long)config.fail_commit;
    const struct backing *backing = choose_backing(&config);
    mm_counters_engine(mm_pager_is_on() ? backing->name : "none");
    mm_vm_init(backing);
    if (!mm_heap_start(config.hardened)) {
        mm_os_complain("ntmm: no address space for the heap; is there a limit (ulimit -v)?\n");
        mm_os_exit(125);
    }
    mm_heap_on_shortage(reclaim);
    (void)mm_os_at_thread_end(mm_lookaside_thread_ends); /* else the sweep finds what is left */
    start_page_heap(&config);
    mm_except_init(&memory_for_exceptions);
    mm_heap_on_mistake(stop_at_mistake);
}

void mm_process_start(void)
{
    unsigned expected = NOT_STARTED;

    if (atomic_load_explicit(&state, memory_order_acquire) == STARTED)
        return;
    if (atomic_compare_exchange_strong(&state, &expected, STARTING)) {
        start();
        atomic_store(&state, STARTED);
        mm_os_wake(&state, 1 << 20);
        return;
    }
    while (atomic_load(&state) == STARTING)
        (void)mm_os_wait(&state, STARTING, 0); /* woken or interrupted: look again */
}

__attribute__((constructor)) static void start_early(void)
{
    mm_process_start();
    if (!mm_process_watch_forks())
        mm_os_complain("ntmm: no memory for what is to be done around fork\n");
}

__attribute__((destructor)) static void end(void)
{
    if (mm_counters_are_public())
        mm_pager_count();
    mm_counters_end();
}
