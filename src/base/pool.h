/*
 * pool.h - things of one size, carved from memory that the owner hands in.
 *
 * Nothing is ever given back to where the memory came from; a thing given back is the next one
 * taken.  Fresh memory is not touched before it is taken.  No locks: the owner guards the pool.
 */
#ifndef NTMM_BASE_POOL_H
#define NTMM_BASE_POOL_H

#include <stddef.h>

struct pool {
    size_t size;      /* bytes of a thing; a multiple of 8 */
    size_t available; /* things that can be taken now */
    size_t taken;     /* things that are out */
    void *free;       /* things given back, each pointing to the next */
    char *fresh;      /* never taken yet ... */
    char *fresh_end;  /* ... up to here */
};

/*
 * Hand in memory, zeroed or not, aligned for the things.
 *
 * => what was left of the memory handed in before stays available
 */
void mm_pool_add(struct pool *p, void *memory, size_t bytes);

/* A thing with undefined contents; NULL when there is none. */
void *mm_pool_take(struct pool *p);

/* Give a thing back.  NULL is fine. */
void mm_pool_give(struct pool *p, void *thing);

#endif
