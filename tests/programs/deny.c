/*
 * deny.c - run a program under a seccomp filter like that of a default container.
 *
 * usage: deny LIST PROGRAM ARGS...
 *
 * LIST is `docker` (what Docker's default profile denies of the calls a pager could want, with
 * EPERM) or `old` (the same, and calls that an older profile does not know fail with ENOSYS).
 * The filter holds for the program and its children; as in a container, no privilege is gained.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#else
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

#define DENIED(call, error)                          \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

#define COMMON                                                                  \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),    \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0),                    \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),                    \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),  \
        DENIED(__NR_userfaultfd, EPERM), DENIED(__NR_perf_event_open, EPERM),   \
        DENIED(__NR_io_uring_setup, EPERM), DENIED(__NR_io_uring_enter, EPERM), \
        DENIED(__NR_io_uring_register, EPERM), DENIED(__NR_bpf, EPERM),         \
        DENIED(__NR_process_madvise, EPERM), DENIED(__NR_swapon, EPERM),        \
        DENIED(__NR_mount, EPERM), DENIED(__NR_unshare, EPERM)

static struct sock_filter docker_filter[] = {
    COMMON,
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static struct sock_filter old_filter[] = {
    COMMON,
    DENIED(__NR_cachestat, ENOSYS),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static int install(struct sock_filter *filter, unsigned short length)
{
    struct sock_fprog program = {.len = length, .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: deny docker|old PROGRAM ARGS...\n");
        return 125;
    }
    if (strcmp(argv[1], "old") == 0)
        status = install(old_filter, sizeof(old_filter) / sizeof(old_filter[0]));
    else
        status = install(docker_filter, sizeof(docker_filter) / sizeof(docker_filter[0]));
    if (status != 0 || syscall(__NR_userfaultfd, 0) != -1 || errno != EPERM) {
        perror("deny: no seccomp filter here");
        return 125;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 126;
}
