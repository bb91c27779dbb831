/* network: what of this machine's network matters to us: usable addresses that come up, and who listens locally. */
#ifndef ETRN_NETWORK_H
#define ETRN_NETWORK_H

#include "loop.h"

/* Whether something listens on this local TCP port, on any address, IPv4 or IPv6. If the system does not say, true:
 * nothing is held back for a reason that nobody can see. */
bool network_port_listens(uint16_t port);

/* Whether an address, IPv4 or IPv6, is one of this machine's. If the system does not say, false. */
bool network_address_is_ours(const struct sockaddr *address);

/* News of usable addresses. */
struct network_news {
    struct loop *loop;
    void (*grew)(
        void *owner); /* in the loop's thread, 5 s after the last change, if an address is there that was not */
    void *owner;
    HANDLE subscription;
    struct loop_op changed;
    struct loop_timer settle;
    struct network_addresses *known;
};

/* Returns 0 or a Win32 error. */
DWORD network_watch_open(struct network_news *news, struct loop *loop, void (*grew)(void *owner), void *owner);
void network_watch_close(struct network_news *news);

#endif
