/*
 * counters.c - slots of the board: claimed once, given up never, full without harm.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stats/counters.h"
#include "test.h"

#define BOARD_BYTES ((size_t)NTMM_BOARD_SLOTS * NTMM_SLOT_BYTES)

static char path[] = "/tmp/ntmm-counters.XXXXXX";
static char *board;

/* A board as `ntmm run` makes it. */
static void make_board(void)
{
    int fd = mkstemp(path);
    struct ntmm_counters first = {.magic = NTMM_BOARD_MAGIC, .version = NTMM_BOARD_VERSION};
    check(fd >= 0 && ftruncate(fd, BOARD_BYTES) == 0 && write(fd, &first, sizeof(first)) > 0,
          "no file %s", path);
    board = mmap(NULL, BOARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(board != MAP_FAILED, "no mapping");
    close(fd);
}

static void remove_board(void)
{
    munmap(board, BOARD_BYTES);
    unlink(path);
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
}

static struct ntmm_counters *slot(int index)
{
    return (struct ntmm_counters *)(board + (size_t)index * NTMM_SLOT_BYTES);
}

/* Run `child` in a fork; its exit status. */
static int in_child(int (*child)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static int count_in_first_slot(void)
{
    mm_count(NTMM_PAGES_IN, 5);
    mm_counters_open(path);
    if (mm_counted(NTMM_PAGES_IN) != 5)
        return 1;
    mm_count(NTMM_PAGES_IN, 2);
    mm_count_set(NTMM_COMMITTED, 4096);
    mm_counters_engine("a name much longer than its place");
    return 0;
}

static void what_was_counted_before_the_board_is_not_lost(void)
{
    make_board();
    check(in_child(count_in_first_slot) == 0, "the child failed");
    check(slot(0)->value[NTMM_PAGES_IN] == 7, "%lu", (unsigned long)slot(0)->value[NTMM_PAGES_IN]);
    check(slot(0)->pid != 0 && slot(0)->parent == (uint32_t)getpid(), "parent %u", slot(0)->parent);
    check(strcmp(slot(0)->engine, "a name much lon") == 0, "%s", slot(0)->engine);
    check(slot(0)->name[0] != 0 && slot(0)->state == 1, "state %u", slot(0)->state);
    check(slot(1)->pid == 0, "a second slot was claimed");
    remove_board();
}

static int fork_again(void)
{
    mm_counters_after_fork();
    if (mm_counted(NTMM_PAGES_IN) != 0 || mm_counted(NTMM_COMMITTED) != 4096 ||
        mm_counted(NTMM_COMMITTED_PEAK) != 4096)
        return 1;
    mm_count(NTMM_PAGES_IN, 100);
    mm_counters_end();
    return 0;
}

static int count_and_fork(void)
{
    if (count_in_first_slot())
        return 1;
    mm_count_set(NTMM_COMMITTED_PEAK, 999999);
    return in_child(fork_again);
}

static void a_forked_child_counts_in_a_slot_of_its_own(void)
{
    make_board();
    check(in_child(count_and_fork) == 0, "the child failed");
    check(slot(0)->value[NTMM_PAGES_IN] == 7, "the parent's count changed");
    check(slot(1)->value[NTMM_PAGES_IN] == 100, "%lu",
          (unsigned long)slot(1)->value[NTMM_PAGES_IN]);
    check(slot(1)->parent == slot(0)->pid && slot(1)->state == 2, "state %u", slot(1)->state);
    check(slot(1)->magic == NTMM_BOARD_MAGIC, "no magic in a claimed slot");
    remove_board();
}

static int open_twice(void)
{
    mm_counters_open(path);
    mm_counters_open(path);
    return 0;
}

static void a_program_replaced_by_exec_leaves_its_slot_marked(void)
{
    make_board();
    check(in_child(open_twice) == 0, "the child failed");
    check(slot(0)->pid == slot(1)->pid && slot(0)->state == 3 && slot(1)->state == 1,
          "states %u %u", slot(0)->state, slot(1)->state);
    remove_board();
}

static int count_privately(void)
{
    mm_counters_open(path);
    mm_count(NTMM_PAGES_IN, 3);
    mm_counters_end();
    return mm_counted(NTMM_PAGES_IN) == 3 ? 0 : 1;
}

static void a_full_board_is_left_alone(void)
{
    make_board();
    for (int i = 0; i < NTMM_BOARD_SLOTS; i++) {
        slot(i)->magic = NTMM_BOARD_MAGIC;
        slot(i)->version = NTMM_BOARD_VERSION;
        slot(i)->pid = 1;
    }
    check(in_child(count_privately) == 0, "the child could not count");
    for (int i = 0; i < NTMM_BOARD_SLOTS; i++)
        check(slot(i)->pid == 1 && slot(i)->value[NTMM_PAGES_IN] == 0, "slot %d changed", i);
    remove_board();
}

static void a_board_without_magic_is_left_alone(void)
{
    make_board();
    slot(0)->magic = 0;
    check(in_child(count_privately) == 0, "the child could not count");
    check(slot(0)->pid == 0, "it was claimed");
    slot(0)->magic = NTMM_BOARD_MAGIC;
    slot(0)->version = NTMM_BOARD_VERSION + 1;
    check(in_child(count_privately) == 0, "the child could not count");
    check(slot(0)->pid == 0, "it was claimed");
    remove_board();
}

static int claim_and_rest(void)
{
    mm_counters_open(path);
    mm_count(NTMM_PAGES_IN, 1);
    return 0;
}

static void many_processes_at_once_never_share_a_slot(void)
{
    enum { MANY = 100 };
    make_board();
    fflush(stdout);
    for (int i = 0; i < MANY; i++) {
        if (fork() == 0)
            _exit(claim_and_rest());
    }
    while (wait(NULL) > 0)
        ;
    for (int i = 0; i < MANY; i++)
        check(slot(i)->value[NTMM_PAGES_IN] == 1, "slot %d counted %lu", i,
              (unsigned long)slot(i)->value[NTMM_PAGES_IN]);
    check(slot(MANY)->pid == 0, "one more was claimed");
    remove_board();
}

static int raise_peaks(void)
{
    mm_count_set(NTMM_RESIDENT, 10);
    mm_count_peak(NTMM_RESIDENT, NTMM_RESIDENT_PEAK);
    mm_count_set(NTMM_RESIDENT, 5);
    mm_count_peak(NTMM_RESIDENT, NTMM_RESIDENT_PEAK);
    return mm_counted(NTMM_RESIDENT_PEAK) == 10 ? 0 : 1;
}

static void a_peak_never_falls(void)
{
    check(in_child(raise_peaks) == 0, "it fell");
}

static const struct test tests[] = {
    TEST(what_was_counted_before_the_board_is_not_lost, ""),
    TEST(a_forked_child_counts_in_a_slot_of_its_own, ""),
    TEST(a_program_replaced_by_exec_leaves_its_slot_marked, ""),
    TEST(a_full_board_is_left_alone, ""),
    TEST(a_board_without_magic_is_left_alone, ""),
    TEST(many_processes_at_once_never_share_a_slot, ""),
    TEST(a_peak_never_falls, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
