/* acl: an access control list as bytes (MS-DTYP 2.4.4, 2.4.5): whether an entry is in it, and the list with one entry
 * more or less. All other entries stay as they are, byte for byte; what they are need not be understood. */
#ifndef ETRN_ACL_H
#define ETRN_ACL_H

#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACL_SIZE_LIMIT = 0xFFFF, /* octets of a list */
    ACL_HEADER_SIZE = 8,
    ACE_SIZE_LIMIT = 76 /* octets of acl_allow()'s entry: a SID has at most 68 */
};

/* Makes the entry that allows the SID exactly what the access mask says. False when the SID is too long. */
MUST_CHECK bool acl_allow(uint32_t mask, const unsigned char *sid, size_t sid_size, unsigned char ace[ACE_SIZE_LIMIT]);

/* Whether `acl` holds exactly that entry. `size` is what there is to read; a list that is cut or broken holds none. */
MUST_CHECK bool acl_has(const unsigned char *acl, size_t size, const unsigned char *ace);

/* The list with the entry after its own entries and before those that it inherits, in the order that Windows expects;
 * and the list without the first such entry. `out` takes ACL_SIZE_LIMIT octets. Returns the new list's size, 0 when the
 * list is broken or would become too large. */
MUST_CHECK size_t acl_add(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out);
MUST_CHECK size_t acl_remove(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out);

#endif
