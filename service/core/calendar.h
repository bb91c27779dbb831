/* calendar: days since 1 January 1970 and dates of the proleptic Gregorian calendar. */
#ifndef ETRN_CALENDAR_H
#define ETRN_CALENDAR_H

#include <stdint.h>

void calendar_date(int64_t days, int64_t *year, unsigned *month, unsigned *day);
int64_t calendar_days(int64_t year, unsigned month, unsigned day);

#endif
