#include "timetable.h"

#include "calendar.h"

#include <stdlib.h>

enum { CLOCK_TOLERANCE_MS = 2000 }; /* the clocks may drift apart this far between two comparisons */

const char *trigger_name(enum trigger trigger)
{
    static const char *const names[] = {
        [TRIGGER_NONE] = "none",         [TRIGGER_START] = "start",       [TRIGGER_ENABLE] = "enable",
        [TRIGGER_INTERVAL] = "interval", [TRIGGER_SCHEDULE] = "schedule", [TRIGGER_RETRY] = "retry",
        [TRIGGER_REQUEST] = "request",   [TRIGGER_NETWORK] = "network",   [TRIGGER_RESUME] = "resume",
    };
    return names[trigger];
}

/* splitmix64: a small generator whose every seed is good (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void timetable_init(struct timetable *t, const struct cron_zone *zone, uint64_t seed)
{
    *t = (struct timetable){.zone = zone, .random = seed};
    timetable_stop(t);
}

void timetable_free(struct timetable *t)
{
    free(t->lines);
}

/* ---- interval and schedule ---- */

/* Converts scheduled_utc_ms to steady time, by the present setting of the wall clock. */
static int64_t schedule_time(const struct timetable *t, struct moment now)
{
    return t->scheduled_utc_ms == CRON_NEVER ? NEVER_MS : now.steady_ms + (t->scheduled_utc_ms - now.utc_ms);
}

/* Plans the next time by the schedule, or by the interval if there is none. A time that has been used is not due a
 * second time if the wall clock is slightly late: it was waited for by the steady clock. */
static void plan_next(struct timetable *t, struct moment now)
{
    t->scheduled = now.steady_ms + t->interval_ms;
    if (t->line_count == 0)
        return;
    bool clock_is_late = t->met_utc_ms > now.utc_ms && t->met_utc_ms < now.utc_ms + 2LL * CLOCK_TOLERANCE_MS;
    int64_t after_utc_ms = clock_is_late ? t->met_utc_ms : now.utc_ms;
    t->scheduled_utc_ms = cron_next(t->lines, t->line_count, t->zone, t->every_from_utc_ms, after_utc_ms);
    t->scheduled = schedule_time(t, now);
}

static bool same_line(const struct cron_line *a, const struct cron_line *b)
{
    return a->kind == b->kind && a->minutes == b->minutes && a->hours == b->hours && a->days == b->days &&
           a->months == b->months && a->weekdays == b->weekdays && a->either_day == b->either_day &&
           a->follows_clock == b->follows_clock && a->every_ms == b->every_ms;
}

static bool same_lines(const struct timetable *t, const struct cron_line *lines, size_t count)
{
    bool same = t->line_count == count;
    for (size_t i = 0; same && i < count; i++)
        same = same_line(&t->lines[i], &lines[i]);
    return same;
}

static bool read_line(const char *text, struct cron_line *line)
{
    TEXT_SCRATCH(problem, 8);
    return cron_parse(text, line, &problem) && line->kind != CRON_NOTHING;
}

bool timetable_has_lines(const struct strings *schedule)
{
    struct cron_line line;
    for (size_t i = 0; i < schedule->count; i++)
        if (read_line(schedule->items[i], &line))
            return true;
    return false;
}

/* Sets `*changed` if the lines differ from the previous ones. */
static bool adopt_lines(struct timetable *t, const struct strings *schedule, struct moment now, bool *changed)
{
    struct cron_line *lines = calloc(schedule->count + 1, sizeof *lines);
    size_t count = 0;
    if (!lines)
        return false;
    for (size_t i = 0; i < schedule->count; i++)
        count += read_line(schedule->items[i], &lines[count]);
    *changed = !same_lines(t, lines, count);
    if (*changed)
        t->every_from_utc_ms = now.utc_ms;
    free(t->lines);
    t->lines = lines;
    t->line_count = count;
    return true;
}

