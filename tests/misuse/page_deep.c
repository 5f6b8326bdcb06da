/*
 * Use a freed block, with all three stacks deep: the report is one screen still.
 *
 * heap: page
 * exit: SIGSEGV
 * report: : reads 0x
 * report: is 3 bytes inside a block of 24 bytes at 0x
 * report:   stack
 * report:       ...
 * report:   allocated by
 * report:    3  0x
 * report:   freed by
 * report:    3  0x
 * report:   line  addr2line
 */
#include <stdio.h>
#include <stdlib.h>

static void *volatile kept;

__attribute__((noinline)) static int make9(void)
{
    int n = (kept = malloc(24)) != NULL;
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make8(void)
{
    int n = make9();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make7(void)
{
    int n = make8();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make6(void)
{
    int n = make7();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make5(void)
{
    int n = make6();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make4(void)
{
    int n = make5();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make3(void)
{
    int n = make4();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make2(void)
{
    int n = make3();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int make1(void)
{
    int n = make2();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop9(void)
{
    int n = (free(kept), 0);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop8(void)
{
    int n = drop9();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop7(void)
{
    int n = drop8();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop6(void)
{
    int n = drop7();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop5(void)
{
    int n = drop6();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop4(void)
{
    int n = drop5();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop3(void)
{
    int n = drop4();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop2(void)
{
    int n = drop3();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int drop1(void)
{
    int n = drop2();
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use9(volatile char *p)
{
    int n = p[3];
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use8(volatile char *p)
{
    int n = use9(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use7(volatile char *p)
{
    int n = use8(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use6(volatile char *p)
{
    int n = use7(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use5(volatile char *p)
{
    int n = use6(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use4(volatile char *p)
{
    int n = use5(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use3(volatile char *p)
{
    int n = use4(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use2(volatile char *p)
{
    int n = use3(p);
    __asm__ volatile("");
    return n + 1;
}

__attribute__((noinline)) static int use1(volatile char *p)
{
    int n = use2(p);
    __asm__ volatile("");
    return n + 1;
}

int main(void)
{
    int n = make1() + drop1();

    n += use1(kept);
    puts("still running after the misuse");
    return n & 1;
}
