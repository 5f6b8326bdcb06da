/*
 * check.h - assertions that need neither stdio nor the heap.
 *
 * assert_that() states an invariant; it costs nothing in release builds (NDEBUG).  A broken
 * invariant stops the process at the spot: memory that might be wrong must not be used on.
 */
#ifndef NTMM_BASE_CHECK_H
#define NTMM_BASE_CHECK_H

#ifdef NDEBUG
#define assert_that(condition) ((void)sizeof(condition))
#else
#define assert_that(condition) ((condition) ? (void)0 : __builtin_trap())
#endif

#endif
