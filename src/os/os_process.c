/*
 * os_process.c - the process and the machine: environment, faults, memory in all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/page.h"
#include "os/os_internal.h"

pid_t mm_os_pid(void)
{
    return (pid_t)call0(SYS_getpid);
}

pid_t mm_os_tid(void)
{
    return (pid_t)call0(SYS_gettid);
}

bool mm_os_process_exists(uint32_t number)
{
    if (number == 0 || number > INT32_MAX)
        return false;
    long error = call2(SYS_kill, (pid_t)number, 0);
    return error == 0 || error == -EPERM;
}

void mm_os_exit(int status)
{
    for (;;)
        (void)call1(SYS_exit_group, status); /* does not return */
}

/* Before libc has set its own up, the environment is read from the kernel. */
struct words {
    int fd;
    char buffer[4096];
    ssize_t have;
    ssize_t at;
};

static int next_byte(struct words *w)
{
    if (w->at == w->have) {
        w->have = mm_os_read(w->fd, w->buffer, sizeof w->buffer);
        w->at = 0;
        if (w->have <= 0)
            return -1;
    }
    return (unsigned char)w->buffer[w->at++];
}

/* The next word, cut where there is no room; false at the end. */
static bool next_word(struct words *w, char *word, size_t capacity)
{
    size_t length = 0;
    int c;

    while ((c = next_byte(w)) > 0) {
        if (length + 1 < capacity)
            word[length++] = (char)c;
    }
    word[length] = '\0';
    return c == 0;
}

/* One word of it, "NAME=VALUE": told if it begins with `prefix`. */
static void tell_word(const char *word, const char *prefix, os_variable_fn *found, void *context)
{
    char name[64];
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : sizeof name;

    if (length >= sizeof name || strncmp(word, prefix, strlen(prefix)) != 0)
        return;
    memcpy(name, word, length);
    name[length] = '\0';
    found(context, name, equals + 1);
}

static void environment_of_kernel(const char *prefix, os_variable_fn *found, void *context)
{
    struct words w = {.fd = mm_os_open("/proc/self/environ", O_RDONLY, 0)};
    char word[512];

    if (w.fd < 0)
        return;
    while (next_word(&w, word, sizeof word))
        tell_word(word, prefix, found, context);
    (void)mm_os_close(w.fd); /* read only: nothing to lose */
}

void mm_os_environment(const char *prefix, os_variable_fn *found, void *context)
{
    if (!environ) {
        environment_of_kernel(prefix, found, context);
        return;
    }
    for (char **word = environ; *word; word++)
        tell_word(*word, prefix, found, context);
}

void mm_os_faults(struct os_faults *ret_faults)
{
    struct rusage usage;

    memset(&usage, 0, sizeof usage);
    (void)call2(SYS_getrusage, RUSAGE_SELF, &usage); /* cannot fail for a valid buffer */
    ret_faults->major = (uint64_t)usage.ru_majflt;
    ret_faults->minor = (uint64_t)usage.ru_minflt;
    ret_faults->peak_resident = (uint64_t)usage.ru_maxrss * KIB;
}

/* The number that starts at or after *text, which is moved behind it. */
static uint64_t number_in(const char **text)
{
    uint64_t value = 0;
    const char *p = *text;

    while (*p && (*p < '0' || *p > '9'))
        p++;
    while (*p >= '0' && *p <= '9')
        value = value * 10 + (uint64_t)(*p++ - '0');
    *text = p;
    return value;
}

int mm_os_resident(uint64_t *ret_all, uint64_t *ret_shared)
{
    char text[128];
    if (mm_os_is_watched())
        return -ENOTSUP;
    ssize_t length = mm_os_read_text("/proc/self/statm", text, sizeof text);
    if (length < 0)
        return (int)length;

    const char *at = text;
    (void)number_in(&at); /* the first is the size of the address space */
    *ret_all = number_in(&at);
    *ret_shared = number_in(&at);
    return 0;
}

/* "Name:   123 kB" in /proc/meminfo, in bytes; 0 where the line is missing. */
static uint64_t line_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at)
        return 0;
    at += strlen(name);
    return number_in(&at) * KIB;
}

static unsigned count_processors(void)
{
    unsigned long mask[128 / sizeof(long) * 8];
    long bytes = call3(SYS_sched_getaffinity, 0, sizeof mask, mask);
    unsigned count = 0;

    for (long i = 0; i < bytes / (long)sizeof(long); i++)
        count += (unsigned)__builtin_popcountl(mask[i]);
    return count ? count : 1;
}

