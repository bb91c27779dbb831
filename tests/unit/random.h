/* random: numbers for tests that make up their cases. The seed is told when a test begins; UNIT_SEED in the environment
 * plays the same cases again. */
#ifndef ETRN_RANDOM_H
#define ETRN_RANDOM_H

#include "unit.h"

#include <stdlib.h>
#include <time.h>

struct random {
    uint64_t state;
};

static inline struct random random_begin(void)
{
    const char *given = getenv("UNIT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("             UNIT_SEED=%llu\n", (unsigned long long)seed);
    return (struct random){seed};
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_next(struct random *r)
{
    uint64_t z = (r->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t random_below(struct random *r, uint64_t limit)
{
    return random_next(r) % limit;
}

/* A character of valid UTF-8, never NUL; half of them come from `special`. Returns its octets. */
static inline size_t random_character(struct random *r, const char *special, char *out)
{
    static const uint32_t ranges[][2] = {
        {1, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, 0x10FFFF}};
    if (random_below(r, 2)) {
        *out = special[random_below(r, strlen(special))];
        return 1;
    }
    const uint32_t *range = ranges[random_below(r, COUNT(ranges))];
    uint32_t c = range[0] + (uint32_t)random_below(r, range[1] - range[0] + 1);
    size_t count = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = count - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(leads[count] | c);
    return count;
}

/* A string of at most `most` such characters; `out` has room for 4 octets each and a NUL. */
static inline void random_string(struct random *r, const char *special, size_t most, char *out)
{
    for (uint64_t left = random_below(r, most + 1); left > 0; left--)
        out += random_character(r, special, out);
    *out = '\0';
}

#endif
