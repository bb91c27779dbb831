#define CERT_CHAIN_PARA_HAS_EXTRA_FIELDS
#include "verify.h"

#include "../core/stamp.h"

#include <stdlib.h>
#include <wininet.h>

enum { FETCH_TIMEOUT_MS = 10000 /* for all network retrievals together */ };

struct verify {
    struct loop *loop;
    struct loop_op ended;
    verify_done *done;
    void *owner;
    const CERT_CONTEXT *certificate;
    struct identity host;
    char name[256]; /* name of the host */
    char fault[200];
    bool cancelled;
};

/* ---- descriptions ---- */

/* The name comes from the certificate's author and may contain anything: it is escaped. */
static void add_simple_name(struct text *t, const CERT_CONTEXT *certificate, bool issuer)
{
    wchar_t wide[128] = L"";
    CertGetNameStringW(certificate, CERT_NAME_SIMPLE_DISPLAY_TYPE, issuer ? CERT_NAME_ISSUER_FLAG : 0, NULL, wide,
                       ARRAYSIZE(wide));
    char *utf8 = narrow_copy(wide);
    if (utf8)
        text_add_escaped(t, utf8, strlen(utf8));
    free(utf8);
}

static const CRYPT_DATA_BLOB *names_of(const CERT_CONTEXT *certificate)
{
    static const CRYPT_DATA_BLOB none;
    const CERT_INFO *info = certificate->pCertInfo;
    const CERT_EXTENSION *names = CertFindExtension(szOID_SUBJECT_ALT_NAME2, info->cExtension, info->rgExtension);
    return names ? &names->Value : &none;
}

static bool take_fingerprint(const CERT_CONTEXT *certificate, uint8_t fingerprint[FINGERPRINT_SIZE])
{
    DWORD size = FINGERPRINT_SIZE;
    return CryptHashCertificate2(L"SHA256", 0, NULL, certificate->pbCertEncoded, certificate->cbCertEncoded,
                                 fingerprint, &size) &&
           size == FINGERPRINT_SIZE;
}

void verify_describe(const CERT_CONTEXT *certificate, struct certificate_facts *facts)
{
    struct text t;
    *facts = (struct certificate_facts){.begins_utc_ms = utc_ms_of(&certificate->pCertInfo->NotBefore),
                                        .ends_utc_ms = utc_ms_of(&certificate->pCertInfo->NotAfter)};
    text_begin(&t, facts->subject, sizeof facts->subject);
    add_simple_name(&t, certificate, false);
    text_begin(&t, facts->issuer, sizeof facts->issuer);
    add_simple_name(&t, certificate, true);
    text_begin(&t, facts->names, sizeof facts->names);
    certificate_list_names(names_of(certificate)->pbData, names_of(certificate)->cbData, &t);
    facts->hashed = take_fingerprint(certificate, facts->fingerprint);
}

/* ---- faults ---- */

/* Appends "the certificate of mail.isp.example", or of the issuer. */
static void add_owner(struct text *t, const struct verify *v, const CERT_CONTEXT *which)
{
    text_add(t, "the certificate of ");
    if (which == v->certificate)
        text_add(t, "%s", v->name);
    else
        add_simple_name(t, which, false);
}

static void report_dates(struct text *t, const struct verify *v, const CERT_CONTEXT *which)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    bool early = CompareFileTime(&now, &which->pCertInfo->NotBefore) < 0;
    add_owner(t, v, which);
    text_add(t, early ? " is valid only from " : " expired on ");
    stamp_add_date(t, utc_ms_of(early ? &which->pCertInfo->NotBefore : &which->pCertInfo->NotAfter));
}

static void report_revoked(struct text *t, const struct verify *v, const CERT_CONTEXT *which)
{
    add_owner(t, v, which);
    text_add(t, " was revoked by its issuer");
}

/* The last certificate of the chain that could be built: a root that this computer does not trust, or one whose issuer
 * is missing. */
static void report_untrusted(struct text *t, const struct verify *v, const CERT_CONTEXT *which)
{
    bool own_issuer =
        CertCompareCertificateName(X509_ASN_ENCODING, &which->pCertInfo->Subject, &which->pCertInfo->Issuer);
    add_owner(t, v, v->certificate);
    if (which == v->certificate && own_issuer) {
        text_add(t, " is self-signed, and this computer does not trust it");
        return;
    }
    text_add(t, " was issued by ");
    add_simple_name(t, which, true);
    text_add(t, ", which this computer does not trust");
}

static void report_usage(struct text *t, const struct verify *v, const CERT_CONTEXT *which)
{
    add_owner(t, v, which);
    text_add(t, " is not valid for this use");
}

