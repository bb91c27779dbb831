/* hex: hexadecimal digits, read in either case, written in lower case. */
#ifndef ETRN_HEX_H
#define ETRN_HEX_H

#include "must_check.h"
#include "text.h"

#include <stdint.h>

/* Reads digits from `*at` on, at most `most` (8 or fewer) and none at `end` or after it, and moves `*at` past them.
 * Returns how many there were; `*number` is 0 when there was none. */
MUST_CHECK unsigned hex_read(const char **at, const char *end, unsigned most, uint32_t *number);

/* Appends two digits an octet, with `between` between octets. */
void hex_add(struct text *t, const void *octets, size_t count, const char *between);

#endif
