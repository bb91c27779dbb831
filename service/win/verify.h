/* verify: whether a certificate proves that a host is the one that was asked for: issued for its name, in force, and by
 * somebody whom this computer trusts. */
#ifndef ETRN_VERIFY_H
#define ETRN_VERIFY_H

#include "../core/certificate.h"
#include "../core/must_check.h"
#include "loop.h"

#include <wincrypt.h>

/* A certificate, for a person. */
struct certificate_facts {
    char subject[160], issuer[160];     /* their simple names, escaped */
    char names[400];                    /* of certificate_list_names() */
    int64_t begins_utc_ms, ends_utc_ms; /* its validity */
    bool hashed;                        /* false: there is no fingerprint, since it could not be computed */
    uint8_t fingerprint[FINGERPRINT_SIZE];
};

void verify_describe(const CERT_CONTEXT *certificate, struct certificate_facts *facts);

struct verify;

/* In the loop's thread, once, unless cancelled: NULL, or the words that say why not. The verify is gone then. */
typedef void verify_done(void *owner, const char *fault);

/* Begins to verify `certificate`, with those that came with it, as that of `host`. With a `fingerprint` (as
 * fingerprint_read() takes it; not NULL nor "") it is to be that one, whoever issued it. NULL when there is no memory.
 *
 * A thread of the system's pool does it: for a root that Windows fetches when it is first met, for an intermediate
 * certificate that the host forgot, and for revocation lists, CertGetCertificateChain goes to the network, for seconds.
 * Without that (CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL) hosts would fail on one computer and not on the next. It is the
 * computer's stores that count, not the user's: the service and an administrator get the same answer. A list that
 * cannot be reached is no failure. */
MUST_CHECK struct verify *verify_begin(struct loop *loop, const CERT_CONTEXT *certificate, const char *host,
                                       const char *fingerprint, verify_done *done, void *owner);
void verify_cancel(struct verify *verify);

#endif
