/* digest: SHA-1 and HMAC-MD5 by Windows' own cryptography (CNG), for where the protocols have nothing newer. */
#ifndef ETRN_DIGEST_H
#define ETRN_DIGEST_H

#include "../core/must_check.h"

#include <stdbool.h>
#include <stddef.h>

/* Both are false when the system has no such algorithm or no memory. */
MUST_CHECK bool digest_sha1(const void *data, size_t size, unsigned char digest[20]);

/* RFC 2104; as struct auth_credentials wants it. */
MUST_CHECK bool digest_hmac_md5(const void *key, size_t key_size, const void *data, size_t size,
                                unsigned char digest[16]);

#endif
