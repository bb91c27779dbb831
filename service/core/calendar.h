/* calendar: days since 1 January 1970 and dates of the proleptic Gregorian calendar; every day has 24 hours. */
#ifndef ETRN_CALENDAR_H
#define ETRN_CALENDAR_H

#include <stdint.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

struct date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

/* The day, since 1970, of an instant in milliseconds since 1970, which may lie before. */
int64_t calendar_day_of(int64_t ms);

struct date calendar_date(int64_t day);
int64_t calendar_days(int64_t year, unsigned month, unsigned day);

/* 0 is Sunday. */
unsigned calendar_weekday(int64_t day);

/* In days; months from 1 to 12. */
unsigned calendar_month_length(int64_t year, unsigned month);

#endif
