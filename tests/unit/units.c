/*
 * units.c - the pager's records: masks, the search for live chunks, and the two lists.
 *
 * Records need no memory behind them: the pieces here are addresses alone.
 */
#include "test.h"

#include "pager/lists.h"
#include "pager/unit.h"

#define BASE ((uintptr_t)1 << 40)
#define CHUNKS 10000
#define AT(chunk) (BASE + (uintptr_t)(chunk)*CHUNK_BYTES)

static struct piece *piece;

static void note(uintptr_t start, size_t bytes)
{
    mm_piece_note_live(piece, (struct range){start, start + bytes});
}

static void a_mask_holds_the_pages_of_the_unit_that_lie_in_the_range(void)
{
    check(mm_unit_mask(BASE, BASE, BASE + UNIT_BYTES) == 0xffff, "whole");
    check(mm_unit_mask(BASE, BASE - UNIT_BYTES, BASE + 2 * UNIT_BYTES) == 0xffff, "wider");
    check(mm_unit_mask(BASE, BASE + PAGE_BYTES, BASE + 3 * PAGE_BYTES) == 0x6, "inside");
    check(mm_unit_mask(BASE, BASE - UNIT_BYTES, BASE + PAGE_BYTES) == 0x1, "first");
    check(mm_unit_mask(BASE, BASE + 15 * PAGE_BYTES, BASE + UNIT_BYTES * 2) == 0x8000, "last");
}

static void the_search_for_live_chunks_crosses_gaps_of_any_width(void)
{
    static const int live[] = {3, 4, 63, 64, 130, 4100, 9000};
    int count = (int)(sizeof live / sizeof live[0]);

    for (int i = 0; i < count; i++)
        note(AT(live[i]), PAGE_BYTES);
    check(mm_piece_next_live(piece, BASE) == AT(3), "below the lowest");
    for (int i = 0; i + 1 < count; i++) {
        uintptr_t found = mm_piece_next_live(piece, AT(live[i] + 1));
        check(found == AT(live[i + 1]), "after %d: chunk %zu", live[i],
              (size_t)(found - BASE) >> CHUNK_SHIFT);
    }
    check(mm_piece_next_live(piece, piece->high) == AT(9000) + PAGE_BYTES, "at the end");
}

static void a_list_gives_back_the_oldest_first_and_counts_pages(void)
{
    uintptr_t out[4];

    check(mm_lists_init(1024) == 0, "no memory");
    for (unsigned i = 0; i < 3; i++)
        check(mm_lists_add(BASE + i * UNIT_BYTES, UNIT_MODIFIED, i + 1), "unit %u", i);
    check(mm_lists_pages(UNIT_MODIFIED) == 6, "%llu",
          (unsigned long long)mm_lists_pages(UNIT_MODIFIED));
    check(mm_lists_take(UNIT_MODIFIED, out, 2) == 2, "two of three");
    check(out[0] == BASE && out[1] == BASE + UNIT_BYTES, "order");
    check(mm_lists_pages(UNIT_ACTIVE) == 3, "one unit of three pages is left");
    check(mm_lists_take(UNIT_MODIFIED, out, 4) == 1, "the last");
}

static void a_full_list_refuses_and_leaves_the_unit_active(void)
{
    for (uintptr_t i = 0; i < 1024; i++)
        check(mm_lists_add(BASE + i * UNIT_BYTES, UNIT_STANDBY, 1), "unit %zu", (size_t)i);
    uintptr_t extra = BASE + 1024 * UNIT_BYTES;
    check(!mm_lists_add(extra, UNIT_STANDBY, 1), "took one too many");
    check(mm_unit_of(extra)->stage == UNIT_ACTIVE, "stage");
    check(mm_lists_pages(UNIT_STANDBY) == 1024, "pages");
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_mask_holds_the_pages_of_the_unit_that_lie_in_the_range, ""),
        TEST(the_search_for_live_chunks_crosses_gaps_of_any_width, ""),
        TEST(a_list_gives_back_the_oldest_first_and_counts_pages, ""),
        TEST(a_full_list_refuses_and_leaves_the_unit_active, ""),
    };

    if (mm_piece_add(BASE, AT(CHUNKS), (int[]){-1, -1}, 0) != 0)
        return 1;
    piece = mm_piece(0);
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