static void report_broken(struct text *t, const struct verify *v, const CERT_CONTEXT *which)
{
    add_owner(t, v, which);
    text_add(t, " has a signature that is invalid or too weak");
}

/* In order of importance: the first fault that any certificate of the chain has is reported. */
static const struct chain_fault {
    DWORD bits;
    void (*report)(struct text *t, const struct verify *v, const CERT_CONTEXT *which);
} chain_faults[] = {
    {CERT_TRUST_IS_NOT_SIGNATURE_VALID | CERT_TRUST_HAS_WEAK_SIGNATURE, report_broken},
    {CERT_TRUST_IS_REVOKED, report_revoked},
    {CERT_TRUST_IS_NOT_TIME_VALID, report_dates},
    {CERT_TRUST_IS_UNTRUSTED_ROOT | CERT_TRUST_IS_PARTIAL_CHAIN | CERT_TRUST_IS_CYCLIC |
         CERT_TRUST_IS_EXPLICIT_DISTRUST,
     report_untrusted},
    {CERT_TRUST_IS_NOT_VALID_FOR_USAGE | CERT_TRUST_INVALID_BASIC_CONSTRAINTS | CERT_TRUST_INVALID_NAME_CONSTRAINTS,
     report_usage},
};

enum { UNKNOWN_REVOCATION = CERT_TRUST_REVOCATION_STATUS_UNKNOWN | CERT_TRUST_IS_OFFLINE_REVOCATION };

/* Returns the certificate that has the fault; for a fault of the whole chain, the last one. */
static const CERT_CONTEXT *find_faulty(const CERT_SIMPLE_CHAIN *chain, DWORD bits)
{
    for (DWORD i = 0; i < chain->cElement; i++)
        if (chain->rgpElement[i]->TrustStatus.dwErrorStatus & bits)
            return chain->rgpElement[i]->pCertContext;
    return chain->rgpElement[chain->cElement - 1]->pCertContext;
}

/* Elements of the chain are copies, so certificates are compared by their contents. */
static const CERT_CONTEXT *own_if_same(const struct verify *v, const CERT_CONTEXT *which)
{
    bool same = CertCompareCertificate(X509_ASN_ENCODING, which->pCertInfo, v->certificate->pCertInfo);
    return same ? v->certificate : which;
}

static bool chain_fault(struct verify *v, struct text *t, const CERT_CHAIN_CONTEXT *found)
{
    DWORD bits = found->TrustStatus.dwErrorStatus & ~(DWORD)UNKNOWN_REVOCATION;
    if (bits == 0)
        return false;
    if (found->cChain == 0 || found->rgpChain[0]->cElement == 0) {
        add_owner(t, v, v->certificate);
        text_add(t, " cannot be verified");
        return true;
    }
    for (size_t i = 0; i < ARRAYSIZE(chain_faults); i++)
        if (bits & chain_faults[i].bits) {
            const CERT_CONTEXT *which = find_faulty(found->rgpChain[0], chain_faults[i].bits);
            chain_faults[i].report(t, v, own_if_same(v, which));
            return true;
        }
    add_owner(t, v, v->certificate);
    text_add(t, " cannot be verified (status %08lx)", bits);
    return true;
}

/* Checks Windows' other requirements for a server's certificate, except revocation, which the chain has reported. The
 * name is compared only by certificate_matches(): versions of Windows differ in how they compare IP addresses, and in
 * whether the common name counts. */
static DWORD policy_error(const CERT_CHAIN_CONTEXT *found)
{
    SSL_EXTRA_CERT_CHAIN_POLICY_PARA ssl = {.cbSize = sizeof ssl, .dwAuthType = AUTHTYPE_SERVER};
    ssl.fdwChecks = SECURITY_FLAG_IGNORE_CERT_CN_INVALID | SECURITY_FLAG_IGNORE_REVOCATION;
    CERT_CHAIN_POLICY_PARA policy = {.cbSize = sizeof policy, .pvExtraPolicyPara = &ssl};
    CERT_CHAIN_POLICY_STATUS status = {.cbSize = sizeof status};
    policy.dwFlags = CERT_CHAIN_POLICY_IGNORE_INVALID_NAME_FLAG | CERT_CHAIN_POLICY_IGNORE_ALL_REV_UNKNOWN_FLAGS;
    if (!CertVerifyCertificateChainPolicy(CERT_CHAIN_POLICY_SSL, found, &policy, &status))
        return GetLastError();
    return status.dwError;
}

