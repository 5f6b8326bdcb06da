/*
 * tree.c - the tree of ranges against a plain array that is kept in order.
 */
#include <stdlib.h>

#include "base/pool.h"
#include "base/tree.h"
#include "test.h"

#define MOST 600

/* The array: nodes in address order. */
static struct tree_node *sorted[MOST];
static int count;
static struct tree tree;
static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void start_over(void)
{
    for (int i = 0; i < count; i++)
        free(sorted[i]);
    count = 0;
    tree.root = NULL;
    seed = 0x9e3779b97f4a7c15u;
}

/* How many nodes of the array start at or below the address. */
static int below(uintptr_t address)
{
    int n = 0;
    while (n < count && sorted[n]->range.start <= address)
        n++;
    return n;
}

static struct tree_node *new_node(uintptr_t start, uintptr_t end)
{
    struct tree_node *n = calloc(1, sizeof *n);
    n->range = (struct range){start, end};
    n->gap = next_random() & 1;
    return n;
}

static void put_into_array(int at, struct tree_node *n)
{
    memmove(&sorted[at + 1], &sorted[at], (size_t)(count - at) * sizeof sorted[0]);
    sorted[at] = n;
    count++;
}

/* A node somewhere in the free space, put in by one of the three ways. */
static void insert_somewhere(void)
{
    uintptr_t start = (next_random() % 5000) * PAGE_BYTES;
    int at = below(start);
    if (count == MOST || (at > 0 && sorted[at - 1]->range.end > start))
        return;
    uintptr_t end = start + (1 + next_random() % 64) * PAGE_BYTES;
    if (at < count && end > sorted[at]->range.start)
        end = sorted[at]->range.start;
    struct tree_node *n = new_node(start, end);
    int way = (int)(next_random() % 3);
    if (way == 0 && at < count)
        mm_tree_insert_before(&tree, sorted[at], n);
    else if (way == 1 && at > 0)
        mm_tree_insert_after(&tree, sorted[at - 1], n);
    else
        mm_tree_insert(&tree, n);
    put_into_array(at, n);
}

static void erase_one(void)
{
    if (count == 0)
        return;
    int at = (int)(next_random() % (unsigned)count);
    mm_tree_erase(&tree, sorted[at]);
    free(sorted[at]);
    count--;
    memmove(&sorted[at], &sorted[at + 1], (size_t)(count - at) * sizeof sorted[0]);
}

static void change_one(void)
{
    if (count == 0)
        return;
    struct tree_node *n = sorted[next_random() % (unsigned)count];
    size_t pages = range_size(n->range) / PAGE_BYTES;
    if (next_random() & 1)
        n->gap = !n->gap;
    else if (pages > 1)
        n->range.start += (next_random() % pages) * PAGE_BYTES;
    mm_tree_update(&tree, n);
}

static struct tree_node *first_gap(size_t size)
{
    for (int i = 0; i < count; i++)
        if (sorted[i]->gap && gap_size(sorted[i]->range) >= size)
            return sorted[i];
    return NULL;
}

static struct tree_node *last_gap(size_t size)
{
    for (int i = count - 1; i >= 0; i--)
        if (sorted[i]->gap && gap_size(sorted[i]->range) >= size)
            return sorted[i];
    return NULL;
}

static void compare_searches(void)
{
    uintptr_t address = next_random() % (5100 * PAGE_BYTES);
    int n = below(address);
    struct tree_node *floor = n ? sorted[n - 1] : NULL;
    struct tree_node *at = floor && address < floor->range.end ? floor : NULL;
    size_t size = (1 + next_random() % 70) * PAGE_BYTES;

    check(mm_tree_floor(&tree, address) == floor, "seed %#lx", (unsigned long)seed);
    check(mm_tree_at(&tree, address) == at, "seed %#lx", (unsigned long)seed);
    check(mm_tree_lowest_gap(&tree, size) == first_gap(size), "size %zu", size);
    check(mm_tree_highest_gap(&tree, size) == last_gap(size), "size %zu", size);
}

