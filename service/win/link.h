/* link: one TCP connection to a host, and the session that talks over it: `connect` makes the connection, `stream`
 * moves the octets, through TLS where the session says so. The link keeps three deadlines: for a connection, for a
 * reply or the TLS handshake, and for the whole session, which a host that drips cannot stretch.
 *
 * Where TLS may be (TLS_MAY) and the handshake fails, the same address is asked again, once, without TLS. */
#ifndef ETRN_LINK_H
#define ETRN_LINK_H

#include "../core/must_check.h"
#include "stream.h"

/* All must stay until `closed`. */
struct link_params {
    const char *address; /* a name, or an IP address in text */
    uint16_t port;
    const char *local_address;     /* of ours, to connect from, as for connect_begin() */
    const char *tls_fingerprint;   /* of the host's certificate, as for verify_begin() */
    struct session_params session; /* helo NULL or "": this computer's full name, or an address literal */
    int64_t connect_timeout_ms;    /* the name's resolution, then each address */
    int64_t session_timeout_ms;
};

/* Sets what the host's settings say of a link and its session; they must stay as long. */
void link_params_set(struct link_params *params, const struct host_settings *host);

enum link_step {
    LINK_ADDRESS,   /* the name has this address */
    LINK_TRYING,    /* connecting to it */
    LINK_CONNECTED, /* ... done, after elapsed_ms */
    LINK_FAILED,    /* ... or not: `error` */
    LINK_SECURED,   /* by TLS: `security` */
    LINK_TLS_FAILED /* `words` say why; the next connection does without */
};

struct link_note {
    enum link_step step;
    const char *address;        /* numeric, with port */
    const char *local, *remote; /* of LINK_CONNECTED: both ends as address:port */
    int64_t elapsed_ms;
    DWORD error;
    const struct stream_security *security;
    const char *words;
};

struct link_sink {
    session_sink *session;                                   /* as of session_begin() */
    void (*note)(void *owner, const struct link_note *note); /* may be NULL */
    void (*closed)(void *owner); /* the last call: every node had its result; the link is gone */
};

struct link;

/* Begins to connect. NULL when there is no memory. Nothing is called back before this returns, but what session_begin()
 * tells; `closed` never is. */
MUST_CHECK struct link *link_open(struct loop *loop, const struct link_params *params, const struct link_sink *sink,
                                  void *owner);

/* Ends politely: session_finish(), or at once when not yet connected. */
void link_finish(struct link *link);

/* Ends now; nodes without a result get OUTCOME_CANCELLED. */
void link_abort(struct link *link);

/* WSAStartup and what else is needed once; 0 or a Winsock error. */
MUST_CHECK DWORD link_startup(void);

#endif
