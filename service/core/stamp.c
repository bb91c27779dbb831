#include "stamp.h"

#include <string.h>

enum { DAY_MS = 86400000 };

/* After Howard Hinnant's "chrono-compatible low-level date algorithms": years begin in March, so that the leap day is
 * the last of one. */
struct date date_of_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    struct date date = {.day = of_year - (153 * shifted + 2) / 5 + 1,
                        .month = shifted < 10 ? shifted + 3 : shifted - 9};
    date.year = year_of_era + era * 400 + (date.month <= 2);
    return date;
}

int64_t days_of_date(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
    unsigned of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    return era * 146097 + (int64_t)of_era - 719468;
}

void stamp_add(struct text *t, int64_t utc_ms)
{
    int64_t days = utc_ms >= 0 ? utc_ms / DAY_MS : -((DAY_MS - 1 - utc_ms) / DAY_MS);
    struct date date = date_of_days(days);
    unsigned ms = (unsigned)(utc_ms - days * DAY_MS);
    text_add(t, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", (long long)date.year, date.month, date.day, ms / 3600000,
             ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

/* Where `stamp` has a digit each for the zeros of the shape, and the shape's other characters as they are. */
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
    char again[STAMP_SIZE];
    struct text t;
    if (!has_shape(stamp, "0000-00-00T00:00:00.000Z"))
        return 0;
    struct date date = {digits(stamp, 4), digits(stamp + 5, 2), digits(stamp + 8, 2)};
    if (date.month == 0 || date.month > 12 || date.day == 0)
        return 0;
    int64_t seconds =
        (int64_t)digits(stamp + 11, 2) * 3600 + (int64_t)digits(stamp + 14, 2) * 60 + digits(stamp + 17, 2);
    int64_t utc_ms = days_of_date(date) * DAY_MS + seconds * 1000 + digits(stamp + 20, 3);
    text_begin(&t, again, sizeof again);
    stamp_add(&t, utc_ms);
    return utc_ms > 0 && strcmp(again, stamp) == 0 ? utc_ms : 0; /* 30 February, 25 o'clock */
}
