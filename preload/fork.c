/*
 * fork.c - when around fork is seen to: before anyone else's handlers.
 *
 * What is done is told in process/around_fork.c.  libc runs prepare handlers in the reverse order of
 * registration and the others in order: ours are registered at the first allocation, before anyone
 * else's, so the program's own handlers may allocate.
 *
 * A clone() without CLONE_VM made by hand runs no handlers: its child must not use the parent's memory
 * (README.md).
 */
#include "preload.h"

#include <dlfcn.h>
#include <unistd.h>

#include "process/process.h"

void mm_preload_watch_forks(void)
{
    if (!mm_process_watch_forks())
        mm_preload_stop("start", "no memory for the fork handlers", NULL);
}

/* libc's fork without the handlers: ours must run all the same. */
MM_EXPORT pid_t _Fork(void)
{
    pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "_Fork");
    if (!next)
        mm_preload_stop("_Fork", "libc has none", NULL);

    bool ready = mm_preload_ready();
    if (ready)
        mm_process_before_fork();
    pid_t child = next();
    if (ready && child == 0)
        mm_process_after_fork_in_child();
    else if (ready)
        mm_process_after_fork_in_parent();
    return child;
}
