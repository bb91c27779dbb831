/* node: the syntax of ETRN's argument (RFC 1985 section 5.1): a domain, "@" and a domain (its subdomains too), or "#"
 * and the name of a queue. It is sent as written: servers differ in what the prefixes mean. */
#ifndef ETRN_NODE_H
#define ETRN_NODE_H

#include "must_check.h"

#include <stdbool.h>

enum {
    NODE_LIMIT = 255 /* octets, the prefix included */
};

enum node_fault {
    NODE_FINE,
    NODE_EMPTY,
    NODE_TOO_LONG,
    NODE_CHARACTER, /* a space, a control character, or one that no domain has */
    NODE_NOT_ASCII,
    NODE_LABEL /* an empty label, one longer than 63, or a hyphen at its edge */
};

MUST_CHECK enum node_fault node_fault(const char *node);

/* What is wrong, for a person: "has an empty part between dots". */
const char *node_fault_text(enum node_fault fault);

/* Whether `name` can be a host: a domain name, or an IPv4 or IPv6 address as written in text. */
MUST_CHECK bool host_name_valid(const char *name);

/* Splits "host", "host:port", "[v6]:port" or a bare IPv6 address into `host` (of `size` octets) and `*port`, which is
 * left alone when none is given. False when it is not one of these. */
MUST_CHECK bool host_split(const char *text, char *host, unsigned size, unsigned *port);

#endif
