/* utf: UTF-16LE, as the registry and Win32 have it, to UTF-8 and back. */
#ifndef ETRN_UTF_H
#define ETRN_UTF_H

#include <stddef.h>

/* Both convert `octets` of input, NULs like any other character, and return the octets that the whole result needs;
 * at most `size` of them are written, no character in part. What is not valid becomes U+FFFD. */
size_t utf16_from_utf8(const char *utf8, size_t octets, void *out, size_t size);
size_t utf8_from_utf16(const void *utf16, size_t octets, char *out, size_t size);

#endif
