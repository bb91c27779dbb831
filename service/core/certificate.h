/* certificate: what of a host's certificate is decided without Windows: whether its names (subjectAltName, RFC 5280
 * 4.2.1.6) are the host's, and how a fingerprint is written. Reads no more of DER than that takes. */
#ifndef ETRN_CERTIFICATE_H
#define ETRN_CERTIFICATE_H

#include "must_check.h"
#include "text.h"

#include <stdint.h>

enum {
    FINGERPRINT_SIZE = 32 /* SHA-256 */
};

/* The host that is asked for: its name with only ASCII letters (A-labels), or its address. */
struct identity {
    const char *name;
    uint8_t address[16];
    size_t address_size; /* 4, 16, or 0 when it has a name */
};

/* Whether one of the names is the host's, as RFC 9525 section 6 has it: "*" stands for the whole first label, and never
 * for a part of a name of two; an address is to be among the addresses. The subject's common name does not count.
 * `names` is the extension's value, NULL when the certificate has none. */
MUST_CHECK bool certificate_matches(const void *names, size_t size, const struct identity *host);

/* Appends the names, "mx1.isp.example, *.isp.example, 192.0.2.1", escaped; nothing when there are none. */
void certificate_list_names(const void *names, size_t size, struct text *out);

/* Reads 64 hexadecimal digits; colons and spaces between octets do not count. False when it is anything else. */
MUST_CHECK bool fingerprint_read(const char *words, uint8_t fingerprint[FINGERPRINT_SIZE]);

/* Appends it in lower-case digits, with colons between the octets when `colons`. */
void fingerprint_show(const uint8_t fingerprint[FINGERPRINT_SIZE], bool colons, struct text *out);

#endif