static void compare_order(void)
{
    struct tree_node *n = mm_tree_first(&tree);
    for (int i = 0; i < count; i++) {
        check(n == sorted[i], "node %d of %d", i, count);
        check(mm_tree_previous(n) == (i ? sorted[i - 1] : NULL), "node %d of %d", i, count);
        n = mm_tree_next(n);
    }
    check(!n, "%d nodes", count);
}

static void a_tree_finds_what_a_sorted_array_finds(void)
{
    start_over();
    for (int i = 0; i < 60000; i++) {
        unsigned deed = (unsigned)(next_random() % 8);
        bool shrink = i / 10000 % 2;
        if (deed < (shrink ? 2 : 5))
            insert_somewhere();
        else if (deed < 7)
            erase_one();
        else
            change_one();
        compare_searches();
        if (i % 50 == 0) {
            check(mm_tree_is_valid(&tree), "after %d steps", i);
            compare_order();
        }
    }
    start_over();
}

static void a_tree_of_a_million_nodes_is_not_deep(void)
{
    enum { NODES = 1 << 20 };
    struct tree_node *nodes = calloc(NODES, sizeof *nodes);
    struct tree t = {NULL};
    for (size_t i = 0; i < NODES; i++) {
        nodes[i].range = (struct range){i * PAGE_BYTES, (i + 1) * PAGE_BYTES};
        mm_tree_insert(&t, &nodes[i]);
    }
    /* An AVL tree of 2^20 nodes has at most 1.44 * log2(2^20 + 2) levels. */
    check(t.root->height <= 28, "%d levels", t.root->height);
    check(mm_tree_is_valid(&t), "a million nodes in order");
    free(nodes);
}

static void a_wrong_tree_is_found_out(void)
{
    struct tree_node nodes[3] = {{.range = {0, 4096}}, {.range = {4096, 8192}, .gap = true}};
    struct tree t = {NULL};
    mm_tree_insert(&t, &nodes[0]);
    mm_tree_insert(&t, &nodes[1]);
    check(mm_tree_is_valid(&t), "two nodes");
    nodes[1].range.end = 1 << 20;
    check(!mm_tree_is_valid(&t), "an offer that was not told");
    mm_tree_update(&t, &nodes[1]);
    check(mm_tree_is_valid(&t), "told");
    nodes[0].range.end = 5000;
    check(!mm_tree_is_valid(&t), "nodes that overlap");
}

static void a_gap_offers_its_bytes_from_the_first_unit_border_on(void)
{
    check(gap_size((struct range){0, UNIT_BYTES}) == UNIT_BYTES, "aligned");
    check(gap_size((struct range){PAGE_BYTES, UNIT_BYTES}) == 0, "the rest of a unit");
    check(gap_size((struct range){PAGE_BYTES, 2 * UNIT_BYTES}) == UNIT_BYTES, "a unit and a rest");
    check(gap_size((struct range){PAGE_BYTES, 2 * PAGE_BYTES}) == 0, "within a unit");
}

static void a_pool_hands_out_each_thing_once(void)
{
    static char memory[2][1000];
    struct pool p = {.size = 24};
    char *things[100];
    size_t n = 0;
    check(!mm_pool_take(&p), "nothing was handed in");
    mm_pool_add(&p, memory[0], sizeof memory[0]);
    things[n++] = mm_pool_take(&p);
    mm_pool_add(&p, memory[1], sizeof memory[1]);
    check(p.available == 2 * (1000 / 24) - 1, "%zu available", p.available);
    while ((things[n] = mm_pool_take(&p)))
        memset(things[n++], 'x', 24);
    check(n == 2 * (1000 / 24), "%zu things", n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            check(things[i] + 24 <= things[j] || things[j] + 24 <= things[i], "%zu and %zu", i, j);
    mm_pool_give(&p, things[7]);
    mm_pool_give(&p, NULL);
    check(p.available == 1 && mm_pool_take(&p) == things[7], "the one given back");
}

static const struct test tests[] = {
    TEST(a_tree_finds_what_a_sorted_array_finds, ""),
    TEST(a_tree_of_a_million_nodes_is_not_deep, ""),
    TEST(a_wrong_tree_is_found_out, ""),
    TEST(a_gap_offers_its_bytes_from_the_first_unit_border_on, ""),
    TEST(a_pool_hands_out_each_thing_once, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
