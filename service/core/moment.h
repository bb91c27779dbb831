/* moment: a point in time by both clocks. Time that passes is counted on the steady clock, so that a step of the wall
 * clock moves nothing. */
#ifndef ETRN_MOMENT_H
#define ETRN_MOMENT_H

#include <stdint.h>

#define NEVER_MS INT64_MAX

struct moment {
    int64_t steady_ms; /* since the system started, time asleep included; never goes back */
    int64_t utc_ms;    /* since 1970; may step */
};

static inline int64_t earlier_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t later_ms(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
