/*
 * moveable.c - moveable objects from within: who waits for whom, what moves, what is discarded when
 * memory is short, and that a call that fails leaves an object as it was.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntstatus.h>

#include "base/page.h"
#include "global/global_internal.h"
#include "heap/heap.h"
#include "os/os.h"
#include "process/process.h"
#include "test.h"
#include "vm/vm.h"

#define TIMES 50

static void *make(ULONG attributes, size_t size)
{
    void *handle = NULL;
    NTSTATUS status = mm_global_allocate(MOVEABLE | attributes, size, &handle);
    check(!status, "allocate: %#x", (unsigned)status);
    return handle;
}

static char *lock(void *handle)
{
    void *block = NULL;
    NTSTATUS status = mm_global_lock(handle, &block);
    check(!status, "lock: %#x", (unsigned)status);
    return block;
}

static void unlock(void *handle)
{
    unsigned left;
    NTSTATUS status = mm_global_unlock(handle, &left);
    check(!status, "unlock: %#x", (unsigned)status);
}

static void drop(void *handle)
{
    NTSTATUS status = mm_global_free(handle);
    check(!status, "free: %#x", (unsigned)status);
}

static bool is_discarded(void *handle)
{
    ULONG flags;
    check(!mm_global_flags(handle, &flags), "flags");
    return flags & MOVEABLE_DISCARDED;
}

static struct entry *entry_of(void *handle)
{
    struct entry *e = mm_slot_of_handle(handle);
    check(e, "no entry");
    return e;
}

/* ---- handles and blocks ----------------------------------------------------------------------------- */

static void a_block_tells_its_handle_also_while_the_heap_is_locked(void)
{
    void *handle = make(0, 100);
    char *block = lock(handle);
    check(!mm_heap_lock(mm_heap_process()), "lock");
    check(mm_global_handle_of_block(block) == handle, "another handle");
    check(!mm_global_handle_of_block(block + 16), "the middle of a block");
    check(!mm_global_handle_of_block(NULL), "NULL");
    check(!mm_global_handle_of_block((void *)-1), "all ones");
    check(!mm_heap_unlock(mm_heap_process()), "unlock");
    drop(handle);
    check(!mm_global_handle_of_block(block), "freed");
}

static void a_handle_points_to_the_address(void)
{
    void *handle = make(0, 100);
    check(*(void **)handle == lock(handle), "%p", *(void **)handle);
    drop(handle);
}

static void a_freed_handle_is_not_given_out_again_soon(void)
{
    void *handle = make(0, 100);
    drop(handle);
    for (int i = 0; i < 64; i++) {
        void *other = make(0, 10);
        check(other != handle, "after %d", i);
        drop(other);
    }
}

/* ---- who waits for whom ------------------------------------------------------------------------------- */

struct waiter {
    pthread_t thread;
    void (*deed)(void *handle);
    void *handle;
    atomic_bool done;
};

static void *run(void *argument)
{
    struct waiter *w = argument;
    w->deed(w->handle);
    w->done = true;
    return NULL;
}

static void begin(struct waiter *w, void (*deed)(void *handle), void *handle)
{
    *w = (struct waiter){.deed = deed, .handle = handle};
    if (pthread_create(&w->thread, NULL, run, w))
        abort();
}

static void end(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    if (test_now.outcome != TEST_PASSED)
        test_leave();
}

static void lock_it(void *handle)
{
    (void)lock(handle);
}

static void resize_it(void *handle)
{
    void *result;
    check(!mm_global_resize(handle, 50, 0, &result), "resize");
}

static void ask_it(void *handle)
{
    size_t size;
    ULONG flags;
    void *result;
    check(!mm_global_size(handle, &size) && size == 100, "size");
    check(!mm_global_flags(handle, &flags), "flags");
    check(!mm_global_handle(lock(handle), &result) && result == handle, "handle");
    unlock(handle);
}

/* Long enough to see that a thread waits, short enough to do so often. */
static bool waits(struct waiter *w)
{
    mm_os_sleep(2000000);
    return !w->done;
}

static void locking_waits_until_a_block_has_moved(void)
{
    void *handle = make(0, 100);
    struct entry *e = entry_of(handle);
    struct waiter w;
    for (int i = 0; i < TIMES; i++) {
        check(!mm_entry_pin(e) && mm_entry_seal(e, false), "seal");
        begin(&w, lock_it, handle);
        check(waits(&w), "a sealed object was locked");
        mm_entry_unpin(e, 0, 0);
        end(&w);
        unlock(handle);
    }
    drop(handle);
}

