/*
 * overrun.c - a write past a block of the debug heap stops the program when the block is freed.
 *
 * exit: SIGTRAP
 * report: HEAP CORRUPTION DETECTED: after Normal block (#1) at 0x
 * report: CRT detected that the application wrote to memory after end of heap buffer.
 * report: Memory allocated at 
 * report: overrun.c(17).
 * report: unhandled exception 0x80000003
 */
#define _DEBUG
#define _CRTDBG_MAP_ALLOC
#include <crtdbg.h>

int main(void)
{
    volatile char *past = (char *)malloc(10);
    past[10] = 'x';
    free((void *)past);
    return 0;
}