bool timetable_adopt(struct timetable *t, uint32_t interval_minutes, const struct strings *schedule, struct moment now)
{
    int64_t interval_ms = interval_minutes * MINUTE_MS;
    bool changed;
    if (t->scheduled != NEVER_MS && t->line_count == 0)
        t->scheduled += interval_ms - t->interval_ms;
    t->interval_ms = interval_ms;
    if (!adopt_lines(t, schedule, now, &changed))
        return false;
    bool waits = t->scheduled != NEVER_MS && t->scheduled > now.steady_ms;
    if (changed && waits)
        plan_next(t, now);
    return true;
}

void timetable_start(struct timetable *t, struct moment now)
{
    if (t->scheduled == NEVER_MS)
        plan_next(t, now);
}

void timetable_stop(struct timetable *t)
{
    t->scheduled = t->retry_at = t->requested_at = NEVER_MS;
}

/* ---- requests and retries ---- */

void timetable_request(struct timetable *t, enum trigger trigger, struct moment now)
{
    if (t->requested_at == NEVER_MS)
        t->requested = trigger;
    t->requested_at = earlier_ms(t->requested_at, now.steady_ms);
}

void timetable_retry(struct timetable *t, uint32_t failures, int64_t first_ms, struct moment now)
{
    int64_t delay_ms = first_ms;
    for (uint32_t i = 1; i < failures && delay_ms < t->interval_ms; i++)
        delay_ms *= 2;
    delay_ms += (int64_t)(next_random(&t->random) % (uint64_t)(delay_ms / 4 + 1));
    t->retry_at = now.steady_ms + earlier_ms(delay_ms, t->interval_ms);
}

void timetable_drop_retry(struct timetable *t)
{
    t->retry_at = NEVER_MS;
}

/* ---- due times ---- */

static enum trigger round_trigger(const struct timetable *t)
{
    return t->line_count > 0 ? TRIGGER_SCHEDULE : TRIGGER_INTERVAL;
}

int64_t timetable_due(const struct timetable *t, enum trigger *why)
{
    int64_t due = earlier_ms(t->requested_at, earlier_ms(t->scheduled, t->retry_at));
    if (due == NEVER_MS)
        *why = TRIGGER_NONE;
    else if (due == t->requested_at)
        *why = t->requested;
    else
        *why = due == t->scheduled ? round_trigger(t) : TRIGGER_RETRY;
    return due;
}

static enum trigger widened(const struct timetable *t, enum trigger why, struct moment now)
{
    if (why != TRIGGER_RETRY)
        return why;
    if (t->requested_at <= now.steady_ms)
        return t->requested;
    return t->scheduled <= now.steady_ms ? round_trigger(t) : why;
}

enum trigger timetable_begin(struct timetable *t, enum trigger why, struct moment now)
{
    enum trigger trigger = widened(t, why, now);
    t->retry_at = NEVER_MS;
    if (trigger == TRIGGER_RETRY)
        return trigger;
    t->requested_at = NEVER_MS; /* all nodes are asked now, which includes those that were requested */
    if (t->scheduled <= now.steady_ms)
        t->met_utc_ms = t->scheduled_utc_ms;
    plan_next(t, now);
    return trigger;
}

void timetable_again(struct timetable *t, enum trigger trigger, struct moment now)
{
    if (trigger == TRIGGER_RETRY)
        t->retry_at = now.steady_ms;
    else
        timetable_request(t, trigger, now);
}

/* ---- clocks ---- */

int64_t timetable_clock_step(int64_t *apart_ms, struct moment now)
{
    int64_t now_apart_ms = now.utc_ms - now.steady_ms;
    int64_t step_ms = now_apart_ms - *apart_ms;
    if (step_ms > -CLOCK_TOLERANCE_MS && step_ms < CLOCK_TOLERANCE_MS)
        return 0;
    *apart_ms = now_apart_ms;
    return step_ms;
}

/* Whether the next time is a time of the wall clock. */
static bool waits_by_lines(const struct timetable *t, struct moment now)
{
    return t->line_count > 0 && t->scheduled > now.steady_ms;
}

void timetable_follow_step(struct timetable *t, int64_t step_ms, struct moment now)
{
    if (!waits_by_lines(t, now))
        return;
    if (step_ms < 0)
        plan_next(t, now);
    else
        t->scheduled = schedule_time(t, now);
}

void timetable_follow_zone(struct timetable *t, struct moment now)
{
    if (waits_by_lines(t, now))
        plan_next(t, now);
}