static void resizing_waits_for_another_resizing(void)
{
    void *handle = make(0, 100);
    struct entry *e = entry_of(handle);
    struct waiter w;
    for (int i = 0; i < TIMES; i++) {
        check(!mm_entry_pin(e), "pin");
        begin(&w, resize_it, handle);
        check(waits(&w), "a pinned object was resized");
        mm_entry_unpin(e, 0, 0);
        end(&w);
    }
    drop(handle);
}

static void locking_and_asking_wait_for_no_resizing(void)
{
    void *handle = make(0, 100);
    struct waiter w;
    check(!mm_entry_pin(entry_of(handle)), "pin");
    begin(&w, ask_it, handle);
    end(&w);
    mm_entry_unpin(entry_of(handle), 0, 0);
    drop(handle);
}

/* A resizer in the heap holds the pin; who has locked the heap must get on all the same. */
static void who_holds_the_heap_waits_for_nobody_who_waits_for_it(void)
{
    void *handle = make(0, 100);
    struct waiter w;
    check(!mm_heap_lock(mm_heap_process()), "lock");
    begin(&w, resize_it, handle);
    mm_os_sleep(20000000);
    size_t size;
    check(!mm_global_size(handle, &size) && (size == 100 || size == 50), "size");
    char *block = lock(handle);
    check(mm_global_handle_of_block(block) == handle, "handle");
    unlock(handle);
    check(!mm_heap_unlock(mm_heap_process()), "unlock");
    end(&w);
    check(!mm_global_size(handle, &size) && size == 50, "size %zu", size);
    drop(handle);
}

static void a_locked_object_is_sealed_only_when_that_is_asked_for(void)
{
    void *handle = make(0, 100);
    struct entry *e = entry_of(handle);
    (void)lock(handle);
    check(!mm_entry_try_pin(e), "a locked object can be moved");
    check(!mm_entry_pin(e) && !mm_entry_seal(e, false), "sealed");
    check(mm_entry_seal(e, true), "not sealed");
    unlock(handle); /* waits for nobody */
    mm_entry_unpin(e, 0, 0);
    check(mm_entry_try_pin(e), "an unlocked object cannot be moved");
    mm_entry_unpin(e, 0, 0);
    drop(handle);
}

/* ---- compaction ------------------------------------------------------------------------------------------- */

#define MANY 20000

static void *many[MANY];
static size_t size_of(int i)
{
    return (size_t)(i * 131 % 900 + 20);
}

static void make_many(ULONG attributes)
{
    for (int i = 0; i < MANY; i++) {
        many[i] = make(attributes, size_of(i));
        memset(lock(many[i]), i, size_of(i));
        unlock(many[i]);
    }
}

static void check_and_drop(int i)
{
    char *p = lock(many[i]);
    for (size_t at = 0; at < size_of(i); at++)
        check(p[at] == (char)i, "byte %zu of object %d", at, i);
    unlock(many[i]);
    drop(many[i]);
}

static size_t committed(void)
{
    struct heap_summary s;
    mm_heap_summarize(mm_heap_process(), &s);
    return s.committed;
}

static void compaction_gives_back_what_nine_of_ten_blocks_leave(void)
{
    size_t before = committed();
    make_many(0);
    size_t full = committed() - before;
    for (int i = 0; i < MANY; i++)
        if (i % 10)
            drop(many[i]);
    (void)mm_global_compact();
    size_t left = committed() - min_size(before, committed());
    check(left < full / 3, "%zu KiB of %zu left", left >> 10, full >> 10);
    for (int i = 0; i < MANY; i += 10)
        check_and_drop(i);
    check(mm_global_is_valid(), "the table is wrong");
}

static void compaction_moves_no_locked_block(void)
{
    static char *addresses[MANY];
    make_many(0);
    for (int i = 0; i < MANY; i++)
        if (i % 10)
            drop(many[i]);
        else if (i % 20)
            addresses[i] = lock(many[i]);
    int moved = 0;
    for (int i = 0; i < MANY; i += 20)
        addresses[i] = mm_entry_block(entry_of(many[i]));
    (void)mm_global_compact();
    for (int i = 0; i < MANY; i += 10) {
        bool same = mm_entry_block(entry_of(many[i])) == addresses[i];
        moved += !same;
        check(same || i % 20 == 0, "locked object %d moved", i);
        if (i % 20)
            unlock(many[i]);
        check_and_drop(i);
    }
    check(moved > 0, "nothing moved");
}

/* ---- shortage ----------------------------------------------------------------------------------------------- */

#define BIG (4 * MIB)
#define BIGS 8

/* Let `room` bytes more be committed than now; => the limit before. */
static size_t limit_to(size_t room)
{
    size_t limit = mm_charge.limit;
    (void)mm_heap_compact(mm_heap_process());
    mm_charge_set_limit(&mm_charge, mm_charge.used + pages_of(room));
    return limit;
}

