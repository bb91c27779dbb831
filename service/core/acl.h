/* acl: an access control list as bytes (MS-DTYP 2.4.4, 2.4.5): whether an entry is in it, and the list with one entry
 * more or less. All other entries stay as they are, byte for byte; what they are need not be understood. */
#ifndef ETRN_ACL_H
#define ETRN_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACL_SIZE_LIMIT = 0xFFFF, /* octets of a list */
    ACL_HEADER_SIZE = 8,
    ACE_SIZE = 40 /* octets of acl_start_stop() */
};

/* The entry that allows EtrnSvc, by its service SID, exactly SERVICE_START, SERVICE_STOP and SERVICE_QUERY_STATUS. */
extern const unsigned char acl_start_stop[ACE_SIZE];

/* The same as SDDL, which sc sdshow and sc sdset speak. */
extern const char acl_start_stop_sddl[];

/* Whether `acl` holds exactly that entry. `size` is what there is to read; a list that is cut or broken holds none. */
bool acl_has(const unsigned char *acl, size_t size, const unsigned char *ace);

/* The list with the entry behind its own entries and before those that it inherits, as Windows wants them ordered; and
 * the list without the first such entry. `out` takes ACL_SIZE_LIMIT octets. Returns the new list's size, 0 when the
 * list is broken or would become too large. */
size_t acl_add(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out);
size_t acl_remove(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out);

#endif
