/*
 * Read a mapped file behind its end.
 *
 * exit: SIGBUS
 * report: unhandled exception 0xc0000006 EXCEPTION_IN_PAGE_ERROR
 * report: : reads 0x
 * report: status 0xc0000011 STATUS_END_OF_FILE
 */
#include <windows.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "misuse.h"

int main(void)
{
    char path[] = "misuse-XXXXXX";
    int fd = mkstemp(path);
    volatile char *p;

    if (ftruncate(fd, 8192) != 0)
        return 2;
    p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    if (ftruncate(fd, 4096) != 0)
        return 2;
    (void)p[0];
    (void)p[5000];
    return still_running();
}
