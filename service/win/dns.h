/* dns: a domain's MX records, asked of the system's resolver without blocking the loop. */
#ifndef ETRN_DNS_H
#define ETRN_DNS_H

#include "../core/must_check.h"
#include "../core/mx.h"
#include "loop.h"

/* In the loop's thread, once: 0 and the MX hosts, none when the domain has none or there is no such name; else a Win32
 * or DNS error, ERROR_TIMEOUT when the time was up. `list` is good until this returns. */
typedef void dns_mx_done(void *owner, DWORD error, const struct mx_list *list);

/* Asks for at most `limit_ms`. Returns 0, or the error that kept it from beginning; `done` is then not called. */
MUST_CHECK DWORD dns_mx_begin(struct loop *loop, const char *domain, int64_t limit_ms, dns_mx_done *done, void *owner);

#endif
