/*
 * os_perf.c - the kernel's own feed of hard faults: perf's software event, with the address.
 *
 * An ordinary user may have it for his own process where perf_event_paranoid is 2 or less; Debian's
 * default (3) and containers' seccomp filters deny it.  One ring per processor takes the events of
 * all threads on it; threads made later are followed by inheritance.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/page.h"
#include "os/os_internal.h"

#define RING_PAGES 16 /* data; 4096 events of 16 bytes */
#define MOST_EVENTS 512
#define MOST_RINGS 64

struct ring {
    struct perf_event_mmap_page *head; /* NULL: no such processor */
    int fd;
};

static struct ring rings[MOST_RINGS];

struct sample {
    struct perf_event_header header;
    uint64_t address;
};

static int open_event(pid_t tid, int processor)
{
    struct perf_event_attr about;

    memset(&about, 0, sizeof about);
    about.type = PERF_TYPE_SOFTWARE;
    about.size = sizeof about;
    about.config = PERF_COUNT_SW_PAGE_FAULTS_MAJ;
    about.sample_period = 1;
    about.sample_type = PERF_SAMPLE_ADDR;
    about.exclude_kernel = 1;
    about.exclude_hv = 1;
    about.inherit = 1;
    about.inherit_thread = 1; /* not the children of fork */
    about.watermark = 1;      /* nobody waits on it: never wake anyone */
    about.wakeup_watermark = RING_PAGES * PAGE_BYTES;
    return (int)call5(SYS_perf_event_open, &about, tid, processor, -1, PERF_FLAG_FD_CLOEXEC);
}

static int open_ring(struct ring *r, int fd)
{
    long base = call6(SYS_mmap, NULL, (1 + RING_PAGES) * PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
    if (base < 0 && base > -4096)
        return (int)base;
    r->head = (struct perf_event_mmap_page *)base;
    r->fd = fd;
    return 0;
}

/* One thread on one processor joins that processor's ring. */
static int join(pid_t tid, int processor)
{
    struct ring *r = &rings[processor];
    int fd = open_event(tid, processor);
    if (fd < 0)
        return fd;

    int high = (int)call3(SYS_fcntl, fd, 1030 /* F_DUPFD_CLOEXEC */, 700);
    if (high >= 0) {
        (void)mm_os_close(fd); /* a second name of the same event */
        fd = high;
    }
    if (!r->head)
        return open_ring(r, fd);
    return (int)call3(SYS_ioctl, fd, PERF_EVENT_IOC_SET_OUTPUT, r->fd);
}

int mm_os_faults_feed_open(void)
{
    pid_t tasks[MOST_EVENTS];
    struct os_machine machine;
    int events = 0;
    int count = mm_os_tasks(tasks, MOST_EVENTS);

    mm_os_machine(&machine);
    if (count < 0)
        return count;
    if ((unsigned)count * machine.processors > MOST_EVENTS || machine.processors > MOST_RINGS)
        return -E2BIG;
    for (int i = 0; i < count; i++) {
        for (unsigned processor = 0; processor < machine.processors; processor++) {
            if (mm_os_thread_is_ours(tasks[i]))
                continue;
            int error = join(tasks[i], (int)processor);
            if (error == -ESRCH)
                continue; /* the thread has ended */
            if (error)
                return error;
            events++;
        }
    }
    return events ? 0 : -ESRCH;
}

/* Copy out of a ring that wraps round. */
static void copy_out(const struct ring *r, uint64_t at, void *to, size_t size)
{
    const char *data = (const char *)r->head + PAGE_BYTES;
    size_t mask = RING_PAGES * PAGE_BYTES - 1;

    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = data[(at + i) & mask];
}

static int read_ring(struct ring *r, uintptr_t *addresses, int capacity)
{
    uint64_t head = __atomic_load_n(&r->head->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = r->head->data_tail;
    int count = 0;

    while (tail < head && count < capacity) {
        struct sample s;
        copy_out(r, tail, &s, sizeof s.header);
        if (s.header.size < sizeof s.header)
            break;
        if (s.header.type == PERF_RECORD_SAMPLE && s.header.size >= sizeof s) {
            copy_out(r, tail, &s, sizeof s);
            addresses[count++] = (uintptr_t)s.address;
        }
        tail += s.header.size;
    }
    __atomic_store_n(&r->head->data_tail, tail, __ATOMIC_RELEASE);
    return count;
}

int mm_os_faults_feed_read(uintptr_t *addresses, int capacity)
{
    int count = 0;

    for (int i = 0; i < MOST_RINGS && count < capacity; i++) {
        if (rings[i].head)
            count += read_ring(&rings[i], addresses + count, capacity - count);
    }
    return count;
}

void mm_os_faults_feed_forget(void)
{
    for (int i = 0; i < MOST_RINGS; i++) {
        if (!rings[i].head)
            continue;
        (void)mm_os_unmap(rings[i].head, (1 + RING_PAGES) * PAGE_BYTES); /* the parent's events */
        (void)mm_os_close(rings[i].fd);
        rings[i].head = NULL;
    }
}
