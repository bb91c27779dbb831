/* utf: characters as UTF-8, and whole texts from UTF-16LE, as the registry and Win32 have it, to UTF-8 and back. */
#ifndef ETRN_UTF_H
#define ETRN_UTF_H

#include "must_check.h"

#include <stddef.h>
#include <stdint.h>

/* Length of the valid UTF-8 sequence at `bytes` (1 to 4), or 0 when there is none within `count` octets: overlong
 * forms, surrogates and values past U+10FFFF are not valid (RFC 3629). */
MUST_CHECK size_t utf8_length(const char *bytes, size_t count);

/* Writes a character (no surrogate, at most U+10FFFF) and returns its octets, 1 to 4. */
MUST_CHECK size_t utf8_encode(uint32_t c, char octets[4]);

/* Both convert `octets` of input, NULs like any other character, and return the octets that the whole result needs;
 * at most `size` of them are written, no character in part (`out` may be NULL when `size` is 0). What is not valid
 * becomes U+FFFD. */
size_t utf16_from_utf8(const char *utf8, size_t octets, void *out, size_t size);
size_t utf8_from_utf16(const void *utf16, size_t octets, char *out, size_t size);

/* The same into memory from malloc, of `*size` octets; in UTF-8 one NUL more follows them. NULL when there is
 * no memory. */
MUST_CHECK void *utf16_copy(const char *utf8, size_t octets, size_t *size);
MUST_CHECK char *utf8_copy(const void *utf16, size_t octets, size_t *size);

#endif