static void the_least_recently_used_are_discarded_before_an_allocation_fails(void)
{
    void *bigs[BIGS];
    for (int i = 0; i < BIGS; i++)
        bigs[i] = make(MOVEABLE_DISCARDABLE, BIG);
    for (int i = BIGS - 1; i >= 0; i--) {
        (void)lock(bigs[i]); /* the last is used first, so it is the oldest */
        unlock(bigs[i]);
    }
    (void)lock(bigs[BIGS - 1]); /* but it is locked */
    size_t limit = limit_to(BIG / 2);
    void *more = make(0, 2 * BIG);
    mm_charge_set_limit(&mm_charge, limit);
    int discarded = 0;
    for (int i = 0; i < BIGS; i++)
        discarded += is_discarded(bigs[i]);
    check(discarded >= 1 && discarded <= 3, "%d discarded", discarded);
    check(!is_discarded(bigs[BIGS - 1]), "a locked object was discarded");
    for (int i = BIGS - 2; i >= 0; i--)
        check(is_discarded(bigs[i]) == (BIGS - 2 - i < discarded), "object %d", i);
    for (int i = 0; i < BIGS; i++)
        drop(bigs[i]);
    drop(more);
}

static void what_was_not_declared_discardable_is_not_discarded(void)
{
    void *plain = make(0, BIG);
    void *handle = NULL;
    size_t limit = limit_to(BIG / 2);
    NTSTATUS status = mm_global_allocate(MOVEABLE, 2 * BIG, &handle);
    mm_charge_set_limit(&mm_charge, limit);
    check(status == STATUS_NO_MEMORY, "%#x", (unsigned)status);
    check(!is_discarded(plain), "it was discarded");
    drop(plain);
}

static void nothing_is_discarded_for_a_need_that_cannot_be_met(void)
{
    void *one = make(MOVEABLE_DISCARDABLE, BIG);
    void *handle = NULL;
    size_t limit = limit_to(BIG / 2);
    NTSTATUS status = mm_global_allocate(MOVEABLE, 20 * BIG, &handle);
    NTSTATUS never = mm_global_allocate(MOVEABLE, SIZE_MAX - 100, &handle);
    mm_charge_set_limit(&mm_charge, limit);
    check(status == STATUS_NO_MEMORY && never == STATUS_NO_MEMORY, "%#x", (unsigned)status);
    check(!is_discarded(one), "it was discarded");
    drop(one);
}

/* ---- the N-th failure ------------------------------------------------------------------------------------------ */

struct picture {
    size_t size;
    ULONG flags;
    void *block;
};

static struct picture picture_of(void *handle)
{
    struct picture p;
    check(!mm_global_size(handle, &p.size) && !mm_global_flags(handle, &p.flags), "picture");
    p.block = mm_entry_block(entry_of(handle));
    return p;
}

static NTSTATUS allocate_more(void *handle, void **ret_made)
{
    (void)handle;
    return mm_global_allocate(MOVEABLE, BIG, ret_made);
}

static NTSTATUS allocate_fixed(void *handle, void **ret_made)
{
    (void)handle;
    return mm_global_allocate(MOVEABLE_LOCAL, BIG, ret_made);
}

static NTSTATUS grow(void *handle, void **ret_made)
{
    void *result;
    *ret_made = NULL;
    return mm_global_resize(handle, 3 * BIG, MOVEABLE | MOVEABLE_ZEROED, &result);
}

static NTSTATUS revive(void *handle, void **ret_made)
{
    void *result;
    void *other = make(0, 0);
    NTSTATUS status = mm_global_resize(other, BIG, 0, &result);
    *ret_made = status ? NULL : other;
    (void)handle;
    check(is_discarded(other) == (status != 0), "half revived");
    if (status)
        drop(other);
    return status;
}

static NTSTATUS make_moveable(void *handle, void **ret_made)
{
    void *block = NULL;
    (void)handle;
    if (mm_global_allocate(MOVEABLE_LOCAL, 100, &block))
        return STATUS_NO_MEMORY;
    NTSTATUS status = mm_global_modify(block, MOVEABLE, ret_made);
    if (status)
        drop(block);
    return status;
}

struct deed {
    const char *name;
    NTSTATUS (*act)(void *handle, void **ret_made);
    bool commits;    /* it may need more memory */
    bool takes_slot; /* it needs a slot */
};

static const struct deed deeds[] = {
    {"allocate", allocate_more, true, true},
    {"allocate fixed", allocate_fixed, true, false},
    {"grow", grow, true, false},
    {"revive", revive, true, false}, /* its own object has its slot before */
    {"make moveable", make_moveable, false, true},
};

