/* mx: a domain's MX hosts in their order of preference (RFC 5321 section 5.1), as its MX records arrive one by one. */
#ifndef ETRN_MX_H
#define ETRN_MX_H

#include "node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MX_LIMIT = 32 }; /* the most preferred are kept */

struct mx {
    uint16_t preference; /* the lower comes first; equal ones are in the order of their names */
    char host[NODE_LIMIT + 1];
};

struct mx_list {
    struct mx items[MX_LIMIT];
    size_t count;
    bool null; /* one of the records is a null MX (RFC 7505): "." */
};

/* Takes one record. A host that is there already keeps its better preference; a name that is too long is left out. A
 * final dot is not kept. */
void mx_add(struct mx_list *list, uint16_t preference, const char *host);

/* Whether the domain says that it takes no mail: a null MX counts only where it is alone (RFC 7505 section 3). */
bool mx_is_null(const struct mx_list *list);

#endif
