/*
 * size_class.c - the sizes that small blocks come in.
 *
 * Steps of 16 bytes up to 256, then eight sizes to a doubling up to 8 KiB and four up to 32 KiB: a
 * block wastes at most a ninth of itself up to 8 KiB and a fifth above.  A span is one 64 KiB unit;
 * above 8 KiB it is four, or two blocks of 24 KiB would leave a quarter of it unused.
 *
 * Why the division is exact: offsets are multiples of 16 below 2^18, and so are sizes; the magic
 * number exceeds 2^31 / (size / 16) by less than 1, so the product exceeds the quotient by less
 * than 2^14 / 2^31, and quotients are multiples of 16 / size >= 2^-11.
 */
#include "heap/heap_internal.h"

#define CLASS(bytes, unit_count)                                                        \
    {                                                                                   \
        .size = (bytes), .blocks = (unit_count)*65536 / (bytes), .units = (unit_count), \
        .magic = (1u << 31) / ((bytes) / 16) + ((1u << 31) % ((bytes) / 16) != 0)       \
    }

#define FOUR(base, step, unit_count)                                            \
    CLASS((base) + (step), unit_count), CLASS((base) + 2 * (step), unit_count), \
        CLASS((base) + 3 * (step), unit_count), CLASS((base) + 4 * (step), unit_count)

#define EIGHT(base, step) FOUR(base, step, 1), FOUR((base) + 4 * (step), step, 1)

const struct size_class mm_heap_classes[CLASS_COUNT] = {
    EIGHT(0, 16),     EIGHT(128, 16),   EIGHT(256, 32),      EIGHT(512, 64),       EIGHT(1024, 128),
    EIGHT(2048, 256), EIGHT(4096, 512), FOUR(8192, 2048, 4), FOUR(16384, 4096, 4),
};

/* n entries of class c; the table has one for each 16 bytes. */
#define TIMES1(c) c
#define TIMES2(c) c, c
#define TIMES4(c) TIMES2(c), TIMES2(c)
#define TIMES8(c) TIMES4(c), TIMES4(c)
#define TIMES16(c) TIMES8(c), TIMES8(c)
#define TIMES32(c) TIMES16(c), TIMES16(c)
#define TIMES64(c) TIMES32(c), TIMES32(c)
#define TIMES128(c) TIMES64(c), TIMES64(c)
#define TIMES256(c) TIMES128(c), TIMES128(c)
#define FOUR_OF(times, c) times(c), times((c) + 1), times((c) + 2), times((c) + 3)
#define EIGHT_OF(times, c) FOUR_OF(times, c), FOUR_OF(times, (c) + 4)

const uint8_t mm_heap_class_of[SMALL_MAX / 16 + 1] = {
    0,
    EIGHT_OF(TIMES1, 0),
    EIGHT_OF(TIMES1, 8),
    EIGHT_OF(TIMES2, 16),
    EIGHT_OF(TIMES4, 24),
    EIGHT_OF(TIMES8, 32),
    EIGHT_OF(TIMES16, 40),
    EIGHT_OF(TIMES32, 48),
    FOUR_OF(TIMES128, 56),
    FOUR_OF(TIMES256, 60),
};
