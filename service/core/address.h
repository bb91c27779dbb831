/* address: an IPv4 or IPv6 address in text (RFC 4291 section 2.2), read strictly: no name, no zone, no octal. */
#ifndef ETRN_ADDRESS_H
#define ETRN_ADDRESS_H

#include <stddef.h>

enum { ADDRESS_SIZE = 16 };

/* Writes its octets in network order, and returns how many: 4 for IPv4, 16 for IPv6, 0 when it is neither. */
size_t address_read(const char *text, unsigned char octets[ADDRESS_SIZE]);

#endif
