/*
 * batches.c - many blocks live at once: a thousand at a time, and a hundred thousand.
 */
#include <stdlib.h>
#include <string.h>

#include "tests.h"

#define BATCH 1000
#define BATCH_SIZES 65536 /* then they come again: no two batches are alike for long */
#define BATCH_SLICE 5e6   /* ns */
#define MIX_BLOCKS 100000
#define MIX_SIZES (1 << 16)
#define MIX_SLICE 30e6 /* ns */

/* ---- batches ------------------------------------------------------------------------------------- */

struct batch {
    size_t sizes[BATCH_SIZES];
    size_t next;         /* of the sizes */
    size_t order[BATCH]; /* in which blocks are freed */
    void *blocks[BATCH];
    void *later; /* keeps glibc from giving all the others back to the kernel each time */
};

static void shuffle(size_t *numbers, size_t count)
{
    uint64_t state = 7;
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = chance(&state) % (i + 1);
        size_t kept = numbers[i];
        numbers[i] = numbers[j];
        numbers[j] = kept;
    }
}

struct batch *batch_new(enum order order)
{
    uint64_t state = 5;
    struct batch *b = touched(malloc(sizeof *b));
    b->later = NULL;
    b->next = 0;
    for (size_t i = 0; i < BATCH_SIZES; i++)
        b->sizes[i] = 16 + chance(&state) % 497;
    for (size_t i = 0; i < BATCH; i++)
        b->order[i] = order == LIFO ? BATCH - 1 - i : i;
    if (order == RANDOM)
        shuffle(b->order, BATCH);
    return b;
}

void batch_free(struct batch *b)
{
    free(b->later);
    free(b);
}

static void one_batch(struct batch *b)
{
    for (size_t i = 0; i < BATCH; i++)
        b->blocks[i] = touched(malloc(b->sizes[b->next++ % BATCH_SIZES]));
    if (!b->later)
        b->later = touched(malloc(64));
    for (size_t i = 0; i < BATCH; i++)
        free(b->blocks[b->order[i]]);
}

void batches(const void *what, size_t count)
{
    for (size_t i = 0; i < count; i += BATCH)
        one_batch((struct batch *)what);
}

static void whole_batches(const void *what, size_t count)
{
    batches(what, count * BATCH);
}

static enum order order_word(const char *word)
{
    if (strcmp(word, "fifo") == 0)
        return FIFO;
    if (strcmp(word, "lifo") == 0)
        return LIFO;
    if (strcmp(word, "random") == 0)
        return RANDOM;
    give_up("fifo, lifo or random was expected");
}

void test_batch(char **words)
{
    struct batch *b = batch_new(order_word(words[0]));
    tell("ns", time_of_deeds(whole_batches, b, BATCH_SLICE).middle / BATCH);
    batch_free(b);
}

/* ---- the mix ------------------------------------------------------------------------------------- */

/* Not on the heap that is measured, and touched before it is. */
static struct mix {
    void *blocks[MIX_BLOCKS];
    size_t held[MIX_BLOCKS]; /* sizes of the blocks */
    size_t sizes[MIX_SIZES]; /* to come, over and over */
    size_t next;
    size_t live; /* bytes */
    size_t live_peak;
    uint64_t state;
} mix;

static void mix_put(size_t i)
{
    size_t size = mix.sizes[mix.next++ % MIX_SIZES];
    mix.blocks[i] = touched_wholly(malloc(size), size);
    mix.live += size - mix.held[i];
    mix.held[i] = size;
    mix.live_peak = mix.live > mix.live_peak ? mix.live : mix.live_peak;
}

static void replacements(const void *what, size_t count)
{
    (void)what;
    for (size_t n = 0; n < count; n++) {
        size_t i = chance(&mix.state) % MIX_BLOCKS;
        free(mix.blocks[i]);
        mix_put(i);
    }
}

void test_mix(char **words)
{
    (void)words;
    memset(&mix, 0, sizeof mix);
    memset(mix.blocks, 1, sizeof mix.blocks);
    memset(mix.sizes, 1, sizeof mix.sizes);
    mix.state = 11;
    for (size_t i = 0; i < MIX_SIZES; i++)
        mix.sizes[i] = size_by_chance(&mix.state);
    size_t before = resident();
    for (size_t i = 0; i < MIX_BLOCKS; i++)
        mix_put(i);
    tell("ns", time_of_deeds(replacements, NULL, MIX_SLICE).middle);
    tell("rss", (double)(resident_peak() - before) / (double)mix.live_peak);
}