static void check_unchanged(const struct picture *before, void *handle, const struct deed *d,
                            long n)
{
    struct picture after = picture_of(handle);
    check(before->size == after.size && before->flags == after.flags, "%s, %ld: size %zu, now %zu",
          d->name, n, before->size, after.size);
    check(before->block == after.block, "%s, %ld: the block moved", d->name, n);
    check(*(char *)after.block == 'x' && ((char *)after.block)[after.size - 1] == 'x',
          "%s, %ld: contents", d->name, n);
    check(mm_global_is_valid(), "%s, %ld: the table is wrong", d->name, n);
}

/* How many failures there were until the deed passed. */
static long fail_each_step(const struct deed *d, atomic_long *countdown)
{
    for (long n = 1;; n++) {
        void *made = NULL;
        void *handle = make(0, BIG);
        memset(lock(handle), 'x', BIG);
        struct picture before = picture_of(handle);
        (void)mm_heap_compact(mm_heap_process());
        *countdown = n;
        NTSTATUS status = d->act(handle, &made);
        bool reached = *countdown <= 0;
        *countdown = 0;
        if (status)
            check_unchanged(&before, handle, d, n);
        if (made)
            drop(made);
        drop(handle);
        check(!status || reached, "%s fails by itself: %#x", d->name, (unsigned)status);
        if (!reached)
            return n - 1;
    }
}

static void a_commit_that_is_refused_changes_no_object(void)
{
    for (size_t i = 0; i < TEST_COUNT(deeds); i++) {
        long failures = fail_each_step(&deeds[i], &mm_charge.fail_at);
        check(!deeds[i].commits || failures > 0, "%s needs no memory", deeds[i].name);
    }
}

static void a_slot_that_cannot_be_had_changes_no_object(void)
{
    for (size_t i = 0; i < TEST_COUNT(deeds); i++) {
        if (!deeds[i].takes_slot)
            continue;
        check(fail_each_step(&deeds[i], &mm_slot_fail_at) == 1, "%s takes no slot", deeds[i].name);
    }
}

/* ---- fork --------------------------------------------------------------------------------------------------- */

/* What threads of the parent were at is ended in the child. */
static int live_as_child(void *pinned, void *sealed, void *plain)
{
    size_t size;
    mm_global_after_fork_in_child();
    if (!mm_global_is_valid())
        return 1;
    if (mm_global_size(pinned, &size) || size != 100 || mm_global_size(sealed, &size) ||
        size != 200)
        return 2;
    if (*lock(plain) != 'p' || mm_global_handle_of_block(lock(plain)) != plain)
        return 3;
    if (mm_global_free(pinned) || mm_global_free(sealed) || mm_global_free(plain))
        return 4;
    return mm_global_is_valid() ? 0 : 5;
}

static void a_child_is_not_kept_by_what_threads_of_its_parent_were_at(void)
{
    void *pinned = make(0, 100);
    void *sealed = make(0, 200);
    void *plain = make(0, 300);
    *lock(plain) = 'p';
    check(!mm_entry_pin(entry_of(pinned)) && !mm_entry_pin(entry_of(sealed)), "pin");
    check(mm_entry_seal(entry_of(sealed), false), "seal");
    pid_t child = fork();
    if (child == 0)
        _exit(live_as_child(pinned, sealed, plain));
    int status = -1;
    check(waitpid(child, &status, 0) == child && status == 0, "step %#x", status);
    mm_entry_unpin(entry_of(pinned), 0, 0);
    mm_entry_unpin(entry_of(sealed), 0, 0);
    drop(pinned);
    drop(sealed);
    drop(plain);
}

static const struct test tests[] = {
    TEST(a_block_tells_its_handle_also_while_the_heap_is_locked, "S283"),
    TEST(a_handle_points_to_the_address, ""),
    TEST(a_freed_handle_is_not_given_out_again_soon, ""),
    TEST(locking_waits_until_a_block_has_moved, ""),
    TEST(resizing_waits_for_another_resizing, ""),
    TEST(locking_and_asking_wait_for_no_resizing, ""),
    TEST(who_holds_the_heap_waits_for_nobody_who_waits_for_it, ""),
    TEST(a_locked_object_is_sealed_only_when_that_is_asked_for, ""),
    TEST(compaction_gives_back_what_nine_of_ten_blocks_leave, ""),
    TEST(compaction_moves_no_locked_block, ""),
    TEST(the_least_recently_used_are_discarded_before_an_allocation_fails, ""),
    TEST(what_was_not_declared_discardable_is_not_discarded, ""),
    TEST(nothing_is_discarded_for_a_need_that_cannot_be_met, ""),
    TEST(a_commit_that_is_refused_changes_no_object, ""),
    TEST(a_slot_that_cannot_be_had_changes_no_object, ""),
    TEST(a_child_is_not_kept_by_what_threads_of_its_parent_were_at, ""),
};

int main(int argc, char **argv)
{
    mm_process_start();
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
