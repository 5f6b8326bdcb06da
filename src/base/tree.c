/*
 * tree.c - the balanced tree of ranges; see tree.h for what it promises.
 *
 * Every change ends in mend(): walk up from the lowest node that may be wrong, set right its
 * height, balance and largest offer, and stop where nothing changed.
 */
#include "base/tree.h"

static int height_of(const struct tree_node *n)
{
    return n ? n->height : 0;
}

static size_t largest_of(const struct tree_node *n)
{
    return n ? n->largest : 0;
}

static size_t offer_of(const struct tree_node *n)
{
    return n->gap ? gap_size(n->range) : 0;
}

static int lean_of(const struct tree_node *n)
{
    return height_of(n->left) - height_of(n->right);
}

/* Compute a node's height and largest offer anew; whether that changed them. */
static bool refresh(struct tree_node *n)
{
    int left = height_of(n->left);
    int right = height_of(n->right);
    uint8_t height = (uint8_t)(1 + (left > right ? left : right));
    size_t below = max_size(largest_of(n->left), largest_of(n->right));
    size_t largest = max_size(offer_of(n), below);
    bool changed = height != n->height || largest != n->largest;
    n->height = height;
    n->largest = largest;
    return changed;
}

/* Let `by` (may be NULL) stand where `n` stood below its parent. */
static void replace(struct tree *t, struct tree_node *n, struct tree_node *by)
{
    struct tree_node *parent = n->parent;
    if (!parent)
        t->root = by;
    else if (parent->left == n)
        parent->left = by;
    else
        parent->right = by;
    if (by)
        by->parent = parent;
}

/* Raise the left child above `n`; the new top. */
static struct tree_node *rotate_right(struct tree *t, struct tree_node *n)
{
    struct tree_node *top = n->left;
    replace(t, n, top);
    n->left = top->right;
    if (n->left)
        n->left->parent = n;
    top->right = n;
    n->parent = top;
    (void)refresh(n);   /* the caller compares the subtree as a whole */
    (void)refresh(top); /* as above */
    return top;
}

static struct tree_node *rotate_left(struct tree *t, struct tree_node *n)
{
    struct tree_node *top = n->right;
    replace(t, n, top);
    n->right = top->left;
    if (n->right)
        n->right->parent = n;
    top->left = n;
    n->parent = top;
    (void)refresh(n);   /* the caller compares the subtree as a whole */
    (void)refresh(top); /* as above */
    return top;
}

/* Bring a subtree whose children differ by two back into balance; its new top. */
static struct tree_node *balance(struct tree *t, struct tree_node *n)
{
    if (lean_of(n) > 0) {
        if (lean_of(n->left) < 0)
            rotate_left(t, n->left);
        return rotate_right(t, n);
    }
    if (lean_of(n->right) > 0)
        rotate_right(t, n->right);
    return rotate_left(t, n);
}

static void mend(struct tree *t, struct tree_node *n)
{
    for (; n; n = n->parent) {
        int lean = lean_of(n);
        if (lean >= -1 && lean <= 1) {
            if (!refresh(n))
                return;
            continue;
        }
        uint8_t height = n->height;
        size_t largest = n->largest;
        n = balance(t, n);
        if (n->height == height && n->largest == largest)
            return;
    }
}

static void hang(struct tree *t, struct tree_node *parent, struct tree_node **link,
                 struct tree_node *node)
{
    *link = node;
    node->parent = parent;
    node->left = node->right = NULL;
    node->height = 1;
    node->largest = offer_of(node);
    mend(t, parent);
}

void mm_tree_insert(struct tree *t, struct tree_node *node)
{
    struct tree_node *parent = NULL;
    struct tree_node **link = &t->root;
    while (*link) {
        parent = *link;
        link = node->range.start < parent->range.start ? &parent->left : &parent->right;
    }
    hang(t, parent, link, node);
}

void mm_tree_insert_before(struct tree *t, struct tree_node *at, struct tree_node *node)
{
    if (!at->left) {
        hang(t, at, &at->left, node);
        return;
    }
    struct tree_node *parent = at->left;
    while (parent->right)
        parent = parent->right;
    hang(t, parent, &parent->right, node);
}

