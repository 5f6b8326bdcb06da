/*
 * os_barrier.c - a memory barrier on every processor that runs a thread of this process.
 *
 * The dear half of a pair whose cheap half is nothing but an order for the compiler: who looks often
 * stores and loads without a fence, who looks seldom calls this in between.
 */
#include <errno.h>
#include <linux/membarrier.h>

#include "base/page.h"
#include "os/os_internal.h"

/*
 * Without membarrier(2), which filters of system calls may refuse: taking away a right on a page
 * that is mapped and present interrupts every processor that may have it in its TLB.
 */
static void by_page_table(void)
{
    static MM_APART _Alignas(4096) unsigned char page[4096];
    static struct os_lock lock;

    mm_os_lock(&lock);
    (void)mm_os_protect(page, sizeof page, OS_READ | OS_WRITE); /* our own page: cannot fail */
    atomic_store((_Atomic unsigned char *)page, 1);
    (void)mm_os_protect(page, sizeof page, OS_READ);
    mm_os_unlock(&lock);
}

void mm_os_barrier_everywhere(void)
{
    long error = call3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);

    if (error == -EPERM) { /* the first call of the process */
        (void)call3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
        error = call3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    }
    if (error)
        by_page_table();
}
