/*
 * burials.c - memory that is given back and taken again while the pager buries what died.
 *
 * A unit that dies, is revived and dies again is due to be buried twice.  What is written after the
 * last revival must stay, at whatever moment of the burial that comes.
 */
#include <windows.h>

#include <stdint.h>
#include <unistd.h>

#include "../chance.h"
#include "../test.h"

#define UNIT 65536u
#define UNITS 40u /* enough dead ones to be buried at once */
#define BALLAST \
    (16u << 20) /* more than the part of the budget from which on the pager's threads run */
#define ROUNDS 600u

static char *memory;

static uint64_t *word_of(unsigned unit)
{
    return (uint64_t *)(memory + (size_t)unit * UNIT + unit % 16 * 4096);
}

static void commit(unsigned unit)
{
    char *at = memory + (size_t)unit * UNIT;
    check(VirtualAlloc(at, UNIT, MEM_COMMIT, PAGE_READWRITE) == at, "error %u", GetLastError());
    check(*word_of(unit) == 0, "unit %u is not empty: %#llx", unit,
          (unsigned long long)*word_of(unit));
}

static void decommit(unsigned unit)
{
    check(VirtualFree(memory + (size_t)unit * UNIT, UNIT, MEM_DECOMMIT), "error %u",
          GetLastError());
}

static void what_is_written_after_a_revival_stays(void)
{
    char *ballast = VirtualAlloc(NULL, BALLAST, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    memory = VirtualAlloc(NULL, (SIZE_T)UNITS * UNIT, MEM_RESERVE, PAGE_NOACCESS);
    uint64_t seed = 1;
    check(ballast && memory, "error %u", GetLastError());

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        for (unsigned u = 0; u < UNITS; u++)
            commit(u);
        decommit(0);
        commit(0);
        for (unsigned u = 0; u < UNITS; u++)
            decommit(u);
        usleep((useconds_t)chance(&seed, 3000)); /* somewhere in the burial */
        commit(0);
        *word_of(0) = round;
        usleep(3000);
        check(*word_of(0) == round, "round %u: the word is %#llx", (unsigned)round,
              (unsigned long long)*word_of(0));
        decommit(0);
    }
    VirtualFree(memory, 0, MEM_RELEASE);
    VirtualFree(ballast, 0, MEM_RELEASE);
}

static const struct test tests[] = {
    TEST(what_is_written_after_a_revival_stays, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
