/* holders: the hosts that hold a domain's mail while its own server is away: the MX hosts of the domain (RFC 5321
 * section 5.1), this computer left out, each asked whether it offers ETRN. No ETRN is sent. */
#ifndef ETRN_HOLDERS_H
#define ETRN_HOLDERS_H

#include "../service/core/must_check.h"
#include "../service/core/mx.h"
#include "../service/win/link.h"
#include "arguments.h"

enum holder_state {
    HOLDER_OFFERS,      /* ETRN */
    HOLDER_LACKS,       /* answers without offering it, or turns us away */
    HOLDER_UNREACHABLE, /* no address, no connection, no proper answer, or not now */
    HOLDER_OURS,        /* this computer */
    HOLDER_LEFT_OUT     /* by --except */
};

struct holders;

/* One host, asked once, whoever's MX it is. */
struct holder {
    struct holder *next;
    struct holders *owner;
    char host[NODE_LIMIT + 1];
    char server[NODE_LIMIT + 8]; /* the same as etrnctl add takes it: with the port where that is not 25 */
    enum holder_state state;
    struct result result; /* of those that are LACKS or UNREACHABLE: why */
    DWORD resolve_error;
    struct resolve *resolve;
    struct loop_timer limit;
    struct link_params params;
};

enum holder_finding {
    FOUND_MX,
    FOUND_ADDRESS, /* no MX record: the domain itself is the host, with a preference of 0 (RFC 5321 5.1) */
    FOUND_NULL_MX, /* the domain takes no mail (RFC 7505) */
    FOUND_NOTHING, /* no MX record, and no address either */
    FOUND_FAILURE  /* DNS does not answer: `error` */
};

struct holder_domain {
    struct holders *owner;
    char *node; /* as it is given to ETRN: an @ may stand before the domain */
    enum holder_finding finding;
    DWORD error;
    struct mx_list list;
    struct holder *holders[MX_LIMIT]; /* of each of the list */
    size_t group; /* the first domain of which the same host comes first, among those that offer ETRN */
};

struct holders {
    struct loop *loop;
    struct link_params params; /* of all */
    struct option_words except;
    struct holder_domain *domains;
    size_t domain_count;
    struct holder *first;
    size_t pending; /* questions and hosts under way */
};

/* Finds out all of it for these domains, side by side, by the options --port, --helo, --timeout and --except. Bad
 * input and failures of this computer are reported; a domain without such a host is no failure. To be freed by
 * holders_free() in any case. */
MUST_CHECK enum exit_code holders_find(struct holders *h, const struct arguments *a, char **words, size_t count);
void holders_free(struct holders *h);

/* The `which`th host that offers ETRN, in order of preference; NULL after the last. */
const struct holder *holders_offering(const struct holder_domain *domain, size_t which);

/* The `which`th fallback of a group's domains, which all have it; NULL after the last. A host is never to be asked for
 * a domain of which it is no MX host. */
const struct holder *holders_fallback(const struct holders *h, size_t group, size_t which);

/* EXIT_DONE when a host offers ETRN; else the exit code that fits, with the reason in words, without the domain's name:
 * "has no MX host that offers ETRN". */
enum exit_code holders_verdict(const struct holder_domain *domain, struct text *why);

#endif
