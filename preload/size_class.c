/*
 * size_class.c - the sizes that small blocks come in.
 *
 * Steps of 16 bytes up to 1 KiB, then four sizes to a doubling up to 32 KiB, so that a block wastes
 * at most a fifth of itself.  A span is one 64 KiB unit; above 8 KiB it is four, or two blocks of
 * 24 KiB would leave a quarter of it unused.
 */
#include "preload.h"

#define MAGIC(size) (((uint64_t)1 << 40) / (size) + 1)

/*
 * Why the division is exact: the magic number exceeds 2^40/size by at most 1, so the quotient is
 * too large by less than offset / 2^40; offsets are below 2^18 and quotients are multiples of
 * 1/size >= 2^-15.
 */
#define CLASS(bytes, unit_count)                                                        \
    {                                                                                   \
        .size = (bytes), .blocks = (unit_count)*65536 / (bytes), .units = (unit_count), \
        .magic = MAGIC(bytes)                                                           \
    }

#define FOUR(base, step, unit_count)                                            \
    CLASS((base) + (step), unit_count), CLASS((base) + 2 * (step), unit_count), \
        CLASS((base) + 3 * (step), unit_count), CLASS((base) + 4 * (step), unit_count)

#define SIXTEEN(base)                                                       \
    FOUR(base, 16, 1), FOUR((base) + 64, 16, 1), FOUR((base) + 128, 16, 1), \
        FOUR((base) + 192, 16, 1)

const struct size_class mm_preload_classes[CLASS_COUNT] = {
    SIXTEEN(0),          SIXTEEN(256),        SIXTEEN(512),
    SIXTEEN(768),        FOUR(1024, 256, 1),  FOUR(2048, 512, 1),
    FOUR(4096, 1024, 1), FOUR(8192, 2048, 4), FOUR(16384, 4096, 4),
};
