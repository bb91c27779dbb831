/* clock: the time of now as the planner takes it, and how long to wait before another try. */
#ifndef ETRN_CLOCK_H
#define ETRN_CLOCK_H

#include "core/moment.h"
#include "win/loop.h"

static inline struct moment clock_now(void)
{
    return (struct moment){loop_now_ms(), utc_now_ms()};
}

/* The pause before the next try: `least_ms` after the first failure (`last_ms` is 0), then twice the last one, at most
 * `most_ms`. */
static inline int64_t clock_backoff(int64_t last_ms, int64_t least_ms, int64_t most_ms)
{
    int64_t next_ms = last_ms ? last_ms * 2 : least_ms;
    return next_ms < most_ms ? next_ms : most_ms;
}

#endif
