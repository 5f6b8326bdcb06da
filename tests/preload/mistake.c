/*
 * mistake.c - one mistake with memory, chosen by its name; mistakes.py says how each must end.
 *
 * usage: mistake NAME [SIZE]
 *
 * Before the mistake the address is written to standard output.  A program that is still alive after
 * it takes more blocks and says whether one of them was handed out twice.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static size_t size = 100;

/* The compiler knows malloc and free, and must not know what is done here. */
static void *volatile sink;
static void *volatile kept[3000];

static void *make(size_t bytes)
{
    sink = malloc(bytes);
    return sink;
}

/* The address of the mistake to come; standard output is not to be allocated for it. */
static void *wrong(void *address)
{
    char line[40];
    int n = snprintf(line, sizeof line, "%#lx\n", (unsigned long)address);
    if (write(1, line, (size_t)n) != n)
        _exit(9);
    sink = address;
    return sink;
}

static void *free_in_thread(void *block)
{
    free(block);
    return NULL;
}

static void free_elsewhere(void *block)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_in_thread, block) != 0)
        _exit(9);
    pthread_join(thread, NULL);
}

/* Take and free `count` blocks of the size, all at once. */
static void fill_and_empty(int count)
{
    for (int i = 0; i < count; i++)
        kept[i] = malloc(size);
    for (int i = 0; i < count; i++)
        free(kept[i]);
}

static void twice(void)
{
    void *p = make(size);
    free(p);
    free(wrong(p));
}

static void twice_with_another_between(void)
{
    void *p = make(size);
    void *q = make(size);
    free(p);
    free(q);
    free(wrong(p));
}

static void twice_after_1000_others(void)
{
    void *p = make(size);
    for (int i = 0; i < 1000; i++)
        kept[i] = malloc(size);
    free(p);
    for (int i = 0; i < 1000; i++)
        free(kept[i]);
    free(wrong(p));
}

static void twice_second_in_another_thread(void)
{
    void *p = make(size);
    free(p);
    free_elsewhere(wrong(p));
}

static void twice_first_in_another_thread(void)
{
    void *p = make(size);
    free_elsewhere(p);
    free(wrong(p));
}

static void twice_both_in_other_threads(void)
{
    void *p = make(size);
    free_elsewhere(p);
    free_elsewhere(wrong(p));
}

static void twice_written_between(void)
{
    char *p = make(size);
    free(p);
    for (size_t i = 0; i < size; i++)
        ((volatile char *)p)[i] = (char)0xff;
    free(wrong(p));
}

static void twice_after_all_of_its_kind(void)
{
    fill_and_empty(3000);
    void *p = kept[1500];
    malloc_trim(0);
    free(wrong(p));
}

static void twice_from_calloc(void)
{
    sink = calloc(1, size);
    void *p = sink;
    free(p);
    free(wrong(p));
}

static void twice_aligned(void)
{
    sink = memalign(4096, size);
    void *p = sink;
    free(p);
    free(wrong(p));
}

static void twice_after_realloc_moved_it(void)
{
    void *p = make(size);
    kept[0] = malloc(size); /* so that it cannot grow in place */
    kept[1] = realloc(p, size * 100);
    if (kept[1] == p)
        _exit(9);
    free(wrong(p));
}

static void inside(void)
{
    free(wrong((char *)make(size) + 16));
}

static void misaligned(void)
{
    free(wrong((char *)make(size) + 1));
}

static void one_past_the_end(void)
{
    char *p = make(size);
    free(wrong(p + ((malloc_usable_size(p) + 15) & ~(size_t)15)));
}

static void static_array(void)
{
    static char array[100];
    free(wrong(array));
}

static void stack_address(void)
{
    char array[100];
    free(wrong(array));
}

static void code_address(void)
{
    free(wrong((void *)(uintptr_t)&twice));
}

static void unmapped_address(void)
{
    free(wrong((void *)0x123456780000));
}

static void small_number(void)
{
    free(wrong((void *)0x40));
}

static void kernel_address(void)
{
    free(wrong((void *)0xffff888000001000));
}

static void mapped_memory(void)
{
    free(wrong(mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
}

static void realloc_of_freed(void)
{
    void *p = make(size);
    free(p);
    kept[0] = realloc(wrong(p), size * 2);
}

static void realloc_inside(void)
{
    kept[0] = realloc(wrong((char *)make(size) + 16), size * 2);
}

static void realloc_of_stack(void)
{
    char array[100];
    kept[0] = realloc(wrong(array), 200);
}

static void usable_size_of_freed(void)
{
    void *p = make(size);
    free(p);
    kept[0] = (void *)malloc_usable_size(wrong(p));
}

static const struct {
    const char *name;
    void (*make)(void);
} mistakes[] = {
    {"twice", twice},
    {"twice_with_another_between", twice_with_another_between},
    {"twice_after_1000_others", twice_after_1000_others},
    {"twice_second_in_another_thread", twice_second_in_another_thread},
    {"twice_first_in_another_thread", twice_first_in_another_thread},
    {"twice_both_in_other_threads", twice_both_in_other_threads},
    {"twice_written_between", twice_written_between},
    {"twice_after_all_of_its_kind", twice_after_all_of_its_kind},
    {"twice_from_calloc", twice_from_calloc},
    {"twice_aligned", twice_aligned},
    {"twice_after_realloc_moved_it", twice_after_realloc_moved_it},
    {"inside", inside},
    {"misaligned", misaligned},
    {"one_past_the_end", one_past_the_end},
    {"static_array", static_array},
    {"stack_address", stack_address},
    {"code_address", code_address},
    {"unmapped_address", unmapped_address},
    {"small_number", small_number},
    {"kernel_address", kernel_address},
    {"mapped_memory", mapped_memory},
    {"realloc_of_freed", realloc_of_freed},
    {"realloc_inside", realloc_inside},
    {"realloc_of_stack", realloc_of_stack},
    {"usable_size_of_freed", usable_size_of_freed},
};

/* The mistake was not seen: what became of it. */
static int still_running(void)
{
    for (int i = 0; i < 3000; i++)
        kept[i] = malloc(size);
    for (int i = 0; i < 3000; i++)
        for (int j = 0; j < i; j++)
            if (kept[i] == kept[j]) {
                puts("handed out twice");
                return 1;
            }
    puts("went on");
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (argc > 2)
        size = strtoul(argv[2], NULL, 0);
    for (size_t i = 0; argc > 1 && i < sizeof mistakes / sizeof mistakes[0]; i++) {
        if (strcmp(mistakes[i].name, argv[1]) == 0) {
            mistakes[i].make();
            return still_running();
        }
    }
    return 2;
}