void mm_tree_insert_after(struct tree *t, struct tree_node *at, struct tree_node *node)
{
    if (!at->right) {
        hang(t, at, &at->right, node);
        return;
    }
    struct tree_node *parent = at->right;
    while (parent->left)
        parent = parent->left;
    hang(t, parent, &parent->left, node);
}

static void adopt(struct tree_node *parent)
{
    if (parent->left)
        parent->left->parent = parent;
    if (parent->right)
        parent->right->parent = parent;
}

/* A node with two children: its successor, which has no left child, takes its place. */
static void erase_inner(struct tree *t, struct tree_node *node)
{
    struct tree_node *next = node->right;
    while (next->left)
        next = next->left;
    struct tree_node *lowest = next->parent == node ? next : next->parent;

    replace(t, next, next->right);
    next->left = node->left;
    next->right = node->right;
    next->height = node->height;
    next->largest = node->largest;
    adopt(next);
    replace(t, node, next);
    mend(t, lowest);
    mend(t, next); /* the first walk may have stopped below, and `next` offers something else */
}

void mm_tree_erase(struct tree *t, struct tree_node *node)
{
    if (node->left && node->right) {
        erase_inner(t, node);
        return;
    }
    struct tree_node *parent = node->parent;
    replace(t, node, node->left ? node->left : node->right);
    mend(t, parent);
}

void mm_tree_update(struct tree *t, struct tree_node *node)
{
    mend(t, node);
}

struct tree_node *mm_tree_floor(const struct tree *t, uintptr_t address)
{
    struct tree_node *best = NULL;
    struct tree_node *n = t->root;
    while (n) {
        bool below = n->range.start <= address;
        if (below)
            best = n;
        n = below ? n->right : n->left;
    }
    return best;
}

struct tree_node *mm_tree_at(const struct tree *t, uintptr_t address)
{
    struct tree_node *n = t->root;
    while (n) {
        if (address < n->range.start)
            n = n->left;
        else if (address >= n->range.end)
            n = n->right;
        else
            return n;
    }
    return NULL;
}

struct tree_node *mm_tree_first(const struct tree *t)
{
    struct tree_node *n = t->root;
    while (n && n->left)
        n = n->left;
    return n;
}

struct tree_node *mm_tree_next(const struct tree_node *node)
{
    struct tree_node *n = node->right;
    if (n) {
        while (n->left)
            n = n->left;
        return n;
    }
    while (node->parent && node->parent->right == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *mm_tree_previous(const struct tree_node *node)
{
    struct tree_node *n = node->left;
    if (n) {
        while (n->right)
            n = n->right;
        return n;
    }
    while (node->parent && node->parent->left == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *mm_tree_lowest_gap(const struct tree *t, size_t size)
{
    struct tree_node *n = t->root;
    if (largest_of(n) < size)
        return NULL;
    while (largest_of(n->left) >= size || offer_of(n) < size)
        n = largest_of(n->left) >= size ? n->left : n->right;
    return n;
}

struct tree_node *mm_tree_highest_gap(const struct tree *t, size_t size)
{
    struct tree_node *n = t->root;
    if (largest_of(n) < size)
        return NULL;
    while (largest_of(n->right) >= size || offer_of(n) < size)
        n = largest_of(n->right) >= size ? n->right : n->left;
    return n;
}

static bool node_is_valid(const struct tree_node *n)
{
    const struct tree_node *left = n->left;
    const struct tree_node *right = n->right;
    int lean = lean_of(n);
    size_t below = max_size(largest_of(left), largest_of(right));

    return n->range.start < n->range.end && lean >= -1 && lean <= 1 &&
           n->height == 1 + (lean > 0 ? height_of(left) : height_of(right)) &&
           n->largest == max_size(offer_of(n), below) && (!left || left->parent == n) &&
           (!right || right->parent == n);
}

/* Whether the subtree is well made and lies within `bounds`. */
static bool subtree_is_valid(const struct tree_node *n, struct range bounds)
{
    if (!n)
        return true;
    return range_contains(bounds, n->range) && node_is_valid(n) &&
           subtree_is_valid(n->left, (struct range){bounds.start, n->range.start}) &&
           subtree_is_valid(n->right, (struct range){n->range.end, bounds.end});
}

bool mm_tree_is_valid(const struct tree *t)
{
    if (t->root && t->root->parent)
        return false;
    return subtree_is_valid(t->root, (struct range){0, UINTPTR_MAX});
}
