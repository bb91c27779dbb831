/* stream: the octets to and from a host over a connected socket, in clear or through TLS. With TLS it says who the host
 * is, which verify finds out, before anything that came through TLS is handed on. It keeps no deadline. */
#ifndef ETRN_STREAM_H
#define ETRN_STREAM_H

#include "../core/outcome.h"
#include "../core/session.h"
#include "verify.h"

enum { STREAM_IN_SIZE = 2048 };

struct stream_security {
    char tls[120]; /* "TLS 1.3, TLS_AES_256_GCM_SHA384" */
    struct certificate_facts certificate;
    const char *unverified; /* why it proves nothing; NULL when it is the host's */
};

/* Called in the loop's thread. Each may close the stream. */
struct stream_sink {
    void (*input)(void *owner, const char *octets, size_t count);
    void (*secured)(void *owner, const struct stream_security *security); /* once after stream_begin_tls() */
    void (*ended)(void *owner);                                           /* the host closed the connection */
    /* Nothing more comes. `handshake`: it failed before `secured` for a reason that may lie in TLS itself. */
    void (*failed)(void *owner, enum outcome why, bool handshake, const char *detail);
    void (*settled)(
        void *owner); /* the last call of each completion: stream_sending() and stream_busy() may be false */
};

struct tls;

/* Its fields are for stream.c alone. */
struct stream {
    struct loop *loop;
    const struct stream_sink *sink;
    void *owner;
    SOCKET socket; /* INVALID_SOCKET: closed */
    struct loop_op send, receive;
    bool sending, receiving; /* these are under way */
    struct tls *tls;         /* from the handshake on */
    struct verify *verify;   /* of the host's certificate, while under way: nothing is read until it is done */
    bool secured;
    const char *host, *fingerprint;
    char out[SESSION_OUT_SIZE];
    size_t out_count; /* in clear, to be sent */
    char in[STREAM_IN_SIZE];
};

/* A closed stream. */
void stream_init(struct stream *s, struct loop *loop, const struct stream_sink *sink, void *owner);

/* Takes over `socket`, which is attached to the loop. Nothing is read before stream_listen(). `s` must stay until it is
 * closed and no longer stream_busy(): then stream_free() makes it one that may be opened again. */
void stream_open(struct stream *s, SOCKET socket);
void stream_free(struct stream *s);

/* Begins to read, and continues until the stream is closed. */
void stream_listen(struct stream *s);

/* Begins the TLS handshake with a host of this name, whose certificate is to have this fingerprint, as for
 * verify_begin(). Both must stay. */
void stream_begin_tls(struct stream *s, const char *host, const char *fingerprint);

/* Has at most SESSION_OUT_SIZE octets sent by the next stream_flush(), or by a later one while TLS agrees on new keys.
 * Not while stream_sending(). */
void stream_write(struct stream *s, const char *octets, size_t count);

/* Sends what is due now: what was written, and TLS's own records. Not while stream_sending(). */
void stream_flush(struct stream *s);
bool stream_sending(const struct stream *s);

/* Ends TLS where there is any, without waiting for it to arrive, and closes. */
void stream_end(struct stream *s);

/* Closes at once, if it is open; nothing but `settled` is called from now on. */
void stream_close(struct stream *s);

/* Whether an operation of the system still refers to `s`. */
bool stream_busy(const struct stream *s);

#endif
