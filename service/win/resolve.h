/* resolve: a host's name to its addresses, without blocking (GetAddrInfoExW). An address in text needs no resolver and
 * never meets one. */
#ifndef ETRN_RESOLVE_H
#define ETRN_RESOLVE_H

#include "../core/must_check.h"
#include "loop.h"

struct resolve;

/* In the loop's thread, once, unless cancelled: 0 and the addresses, which stay until resolve_cancel(), or a Winsock
 * error. May be called from within resolve_begin(). */
typedef void resolve_done(void *owner, DWORD error, const ADDRINFOEXW *addresses);

/* Returns 0, or the error that kept it from beginning; `*resolve` is set before `done` is called. */
MUST_CHECK DWORD resolve_begin(struct loop *loop, const char *name, uint16_t port, resolve_done *done, void *owner,
                               struct resolve **resolve);

/* The address after this one, or NULL. */
const ADDRINFOEXW *resolve_next(const ADDRINFOEXW *address);

/* Lets go of the addresses, or of the question. NULL is fine. */
void resolve_cancel(struct resolve *resolve);

#endif
