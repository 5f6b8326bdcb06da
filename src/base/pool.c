/*
 * pool.c - things of one size, carved from memory that the owner hands in; see pool.h.
 */
#include "base/pool.h"

static void *take_fresh(struct pool *p)
{
    if ((size_t)(p->fresh_end - p->fresh) < p->size)
        return NULL;
    void *thing = p->fresh;
    p->fresh += p->size;
    return thing;
}

static void put_free(struct pool *p, void *thing)
{
    *(void **)thing = p->free;
    p->free = thing;
}

void mm_pool_add(struct pool *p, void *memory, size_t bytes)
{
    void *rest;
    while ((rest = take_fresh(p)))
        put_free(p, rest);
    p->fresh = memory;
    p->fresh_end = p->fresh + bytes;
    p->available += bytes / p->size;
}

void *mm_pool_take(struct pool *p)
{
    void *thing = p->free;
    if (thing)
        p->free = *(void **)thing;
    else
        thing = take_fresh(p);
    if (!thing)
        return NULL;
    p->available--;
    p->taken++;
    return thing;
}

void mm_pool_give(struct pool *p, void *thing)
{
    if (!thing)
        return;
    put_free(p, thing);
    p->available++;
    p->taken--;
}
