/*
 * thread.h - run something in another thread, here and on Windows.
 */
#ifndef NTMM_TESTS_API_THREAD_H
#define NTMM_TESTS_API_THREAD_H

#include <windows.h>

#ifndef _WIN32
#include <pthread.h>
#endif

struct thread {
    void (*run)(void *argument);
    void *argument;
#ifdef _WIN32
    HANDLE handle;
#else
    pthread_t handle;
#endif
};

#ifdef _WIN32

static DWORD WINAPI thread_main(void *thread)
{
    struct thread *t = thread;
    t->run(t->argument);
    return 0;
}

static inline void thread_start(struct thread *t)
{
    t->handle = CreateThread(NULL, 0, thread_main, t, 0, NULL);
}

static inline void thread_join(struct thread *t)
{
    WaitForSingleObject(t->handle, INFINITE);
    CloseHandle(t->handle);
}

#else

static void *thread_main(void *thread)
{
    struct thread *t = thread;
    t->run(t->argument);
    return NULL;
}

static inline void thread_start(struct thread *t)
{
    pthread_create(&t->handle, NULL, thread_main, t);
}

static inline void thread_join(struct thread *t)
{
    pthread_join(t->handle, NULL);
}

#endif

#endif