void mm_os_machine(struct os_machine *ret_machine)
{
    char text[4096];
    uint64_t limit;
    uint64_t usage;

    if (mm_os_read_text("/proc/meminfo", text, sizeof text) < 0)
        text[0] = '\0';
    *ret_machine = (struct os_machine){
        .memory = line_of(text, "MemTotal:"),
        .available = line_of(text, "MemAvailable:"),
        .swap = line_of(text, "SwapTotal:"),
        .swap_free = line_of(text, "SwapFree:"),
        .processors = count_processors(),
    };
    if (mm_os_cgroup(&limit, &usage) == 0 && limit < ret_machine->memory) {
        ret_machine->memory = limit;
        ret_machine->available =
            min_size(ret_machine->available, limit > usage ? limit - usage : 0);
    }
}

uint64_t mm_os_machine_size(void)
{
    struct sysinfo all;
    uint64_t limit;

    if (call1(SYS_sysinfo, &all))
        return 0;
    uint64_t memory = (uint64_t)all.totalram * all.mem_unit;
    if (mm_os_cgroup(&limit, NULL) == 0 && limit < memory)
        memory = limit;
    return memory + (uint64_t)all.totalswap * all.mem_unit;
}

/* Where the process's memory cgroup shows itself: the usual mounts, own path first. */
static int cgroup_number(const char *folder, const char *path, const char *file,
                         uint64_t *ret_value)
{
    char name[512];
    char text[64];
    struct os_text t = {name, name + sizeof name - 1};

    mm_os_text(&t, folder);
    mm_os_text(&t, path);
    mm_os_text(&t, "/");
    mm_os_text(&t, file);
    if (mm_os_read_text(name, text, sizeof text) <= 0)
        return -ENOENT;
    if (text[0] < '0' || text[0] > '9')
        return -ENOENT; /* "max" */
    const char *at = text;
    *ret_value = number_in(&at);
    return 0;
}

/* Copy the path behind `key` in a line of /proc/self/cgroup. */
static bool cgroup_path(const char *lines, const char *key, char *path, size_t capacity)
{
    const char *at = strstr(lines, key);
    size_t length = 0;

    if (!at)
        return false;
    at += strlen(key);
    while (at[length] && at[length] != '\n' && length + 1 < capacity)
        length++;
    memcpy(path, at, length);
    path[length] = '\0';
    if (length == 1)
        path[0] = '\0'; /* "/": the mount itself */
    return true;
}

int mm_os_cgroup(uint64_t *ret_limit, uint64_t *ret_usage)
{
    static const struct {
        const char *key, *folder, *limit, *usage;
    } kind[] = {
        {"0::", "/sys/fs/cgroup", "memory.max", "memory.current"},
        {":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"},
    };
    char lines[2048];
    char path[256];

    if (mm_os_read_text("/proc/self/cgroup", lines, sizeof lines) < 0)
        return -ENOENT;
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        uint64_t limit;
        uint64_t usage = 0;
        if (!cgroup_path(lines, kind[i].key, path, sizeof path))
            continue;
        /* In a container the mount often shows its own group as the root. */
        if (cgroup_number(kind[i].folder, path, kind[i].limit, &limit)) {
            path[0] = '\0';
            if (cgroup_number(kind[i].folder, path, kind[i].limit, &limit))
                continue;
        }
        if (limit > 1ull << 60 ||
            (ret_usage && cgroup_number(kind[i].folder, path, kind[i].usage, &usage)))
            continue;
        *ret_limit = limit;
        if (ret_usage)
            *ret_usage = usage;
        return 0;
    }
    return -ENOENT;
}

bool mm_os_is_traced(void)
{
    char text[4096];
    static const char name[] = "TracerPid:\t";

    if (mm_os_read_text("/proc/self/status", text, sizeof text) < 0)
        return false;
    const char *at = strstr(text, name);
    return at && at[sizeof name - 1] != '0';
}

uint64_t mm_os_random(void)
{
    uint64_t number;

    if (call3(SYS_getrandom, &number, sizeof number, GRND_NONBLOCK) == sizeof number)
        return number;
    return mm_os_now() * 0x9E3779B97F4A7C15ull ^ (uintptr_t)&number; /* no entropy yet: the clock */
}
