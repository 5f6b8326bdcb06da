/*
 * json_input.c - the main job's input: a JSON array of 250,000 objects, always the same bytes.
 */
#include <errno.h>
#include <stdio.h>

#include "demo/demo.h"

#define OBJECTS 250000

static const char *const words[] = {"anchor", "basin",  "cedar",   "delta",   "ember",  "fjord",
                                    "grove",  "harbor", "inlet",   "juniper", "kelp",   "lagoon",
                                    "meadow", "north",  "orchard", "prairie", "quarry", "river",
                                    "summit", "tundra", "upland",  "valley",  "willow", "yarrow"};
static const char *const cities[] = {"Aarhus", "Bergen", "Cork",  "Dresden", "Eger",  "Faro",
                                     "Ghent",  "Hobart", "Izmir", "Jena",    "Kyoto", "Lima"};

static uint64_t seed = 4;

static unsigned below(unsigned limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 11) % limit;
}

static const char *word(void)
{
    return words[below(sizeof(words) / sizeof(words[0]))];
}

/* One draw a statement: C leaves open in which order arguments are evaluated. */
static void object(FILE *out, int number)
{
    const char *w[9];
    unsigned n[6];
    static const unsigned limits[] = {1000, 1000, 399, 12, 90000, 1u << 30};
    for (int i = 0; i < 9; i++)
        w[i] = word();
    for (int i = 0; i < 6; i++)
        n[i] = below(limits[i]);
    fprintf(out, "{\"id\":%d,\"name\":\"%s %s\",", number, w[0], w[1]);
    fprintf(out, "\"tags\":[\"%s\",\"%s\",\"%s\",\"%s\"],", w[2], w[3], w[4], w[5]);
    fprintf(out, "\"score\":%u.%03u,", n[0], n[1]);
    fprintf(out, "\"address\":{\"street\":\"%u %s road\",\"city\":\"%s\",\"zip\":\"%u\"},",
            1 + n[2], w[6], cities[n[3]], 10000 + n[4]);
    fprintf(out, "\"note\":\"%s %s %x\"}", w[7], w[8], n[5]);
}

int mm_demo_json_input(const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return errno;
    fputc('[', out);
    for (int i = 0; i < OBJECTS; i++) {
        if (i)
            fputs(",\n", out);
        object(out, i);
    }
    fputs("]\n", out);
    bool good = !ferror(out);
    return fclose(out) == 0 && good ? 0 : EIO;
}
