/*
 * crowd.c - more threads than cores, each writing memory of its own as fast as it can.
 *
 *   crowd THREADS MIB [PASSES]
 *
 * The hardest case for a budget that is held from within: whoever holds it must get a CPU first.
 * bench/peaks runs it. Ends with 1 where a thread finds other bytes than it wrote.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MOST_THREADS 256
#define WORDS_A_PAGE (4096 / sizeof(uint64_t))

struct member {
    pthread_t thread;
    size_t pages;
    uint64_t passes;
    size_t wrong; /* pages */
};

/* Every word, so that a page takes as long as it does in a program that fills its memory. */
static void write_page(uint64_t *page, uint64_t value)
{
    for (size_t i = 0; i < WORDS_A_PAGE; i++)
        page[i] = value + i;
}

static void *work(void *argument)
{
    struct member *m = argument;
    uint64_t *base =
        mmap(NULL, m->pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        m->wrong = m->pages;
        return NULL;
    }
    for (uint64_t pass = 0; pass < m->passes; pass++) {
        for (size_t i = 0; i < m->pages; i++) {
            uint64_t *page = base + i * WORDS_A_PAGE;
            m->wrong += pass && page[WORDS_A_PAGE - 1] != i * pass + WORDS_A_PAGE - 1;
            write_page(page, i * (pass + 1));
        }
    }
    munmap(base, m->pages * 4096);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct member members[MOST_THREADS];
    int count = argc > 1 ? atoi(argv[1]) : 8;
    size_t pages = argc > 2 ? strtoul(argv[2], NULL, 10) * 256 : 96 * 256;
    uint64_t passes = argc > 3 ? strtoull(argv[3], NULL, 10) : 3;
    size_t wrong = 0;

    if (count < 1 || count > MOST_THREADS)
        return 2;
    for (int i = 0; i < count; i++) {
        members[i] = (struct member){.pages = pages / (size_t)count, .passes = passes};
        if (pthread_create(&members[i].thread, NULL, work, &members[i]))
            return 2;
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(members[i].thread, NULL); /* made above, joined once */
        wrong += members[i].wrong;
    }
    printf("%d threads, %zu pages, %zu of them wrong\n", count, pages, wrong);
    return wrong != 0;
}
