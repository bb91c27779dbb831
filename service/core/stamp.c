#include "stamp.h"

#include "calendar.h"

#include <string.h>

void stamp_add_date(struct text *t, int64_t utc_ms)
{
    struct date date = calendar_date(calendar_day_of(utc_ms));
    text_add(t, "%04lld-%02u-%02u", (long long)date.year, date.month, date.day);
}

void stamp_add(struct text *t, int64_t utc_ms)
{
    unsigned ms = (unsigned)(utc_ms - calendar_day_of(utc_ms) * DAY_MS);
    stamp_add_date(t, utc_ms);
    text_add(t, "T%02u:%02u:%02u.%03uZ", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

/* Whether `stamp` has a digit for each zero of the shape, and the other characters of the shape unchanged. */
static bool has_shape(const char *stamp, const char *shape)
{
    for (; *shape; shape++, stamp++)
        if (*shape == '0' ? *stamp < '0' || *stamp > '9' : *stamp != *shape)
            return false;
    return *stamp == '\0';
}

static unsigned digits(const char *at, size_t count)
{
    unsigned number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (unsigned)(at[i] - '0');
    return number;
}

int64_t stamp_read(const char *stamp)
{
    TEXT_SCRATCH(again, STAMP_SIZE);
    if (!has_shape(stamp, "0000-00-00T00:00:00.000Z"))
        return 0;
    unsigned month = digits(stamp + 5, 2);
    unsigned day = digits(stamp + 8, 2);
    int64_t seconds =
        (int64_t)digits(stamp + 11, 2) * 3600 + (int64_t)digits(stamp + 14, 2) * 60 + digits(stamp + 17, 2);
    int64_t utc_ms = calendar_days(digits(stamp, 4), month, day) * DAY_MS + seconds * 1000 + digits(stamp + 20, 3);
    stamp_add(&again, utc_ms);
    return utc_ms > 0 && strcmp(again.data, stamp) == 0 ? utc_ms : 0; /* fails for 30 February or month 13 */
}
