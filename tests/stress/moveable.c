/*
 * moveable.c - moveable objects under many threads, compared with a model.
 *
 * Each worker has objects of its own and knows their size, locks, attributes and contents.  All
 * workers lock, resize and discard a few objects together.  Another thread compacts all the time,
 * one discards as if memory were short, and one asks about whatever handles there are.
 *
 * usage: moveable [STEPS [SEED]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ntstatus.h>

#include "chance.h"
#include "global/global_internal.h"
#include "heap/heap.h"
#include "os/os.h"
#include "process/process.h"
#include "test.h"
#include "vm/vm.h"

#define WORKERS 3
#define OBJECTS 60
#define SHARED 8
#define SHARED_LEAST 16 /* bytes that a shared object has at least, and which tell it */

struct object {
    void *handle;
    char *address; /* of a fixed one, or while locked */
    size_t size;   /* 0: discarded */
    unsigned locks;
    ULONG attributes;
    unsigned char value; /* each byte is it, plus its place */
};

struct worker {
    pthread_t thread;
    uint64_t seed;
    struct object objects[OBJECTS];
};

static long steps = 20000;
static uint64_t first_seed;
static atomic_int working;
static void *shared[SHARED];

static bool going(void)
{
    return test_now.outcome == TEST_PASSED;
}

static bool is_fixed(const struct object *o)
{
    return !(o->attributes & MOVEABLE);
}

/* ---- contents ----------------------------------------------------------------------------------- */

static void fill(const struct object *o, char *p, size_t from)
{
    for (size_t i = from; i < o->size; i++)
        p[i] = (char)(o->value + i);
}

static void verify_bytes(const struct object *o, const char *p, size_t size)
{
    for (size_t i = 0; i < size && going(); i++)
        check(p[i] == (char)(o->value + i), "byte %zu of %zu", i, o->size);
}

/* By the address of a locked object, or through a lock of its own. */
static void touch(struct object *o, size_t good)
{
    void *p = NULL;
    unsigned left;
    if (!o->size || !going())
        return;
    NTSTATUS status = mm_global_lock(o->handle, &p);
    check(!status, "lock: %#x", (unsigned)status);
    if (status)
        return;
    check(!o->address || p == o->address, "a locked block moved");
    verify_bytes(o, p, good);
    fill(o, p, good);
    check(!mm_global_unlock(o->handle, &left), "unlock");
}

static void compare(struct object *o)
{
    size_t size = 0;
    ULONG flags = 0;
    void *handle = NULL;
    /* One that may be discarded by the reclaimer may be so by now. */
    check(!mm_global_flags(o->handle, &flags), "flags");
    check((flags & 0xFF) == o->locks, "%lu locks, not %u", (unsigned long)flags & 0xFF, o->locks);
    if (o->attributes & MOVEABLE_DISCARDABLE && flags & MOVEABLE_DISCARDED)
        o->size = 0;
    check(!mm_global_size(o->handle, &size), "size");
    bool may_go = o->attributes & MOVEABLE_DISCARDABLE && !o->locks && !size;
    check(size == o->size || may_go, "size %zu, not %zu", size, o->size);
    if (o->address && o->size)
        check(!mm_global_handle(o->address, &handle) && handle == o->handle, "handle");
}

/* ---- deeds of one worker --------------------------------------------------------------------------- */

static size_t some_size(uint64_t *seed)
{
    static const size_t most[] = {64, 1000, 1000, 5000, 5000, 70000, 400000};
    return 1 + chance(seed, most[chance(seed, 7)]);
}

static void allocate(struct worker *w, struct object *o)
{
    *o = (struct object){.size = chance(&w->seed, 8) ? some_size(&w->seed) : 0};
    o->attributes = chance(&w->seed, 6) ? MOVEABLE : MOVEABLE_LOCAL;
    if (o->attributes == MOVEABLE && !chance(&w->seed, 4))
        o->attributes |= MOVEABLE_DISCARDABLE;
    o->value = (unsigned char)chance(&w->seed, 256);
    check(!mm_global_allocate(o->attributes, o->size, &o->handle), "allocate");
    if (is_fixed(o))
        o->address = o->handle;
}

