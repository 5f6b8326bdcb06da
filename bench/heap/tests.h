/*
 * tests.h - what the tests of malloc share: clocks and slices, resident memory, chance.
 *
 * A test is a function that prints `key value` lines.  scripts/bench_heap runs each under every
 * allocator in turn and compares.  Everything is compiled with -fno-builtin: a pair of malloc and
 * free that gcc sees through would cost nothing.
 */
#ifndef BENCH_HEAP_TESTS_H
#define BENCH_HEAP_TESTS_H

#include <stddef.h>
#include <stdint.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* Each takes the words after the test's name. */
void test_pair(char **words);
void test_pair_steps(char **words);
void test_calloc_pair(char **words);
void test_batch(char **words);
void test_mix(char **words);
void test_handover(char **words);
void test_two_threads(char **words);
void test_grow(char **words);
void test_append(char **words);
void test_calloc_fresh(char **words);
void test_give_back(char **words);
void test_fragments(char **words);
void test_slack(char **words);
void test_paged_out(char **words);
void test_nothing(char **words);

/* ---- measure.c --------------------------------------------------------------------------------- */

/* Nanoseconds: of CPU by the whole process, the allocator's threads included; by the wall's clock. */
double cpu_now(void);
double wall_now(void);

/* Nanoseconds of CPU of one deed. */
struct time {
    double middle; /* the median of several slices */
    double best;
};

/* Each slice takes at least `slice` nanoseconds. */
struct time time_of_deeds(void (*deeds)(const void *what, size_t count), const void *what,
                          double slice);

double median(double *values, size_t count);
double least(const double *values, size_t count);

/* Bytes of this process in RAM, now. */
size_t resident(void);

/* Bytes at most since it started. */
size_t resident_peak(void);

/* Xorshift: always the same numbers.  State must not be 0. */
uint64_t chance(uint64_t *state);

/* A size of a mix that is mostly small: nine of ten up to 256 bytes, one of a hundred to 16 KiB. */
size_t size_by_chance(uint64_t *state);

/* Write a block's first byte; a NULL ends the program. */
void *touched(void *block);

/* And one byte of each page behind it. */
void *touched_wholly(void *block, size_t size);

void tell(const char *key, double value);
size_t size_word(const char *word);
_Noreturn void give_up(const char *why);

/* ---- pairs.c ------------------------------------------------------------------------------------ */

/* Allocate and free `count` times.  what: the size_t. */
void pairs(const void *what, size_t count);

/* ---- batches.c ---------------------------------------------------------------------------------- */

enum order { FIFO, LIFO, RANDOM };
struct batch;

struct batch *batch_new(enum order order);
void batch_free(struct batch *b);

/* Allocate and free `count` blocks, a batch at a time.  what: the struct batch. */
void batches(const void *what, size_t count);

#endif
