/* connect: from the name of a host to a connected socket, from a given address of this computer if there is one. It
 * resolves the name, then tries its addresses in turn, each once. It keeps no deadline: its owner does, who is notified
 * of each step. */
#ifndef ETRN_CONNECT_H
#define ETRN_CONNECT_H

#include "../core/must_check.h"
#include "../core/outcome.h"
#include "resolve.h"

enum { CONNECT_PEER_SIZE = 80 };

enum connect_step {
    CONNECT_ADDRESS, /* the name has this address */
    CONNECT_TRYING,  /* connecting to it */
    CONNECT_FAILED   /* not connected: `error`; the next address follows, if there is one */
};

/* Called in the loop's thread, and not before connect_begin() was called. `connected` and `failed` end the attempt. */
struct connect_sink {
    void (*step)(void *owner, enum connect_step step, DWORD error);
    void (*connected)(void *owner, SOCKET socket); /* attached to the loop, and the owner's from now on */
    void (*failed)(void *owner, enum outcome why, const char *what, DWORD error); /* error 0: `what` says it all */
    void (*settled)(void *owner); /* the last call of each completion: connect_busy() may have become false */
};

/* Its fields are for connect.c, except `peer`. */
struct connect {
    struct loop *loop;
    const struct connect_sink *sink;
    void *owner;
    const char *host; /* as asked for */
    struct resolve *resolve;
    const ADDRINFOEXW *current; /* the address that is tried, or that is connected */
    const ADDRINFOEXW *next;    /* the one to try after it */
    SOCKET socket;              /* while it is not connected */
    const char *local;          /* the address to connect from, as asked for; NULL: any */
    SOCKADDR_STORAGE from;      /* the same; ss_family AF_UNSPEC: any */
    struct loop_op op;
    bool pending;                 /* `op` is under way */
    bool unbound;                 /* the socket could not be bound to our address */
    bool skipped;                 /* connect_skip() was called for this address */
    bool closed;                  /* nothing is to be called but `settled` */
    char peer[CONNECT_PEER_SIZE]; /* the address and port of the latest step, for a person */
};

/* ConnectEx is looked up here: to be called once, before all others. Returns 0 or a Winsock error. */
MUST_CHECK DWORD connect_startup(void);

void connect_init(struct connect *c, struct loop *loop, const struct connect_sink *sink, void *owner);

/* Begins to resolve `host`, a name or an IP address in text. `local` is the IP address in text to connect from; NULL or
 * "" leaves it to Windows. Addresses of the other family are passed over; `failed` says when none is left, and when
 * this computer has no such address. Both must stay until connect_close(). Each function of the sink may be called from
 * within. */
void connect_begin(struct connect *c, const char *host, uint16_t port, const char *local);

/* Connects to the address of the last connection again, to that one alone. Not while connect_busy(). */
void connect_again(struct connect *c);

/* The address that is tried has had its time: continues with the next one, after a CONNECT_FAILED with WSAETIMEDOUT. */
void connect_skip(struct connect *c);

/* Ends what is under way, and gives up the addresses. `c` must stay until it is no longer connect_busy(). */
void connect_close(struct connect *c);

/* Whether an operation of the system still refers to `c`. */
bool connect_busy(const struct connect *c);

#endif