/* From here on it is not discarded under the worker's hands; false: it is discarded already. */
static bool hold(struct object *o)
{
    void *p = NULL;
    NTSTATUS status = mm_global_lock(o->handle, &p);
    check(!status || status == STATUS_DISCARDED, "lock: %#x", (unsigned)status);
    if (status)
        o->size = 0;
    return !status;
}

static void let_go(struct object *o)
{
    unsigned left;
    check(!mm_global_unlock(o->handle, &left), "unlock");
}

static void verify(struct object *o)
{
    if (!hold(o))
        return;
    touch(o, o->size);
    let_go(o);
}

/* Where the block of an object that is locked, or held, is now. */
static char *address_of(struct object *o)
{
    void *p = NULL;
    check(!mm_global_lock(o->handle, &p), "lock");
    let_go(o);
    return p;
}

static void lock(struct object *o)
{
    if (is_fixed(o) || !hold(o))
        return;
    char *p = address_of(o);
    check(!o->address || o->address == p, "a locked block moved");
    o->address = p;
    o->locks++;
}

static void unlock(struct object *o)
{
    unsigned left = 0;
    NTSTATUS status = mm_global_unlock(o->handle, &left);
    if (is_fixed(o)) {
        check(!status && left == NEVER_LOCKED, "%#x", (unsigned)status);
        return;
    }
    check(status == (o->locks ? STATUS_SUCCESS : STATUS_NOT_LOCKED), "%#x", (unsigned)status);
    if (!o->locks)
        return;
    o->locks--;
    check(left == o->locks, "%u left, not %u", left, o->locks);
    if (!o->locks)
        o->address = NULL;
}

/* Contents are kept up to `good` bytes; the rest is new. */
static void resized(struct object *o, size_t size, size_t good)
{
    o->size = size;
    if (!hold(o))
        return;
    o->address = o->locks || is_fixed(o) ? address_of(o) : NULL;
    touch(o, good);
    let_go(o);
}

static void resize(struct worker *w, struct object *o)
{
    size_t size = some_size(&w->seed);
    ULONG how = (chance(&w->seed, 2) ? MOVEABLE : 0) | (is_fixed(o) ? MOVEABLE_LOCAL : 0);
    size_t before = 0;
    void *result;

    (void)mm_global_size(o->handle, &before);
    NTSTATUS status = mm_global_resize(o->handle, size, how, &result);
    bool bound = (is_fixed(o) || o->locks) && !(how & MOVEABLE);
    check(!status || (status == STATUS_NO_MEMORY && bound), "resize: %#x", (unsigned)status);
    if (status)
        return;
    check(result == o->handle || is_fixed(o), "another handle");
    o->handle = result;
    /* One that is discardable may have been discarded just before. */
    bool unsure = o->attributes & MOVEABLE_DISCARDABLE && !o->locks;
    resized(o, size, unsure ? 0 : before < size ? before : size);
}

static void discard(struct object *o)
{
    void *result = NULL;
    if (is_fixed(o))
        return;
    NTSTATUS status = mm_global_resize(o->handle, 0, MOVEABLE, &result);
    check(status == (o->locks ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS), "discard: %#x",
          (unsigned)status);
    if (!status)
        o->size = 0;
}

static void release(struct worker *w, struct object *o)
{
    void *by = o->address && o->size && chance(&w->seed, 2) ? o->address : o->handle;
    check(!mm_global_free(by), "free");
    *o = (struct object){NULL};
}

/* ---- objects of all ------------------------------------------------------------------------------------ */

static bool is_told(const unsigned char *p, unsigned char value)
{
    for (int i = 0; i < SHARED_LEAST; i++)
        if (p[i] != value)
            return false;
    return true;
}

static void resize_shared(struct worker *w, int i)
{
    void *result;
    size_t size = SHARED_LEAST + some_size(&w->seed);
    NTSTATUS status = mm_global_resize(shared[i], size, 0, &result);
    check(!status || status == STATUS_NO_MEMORY, "%#x", (unsigned)status);
}

static void read_shared(int i)
{
    void *p = NULL;
    void *handle = NULL;
    unsigned left;
    size_t size = 0;
    check(!mm_global_lock(shared[i], &p), "lock");
    if (!p)
        return;
    check(is_told(p, (unsigned char)(i + 1)), "contents of %d", i);
    check(!mm_global_handle(p, &handle) && handle == shared[i], "handle of %d", i);
    check(!mm_global_unlock(shared[i], &left), "unlock");
    check(!mm_global_size(shared[i], &size) && size >= SHARED_LEAST, "size %zu", size);
}

