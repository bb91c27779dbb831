/* stamp: times as machines write them, 2026-11-21T08:15:00.000Z (RFC 3339, in UTC and with milliseconds). */
#ifndef ETRN_STAMP_H
#define ETRN_STAMP_H

#include "must_check.h"
#include "text.h"

#include <stdint.h>

enum { STAMP_SIZE = 32 }; /* octets that hold a stamp and its NUL */

/* Appends the day of a time since 1970, 2026-11-21. */
void stamp_add_date(struct text *t, int64_t utc_ms);

/* Appends the stamp of a time since 1970. */
void stamp_add(struct text *t, int64_t utc_ms);

/* Reads what stamp_add() writes; 0 when it is something else, or not after 1970. */
MUST_CHECK int64_t stamp_read(const char *stamp);

#endif
