/* tls: TLS 1.2 and 1.3 for one connection, by Schannel, without I/O of its own: what came from the host goes in, what
 * is for the host comes out. It verifies no certificate: verify does. A host's handshake, and what of its
 * octets is not understood yet, are at most 64 KB. */
#ifndef ETRN_TLS_H
#define ETRN_TLS_H

#include "../core/must_check.h"
#include "win.h"

#include <wincrypt.h>

struct tls;

/* Begins the handshake with a host of this name, which a host with several certificates is told (SNI): its first octets
 * are then to be sent. NULL and `*error`, an SSPI status or Win32 error, when TLS cannot be had on this computer. */
MUST_CHECK struct tls *tls_begin(const char *host, DWORD *error);
void tls_free(struct tls *tls);

/* Takes octets from the host. False, as with TLS_BROKEN, when they are more than a host may send. */
MUST_CHECK bool tls_input(struct tls *tls, const void *octets, size_t count);

enum tls_event {
    TLS_WANTS_MORE,  /* octets from the host */
    TLS_ESTABLISHED, /* once: the handshake is done, the certificate can be looked at */
    TLS_PLAIN,       /* `plain`: what the host said */
    TLS_ENDED,       /* the host says nothing more (close_notify) */
    TLS_BROKEN       /* tls_fault() says how; nothing further can be done with it */
};

/* What comes next of what the host sent: to be called until TLS_WANTS_MORE, and in any case looked after by
 * tls_output(). `*plain` stays until the next call. */
enum tls_event tls_next(struct tls *tls, const char **plain, size_t *count);

/* Enciphers what is for the host; while new keys are being agreed on (TLS 1.3), once that is done. False when that is
 * not possible. */
MUST_CHECK bool tls_encrypt(struct tls *tls, const char *plain, size_t count);

/* Says that nothing more will be sent (close_notify). */
void tls_end(struct tls *tls);

/* What is to be sent now; NULL when there is nothing, or when what was returned before has not been confirmed by
 * tls_sent(). It stays until then. */
const char *tls_output(struct tls *tls, size_t *count);
void tls_sent(struct tls *tls);

/* What went wrong, for a person: "the host sent an alert: protocol_version". */
const char *tls_fault(const struct tls *tls);

/* The host's certificate with those sent along in its hCertStore, to be freed by the caller; NULL when there is none.
 */
MUST_CHECK const CERT_CONTEXT *tls_certificate(const struct tls *tls);

/* Appends "TLS 1.3, TLS_AES_256_GCM_SHA384", or what this version of Windows reports of it. */
void tls_describe(const struct tls *tls, struct text *out);

#endif
