/*
 * handlers.c - who is asked: the vectored lists and the unhandled filter.
 *
 * Two lists, for exceptions and for continuing.  They are walked in signal handlers without a lock
 * and changed by any thread, handlers included, under a lock that blocks signals.
 *
 * I1  a node that was unlinked keeps its `next`, so that a walk that stands on it goes on
 * I2  an unlinked node is used again only when no walk was under way after it was unlinked
 * I3  a walk counts itself in `walks` before it reads the head of the list
 *
 * A handler that leaves by longjmp never ends its walk, and no node is used again from then on:
 * 40 bytes a removed handler, and nothing else.
 */
#include "base/page.h"
#include "except/except_internal.h"

struct handler {
    _Atomic(struct handler *) next;
    struct handler *next_spare;           /* (l) among the retired or the free */
    PVECTORED_EXCEPTION_HANDLER function; /* (l) constant while linked */
    atomic_bool removed;                  /* no walk calls it any more */
};

struct list {
    _Atomic(struct handler *) first;
};

#define AT_START 32

static struct os_signal_lock lock; /* the fields marked (l) */
static struct list lists[2];       /* (l) to write: [0] exceptions, [1] continuing */
static atomic_uint walks;
static struct handler *spare;   /* (l) never linked since walks were none */
static struct handler *retired; /* (l) a walk may stand on one */
static struct handler first_nodes[AT_START];
static size_t first_nodes_used; /* (l) */
static _Atomic(LPTOP_LEVEL_EXCEPTION_FILTER) filter;

/* ---- nodes -------------------------------------------------------------------------------------- */

static void add_page_of_nodes(void)
{
    struct handler *nodes = mm_os_own_memory(PAGE_BYTES);
    if (!nodes)
        return;

    for (size_t i = 0; i < PAGE_BYTES / sizeof *nodes; i++) {
        nodes[i].next_spare = spare;
        spare = &nodes[i];
    }
}

static struct handler *take_node(void)
{
    if (first_nodes_used < AT_START)
        return &first_nodes[first_nodes_used++];
    if (!spare && atomic_load(&walks) == 0) {
        spare = retired;
        retired = NULL;
    }
    if (!spare)
        add_page_of_nodes();
    struct handler *h = spare;
    if (h)
        spare = h->next_spare;
    return h;
}

/* ---- lists -------------------------------------------------------------------------------------- */

static void link_last(struct list *list, struct handler *h)
{
    _Atomic(struct handler *) *at = &list->first;

    for (struct handler *o = atomic_load(at); o; o = atomic_load(at))
        at = &o->next;
    atomic_store(&h->next, NULL);
    atomic_store(at, h);
}

static void link_first(struct list *list, struct handler *h)
{
    atomic_store(&h->next, atomic_load(&list->first));
    atomic_store(&list->first, h);
}

void *mm_except_add_handler(bool first, PVECTORED_EXCEPTION_HANDLER handler, bool continues)
{
    uint64_t before = mm_os_signal_lock(&lock);
    struct handler *h = take_node();

    if (h) {
        h->function = handler;
        atomic_store(&h->removed, false);
        if (first)
            link_first(&lists[continues], h);
        else
            link_last(&lists[continues], h);
    }
    mm_os_signal_unlock(&lock, before);
    mm_except_thread_start(); /* who handles exceptions will want to handle an overflown stack */
    return h;
}

static bool unlink_handler(struct list *list, const void *handle)
{
    _Atomic(struct handler *) *at = &list->first;

    for (struct handler *h = atomic_load(at); h; h = atomic_load(at)) {
        if (h == handle) {
            atomic_store(at, atomic_load(&h->next)); /* its own next stays: I1 */
            atomic_store(&h->removed, true);
            h->next_spare = retired;
            retired = h;
            return true;
        }
        at = &h->next;
    }
    return false;
}

bool mm_except_remove_handler(void *handle, bool continues)
{
    uint64_t before = mm_os_signal_lock(&lock);
    bool found = unlink_handler(&lists[continues], handle);

    mm_os_signal_unlock(&lock, before);
    return found;
}

/* ---- asking ------------------------------------------------------------------------------------- */

bool mm_except_anyone(void)
{
    return atomic_load(&lists[false].first) || atomic_load(&filter);
}

LONG mm_except_ask_handlers(bool continues, EXCEPTION_POINTERS *pointers)
{
    LONG answer = EXCEPTION_CONTINUE_SEARCH;

    atomic_fetch_add(&walks, 1);
    struct handler *h = atomic_load(&lists[continues].first);
    for (; h && answer != EXCEPTION_CONTINUE_EXECUTION; h = atomic_load(&h->next)) {
        if (!atomic_load(&h->removed))
            answer = h->function(pointers);
    }
    atomic_fetch_sub(&walks, 1);
    return answer == EXCEPTION_CONTINUE_EXECUTION ? answer : EXCEPTION_CONTINUE_SEARCH;
}

LPTOP_LEVEL_EXCEPTION_FILTER mm_except_set_filter(LPTOP_LEVEL_EXCEPTION_FILTER new_filter)
{
    return atomic_exchange(&filter, new_filter);
}

LONG mm_except_ask_filter(EXCEPTION_POINTERS *pointers)
{
    LPTOP_LEVEL_EXCEPTION_FILTER f = atomic_load(&filter);
    return f ? f(pointers) : EXCEPTION_CONTINUE_SEARCH;
}
