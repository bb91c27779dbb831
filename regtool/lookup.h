/* lookup: whether names have addresses, of many names side by side. */
#ifndef ETRN_LOOKUP_H
#define ETRN_LOOKUP_H

#include "../service/core/must_check.h"
#include "../service/win/resolve.h"

struct lookup_batch;

/* One name. The caller sets `name`, which must stay; NULL is not looked up. */
struct lookup {
    const char *name;
    DWORD error; /* 0: it has an address, or was not looked up; else a Winsock error */
    struct lookup_batch *batch;
    struct resolve *resolve;
};

/* Looks up all, as many at once as is polite to a name server, and returns when each has its answer or the system has
 * given it up. Returns 0, or a Win32 error of this computer: then nothing is known. */
MUST_CHECK DWORD lookup_all(struct lookup *lookups, size_t count);

#endif