static void use_shared(struct worker *w)
{
    int i = (int)chance(&w->seed, SHARED);
    if (chance(&w->seed, 6))
        read_shared(i);
    else
        resize_shared(w, i);
}

static void make_shared(void)
{
    void *p;
    unsigned left;
    for (int i = 0; i < SHARED; i++) {
        check(!mm_global_allocate(MOVEABLE, SHARED_LEAST + 100, &shared[i]), "allocate");
        check(!mm_global_lock(shared[i], &p), "lock");
        memset(p, i + 1, SHARED_LEAST);
        check(!mm_global_unlock(shared[i], &left), "unlock");
    }
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static void step(struct worker *w)
{
    struct object *o = &w->objects[chance(&w->seed, OBJECTS)];
    if (!chance(&w->seed, 4)) {
        use_shared(w);
        return;
    }
    if (!o->handle) {
        allocate(w, o);
        resized(o, o->size, 0);
        return;
    }
    switch (chance(&w->seed, 12)) {
    case 0: release(w, o); break;
    case 1: discard(o); break;
    case 2:
    case 3: resize(w, o); break;
    case 4:
    case 5: lock(o); break;
    case 6:
    case 7: unlock(o); break;
    case 8: compare(o); break;
    default: verify(o); break;
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (long i = 0; i < steps && going(); i++)
        step(w);
    for (int i = 0; i < OBJECTS && going(); i++)
        if (w->objects[i].handle) {
            compare(&w->objects[i]);
            verify(&w->objects[i]);
            release(w, &w->objects[i]);
        }
    working--;
    return NULL;
}

static void *compact(void *argument)
{
    while (working > 0) {
        (void)mm_global_compact();
        mm_os_sleep(200000);
    }
    return argument;
}

static void *reclaim(void *argument)
{
    while (working > 0) {
        (void)mm_global_reclaim(3000);
        mm_os_sleep(3000000);
    }
    return argument;
}

/* Any handle, of whomever: an answer or a refusal. */
static void *ask(void *argument)
{
    uint64_t seed = first_seed | 1;
    size_t size;
    ULONG flags;
    while (working > 0) {
        struct entry *e = mm_slot_entry((uint32_t)chance(&seed, mm_slot_end() + 10));
        void *handle = mm_slot_handle(e);
        NTSTATUS status = mm_global_size(handle, &size);
        check(!status || status == STATUS_INVALID_HANDLE, "%#x", (unsigned)status);
        status = mm_global_flags(handle, &flags);
        check(!status || status == STATUS_INVALID_HANDLE, "%#x", (unsigned)status);
        (void)mm_global_handle_of_block(mm_entry_block(e));
    }
    return argument;
}

static void start_workers(struct worker *workers)
{
    working = WORKERS;
    for (int i = 0; i < WORKERS; i++) {
        workers[i].seed = first_seed * (2 * (unsigned)i + 1) | 1;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            abort();
    }
}

static void moveable_objects_and_the_model_never_disagree(void)
{
    static struct worker workers[WORKERS];
    void *(*const others[])(void *) = {compact, reclaim, ask};
    pthread_t threads[3];
    struct heap_summary before;
    struct heap_summary after;

    mm_heap_summarize(mm_heap_process(), &before);
    make_shared();
    start_workers(workers);
    for (int i = 0; i < 3; i++)
        if (pthread_create(&threads[i], NULL, others[i], NULL))
            abort();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    working = 0; /* also where a worker left early */
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    if (!going())
        return;
    for (int i = 0; i < SHARED; i++)
        check(!mm_global_free(shared[i]), "free");
    check(mm_global_is_valid(), "the table is wrong");
    mm_heap_summarize(mm_heap_process(), &after);
    check(after.blocks == before.blocks, "%zu blocks, %zu before", after.blocks, before.blocks);
}

static const struct test tests[] = {
    TEST(moveable_objects_and_the_model_never_disagree, ""),
};

int main(int argc, char **argv)
{
    if (argc > 1)
        steps = atol(argv[1]);
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    if (!first_seed)
        first_seed = mm_os_now();
    mm_process_start();
    printf("# %ld steps, seed %#lx\n", steps, (unsigned long)first_seed);
    return test_main(tests, TEST_COUNT(tests), 1, argv);
}
