/*
 * tree.h - ranges in address order, and the first or last gap that is large enough.
 *
 * A balanced tree (AVL) of nodes that live inside their owner's structures.  Nodes never overlap.
 * A node marked `gap` offers its bytes from the first 64 KiB border on; each node knows the
 * largest offer of its subtree, so the lowest and the highest fitting gap are found in O(log n).
 *
 * T1  left subtree < node < right subtree, by range
 * T2  height == 1 + the higher child's; the children's heights differ by at most one
 * T3  largest == max(own offer, left->largest, right->largest)
 *
 * No locks: the owner guards the tree.
 */
#ifndef NTMM_BASE_TREE_H
#define NTMM_BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/page.h"

struct tree_node {
    struct tree_node *left;
    struct tree_node *right;
    struct tree_node *parent;
    struct range range;
    size_t largest; /* T3 */
    uint8_t height; /* T2; 1 for a leaf */
    bool gap;       /* offers its bytes */
    bool fence;     /* the owner's: kept here because here is room */
};

struct tree {
    struct tree_node *root;
};

/* What a range offers to those who want memory that starts at a 64 KiB border. */
static inline size_t gap_size(struct range r)
{
    uintptr_t start = align_up(r.start, UNIT_BYTES);
    return r.end > start ? r.end - start : 0;
}

/*
 * Put a node with range and gap set into the tree: by its place, or right beside a node of it.
 *
 * => overlaps no node; takes no ownership
 */
void mm_tree_insert(struct tree *t, struct tree_node *node);
void mm_tree_insert_before(struct tree *t, struct tree_node *at, struct tree_node *node);
void mm_tree_insert_after(struct tree *t, struct tree_node *at, struct tree_node *node);

void mm_tree_erase(struct tree *t, struct tree_node *node);

/* The node's range or gap changed in a way that keeps the order: tell the nodes above. */
void mm_tree_update(struct tree *t, struct tree_node *node);

/* The node that holds `address`; the last that starts at or below it.  NULL: none. */
struct tree_node *mm_tree_at(const struct tree *t, uintptr_t address);
struct tree_node *mm_tree_floor(const struct tree *t, uintptr_t address);

/* Neighbours in address order; NULL past the ends. */
struct tree_node *mm_tree_first(const struct tree *t);
struct tree_node *mm_tree_next(const struct tree_node *node);
struct tree_node *mm_tree_previous(const struct tree_node *node);

/* The lowest and the highest gap that offers `size` bytes.  NULL: none. */
struct tree_node *mm_tree_lowest_gap(const struct tree *t, size_t size);
struct tree_node *mm_tree_highest_gap(const struct tree *t, size_t size);

/* T1 to T3 for the whole tree, O(n), recursion as deep as the tree. */
bool mm_tree_is_valid(const struct tree *t);

#endif
