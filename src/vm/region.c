/*
 * region.c - one run of pages that tell the same story: make, split, join, validate.
 *
 * Runs tile each arena without gap (S1), and neighbours never tell the same story (R3), so the
 * tree holds as few runs as can be.  There is one way to change what pages tell, mm_region_paint:
 * it moves a border where a neighbour already tells the new story, and splits only where not.
 *
 * R1  a run is not empty, starts and ends at page borders, and lies within one arena
 * R2  free <=> allocation == 0 <=> the node offers a gap; committed <=> protect != 0
 * R3  the next run of the arena begins where this one ends, and tells something else
 */
#include "vm/vm_internal.h"

#include "stats/counters.h"

const struct story mm_story_free = {.state = RUN_FREE};

struct region *mm_region_at(uintptr_t address)
{
    return region_of(mm_tree_at(&mm_space.runs, address));
}

struct region *mm_region_next(const struct region *r)
{
    struct tree_node *next = mm_tree_next(&r->node);
    return next && !next->fence ? region_of(next) : NULL;
}

struct region *mm_region_previous(const struct region *r)
{
    return r->node.fence ? NULL : region_of(mm_tree_previous(&r->node));
}

static void tell(struct region *r, struct story story)
{
    r->story = story;
    r->node.gap = story.state == RUN_FREE;
}

/* S2 and S3: the sums follow what pages told before and tell now. */
static void account(struct story before, struct story now, struct range range)
{
    size_t size = range_size(range);
    if (before.state == RUN_COMMITTED)
        mm_space.committed -= size / PAGE_BYTES;
    if (now.state == RUN_COMMITTED)
        mm_space.committed += size / PAGE_BYTES;
    if ((before.state == RUN_FREE) == (now.state == RUN_FREE))
        return;
    size_t more = now.state == RUN_FREE ? -size : size;
    mm_space.reserved += more;
    mm_count(NTMM_RESERVED, more);
}

static void erase(struct region *r)
{
    mm_tree_erase(&mm_space.runs, &r->node);
    mm_pool_give(&mm_space.pool, r);
}

static struct region *twin(const struct region *r, uintptr_t start, uintptr_t end)
{
    struct region *new = mm_pool_take(&mm_space.pool);
    assert_that(new); /* mm_space_prepare saw to it */
    tell(new, r->story);
    new->node.range = (struct range){start, end};
    new->node.fence = false;
    return new;
}

/* Cut off what lies before and behind the range, so that `r` is the range. */
static void isolate(struct region *r, struct range range)
{
    struct range old = r->node.range;
    r->node.range = range;
    if (old.start < range.start) {
        struct region *head = twin(r, old.start, range.start);
        head->node.fence = r->node.fence;
        r->node.fence = false;
        mm_tree_insert_before(&mm_space.runs, &r->node, &head->node);
    }
    if (range.end < old.end) {
        struct region *tail = twin(r, range.end, old.end);
        mm_tree_insert_after(&mm_space.runs, &r->node, &tail->node);
    }
}

/* A border moved: the tree need only know where a gap changed. */
static void moved(struct region *r)
{
    if (r->node.gap)
        mm_tree_update(&mm_space.runs, &r->node);
}

/* The range begins `r`, and the run before tells the new story: move the border between them. */
static void give_to_left(struct region *left, struct region *r, uintptr_t border)
{
    if (border == r->node.range.end) {
        erase(r);
    } else {
        r->node.range.start = border;
        moved(r);
    }
    left->node.range.end = border;
    moved(left);
}

static void give_to_right(struct region *right, struct region *r, uintptr_t border)
{
    if (border == r->node.range.start) {
        right->node.fence = r->node.fence;
        erase(r);
    } else {
        r->node.range.end = border;
        moved(r);
    }
    right->node.range.start = border;
    moved(right);
}

static bool tells(const struct region *r, struct story story)
{
    return r && same_story(r->story, story);
}

static struct region *paint(struct region *r, struct range range, struct story story)
{
    struct region *left = range.start == r->node.range.start ? mm_region_previous(r) : NULL;
    struct region *right = range.end == r->node.range.end ? mm_region_next(r) : NULL;
    if (tells(left, story)) {
        give_to_left(left, r, range.end);
        if (tells(right, story))
            give_to_left(left, right, right->node.range.end);
        return left;
    }
    if (tells(right, story)) {
        give_to_right(right, r, range.start);
        return right;
    }

    isolate(r, range);
    tell(r, story);
    mm_tree_update(&mm_space.runs, &r->node);
    return r;
}

struct region *mm_region_paint(struct region *r, struct range range, struct story story)
{
    assert_that(range.start < range.end && range_contains(r->node.range, range));
    if (same_story(r->story, story))
        return r;
    account(r->story, story, range);
    r = paint(r, range, story);
    assert_that(mm_region_is_valid(r) && range_contains(r->node.range, range));
    return r;
}

static bool story_is_valid(const struct region *r)
{
    struct story s = r->story;
    bool free = s.state == RUN_FREE;
    return free == (s.allocation == 0) && free == r->node.gap && s.state <= RUN_LENT &&
           (s.state == RUN_COMMITTED) == (s.protect != 0) && s.allocation <= r->node.range.start;
}

static bool border_is_valid(const struct region *left, const struct region *right)
{
    return !left || !right ||
           (left->node.range.end == right->node.range.start &&
            !same_story(left->story, right->story));
}

bool mm_region_is_valid(const struct region *r)
{
    struct range range = r->node.range;
    return range.start < range.end && is_aligned(range.start | range.end, PAGE_BYTES) &&
           story_is_valid(r) && border_is_valid(mm_region_previous(r), r) &&
           border_is_valid(r, mm_region_next(r));
}
