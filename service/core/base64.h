/* base64: RFC 4648 section 4, strictly: no line ends, no blanks, padding where it belongs and no bits after the end.
 */
#ifndef ETRN_BASE64_H
#define ETRN_BASE64_H

#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>

/* Octets of the text that `size` octets become, NUL included. */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/* Writes the NUL-terminated text of `size` octets. False, and "", when `room` is less than BASE64_SIZE(size); it must
 * be at least 1. */
MUST_CHECK bool base64_encode(const void *data, size_t size, char *text, size_t room);

/* Reads `length` characters into at most `room` octets and sets `*size` to how many came of them. False when it is not
 * base64, or too much. */
MUST_CHECK bool base64_decode(const char *text, size_t length, void *data, size_t room, size_t *size);

#endif