static void check_chain(struct verify *v, struct text *t)
{
    static char server_auth[] = szOID_PKIX_KP_SERVER_AUTH;
    char *usages[] = {server_auth};
    CERT_CHAIN_PARA demand = {.cbSize = sizeof demand, .dwUrlRetrievalTimeout = FETCH_TIMEOUT_MS};
    DWORD flags = CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT | CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT;
    const CERT_CHAIN_CONTEXT *found;
    demand.RequestedUsage.dwType = USAGE_MATCH_TYPE_OR;
    demand.RequestedUsage.Usage = (CERT_ENHKEY_USAGE){ARRAYSIZE(usages), usages};
    DWORD error = 0;
    if (!CertGetCertificateChain(HCCE_LOCAL_MACHINE, v->certificate, NULL, v->certificate->hCertStore, &demand, flags,
                                 NULL, &found)) {
        error = GetLastError();
    } else {
        if (!chain_fault(v, t, found))
            error = policy_error(found);
        CertFreeCertificateChain(found);
    }
    if (error) {
        add_owner(t, v, v->certificate);
        text_add(t, " cannot be verified: ");
        text_add_error(t, error);
    }
}

/* Reports a wrong name: "the certificate of mail.isp.example is for mx1.isp.example". */
static void check_name(struct verify *v, struct text *t)
{
    const CRYPT_DATA_BLOB *names = names_of(v->certificate);
    TEXT_SCRATCH(list, 100);
    if (certificate_matches(names->pbData, names->cbData, &v->host))
        return;
    certificate_list_names(names->pbData, names->cbData, &list);
    add_owner(t, v, v->certificate);
    if (list.length > 0)
        text_add(t, " is for %s", list.data);
    else
        text_add(t, " names no host (no subjectAltName)");
}

/* ---- verification: in the thread pool, or at once by fingerprint ---- */

static void CALLBACK run(PTP_CALLBACK_INSTANCE instance, void *context)
{
    struct verify *v = context;
    struct text t;
    CallbackMayRunLong(instance);
    text_begin(&t, v->fault, sizeof v->fault);
    check_name(v, &t); /* first, because a wrong name shows who has answered instead of the host */
    if (t.length == 0)
        check_chain(v, &t);
    loop_post(v->loop, &v->ended, 0);
}

static void check_fingerprint(struct verify *v, const char *fingerprint)
{
    uint8_t wanted[FINGERPRINT_SIZE];
    uint8_t found[FINGERPRINT_SIZE];
    struct text t;
    text_begin(&t, v->fault, sizeof v->fault);
    bool known = take_fingerprint(v->certificate, found);
    if (known && fingerprint_read(fingerprint, wanted) && memcmp(wanted, found, sizeof found) == 0)
        return;
    add_owner(&t, v, v->certificate);
    if (known) {
        text_add(&t, " does not match TlsFingerprint; its SHA-256 is ");
        fingerprint_show(found, false, &t);
    } else {
        text_add(&t, " cannot be compared with TlsFingerprint: its SHA-256 cannot be computed");
    }
}

static void verify_free(struct verify *v)
{
    CertFreeCertificateContext(v->certificate);
    free(v);
}

static void ended(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct verify *v = CONTAINING_RECORD(op, struct verify, ended);
    (void)error, (void)bytes;
    if (!v->cancelled)
        v->done(v->owner, *v->fault ? v->fault : NULL);
    verify_free(v);
}

static void take_host(struct verify *v, const char *host)
{
    struct text t;
    text_begin(&t, v->name, sizeof v->name);
    text_add(&t, "%.*s", (int)strcspn(host, "%"), host); /* without the zone of an address */
    v->host.name = v->name;
    if (inet_pton(AF_INET, v->name, v->host.address) == 1)
        v->host.address_size = 4;
    else if (inet_pton(AF_INET6, v->name, v->host.address) == 1)
        v->host.address_size = 16;
}

struct verify *verify_begin(struct loop *loop, const CERT_CONTEXT *certificate, const char *host,
                            const char *fingerprint, verify_done *done, void *owner)
{
    struct verify *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->loop = loop;
    v->ended.done = ended;
    v->done = done;
    v->owner = owner;
    v->certificate = CertDuplicateCertificateContext(certificate);
    take_host(v, host);
    bool begun;
    if (fingerprint && *fingerprint) {
        check_fingerprint(v, fingerprint);
        begun = loop_post(loop, &v->ended, 0) == 0;
    } else {
        begun = TrySubmitThreadpoolCallback(run, v, NULL);
    }
    if (begun)
        return v;
    verify_free(v);
    return NULL;
}

void verify_cancel(struct verify *verify)
{
    if (verify)
        verify->cancelled = true;
}
