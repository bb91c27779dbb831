#define SECURITY_WIN32
#define SCHANNEL_USE_BLACKLISTS /* SCH_CREDENTIALS */
#include "tls.h"

#include "../core/buffer.h"
#include "tls_words.h"

#include <winternl.h>

#include <schannel.h>
#include <security.h>

#include <stdlib.h>

enum {
    INPUT_LIMIT = 64 << 10, /* for handshake data and incomplete records; a record is at most 18 KB */
    PROTOCOLS = SP_PROT_TLS1_2_CLIENT | SP_PROT_TLS1_3_CLIENT,
    CREDENTIAL_FLAGS = SCH_CRED_MANUAL_CRED_VALIDATION | SCH_CRED_NO_DEFAULT_CREDS | SCH_USE_STRONG_CRYPTO,
    CONTEXT_FLAGS = ISC_REQ_ALLOCATE_MEMORY | ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY | ISC_REQ_REPLAY_DETECT |
                    ISC_REQ_SEQUENCE_DETECT | ISC_REQ_STREAM | ISC_REQ_MANUAL_CRED_VALIDATION
};

enum phase { SHAKING, OPEN, RESHAKING, OVER };

struct tls {
    enum phase phase;
    CtxtHandle context;
    DWORD flags;
    SecPkgContext_StreamSizes sizes;
    size_t handshake; /* length of the handshake data */
    struct buffer in;
    size_t used;                /* octets of `in` that are already processed */
    struct buffer out, leaving; /* collected, and being sent */
    struct buffer waiting;      /* clear text that waits for a new handshake to finish */
    bool on_its_way;
    char fault[200];
    wchar_t host[256];
};

/* ---- octets ---- */

static bool add_octets(struct buffer *b, const void *octets, size_t count)
{
    buffer_add(b, octets, count);
    return !b->failed;
}

static void drop_used(struct tls *tls)
{
    tls->in.length -= tls->used;
    memmove(tls->in.data, tls->in.data + tls->used, tls->in.length);
    tls->used = 0;
}

/* ---- records ---- */

enum { RECORD_HEADER = 5, RECORD_LIMIT = (16 << 10) + (2 << 10), CHANGE_CIPHER = 20, ALERT = 21, APPLICATION = 23 };

static size_t record_length(const unsigned char *record)
{
    return (size_t)record[3] << 8 | record[4];
}

/* Whether a record can begin like this (RFC 8446 5.1). If not, we would wait for a length that these octets only seem
 * to give. */
static bool record_begins(const struct buffer *in)
{
    const unsigned char *record = (const unsigned char *)in->data;
    return (in->length < 1 || (record[0] >= CHANGE_CIPHER && record[0] <= APPLICATION)) &&
           (in->length < 2 || record[1] == 3) && (in->length < RECORD_HEADER || record_length(record) <= RECORD_LIMIT);
}

/* ---- errors ---- */

static enum tls_event broken(struct tls *tls, SECURITY_STATUS status)
{
    struct text t;
    tls->phase = OVER;
    if (*tls->fault) /* an alert from the host says more */
        return TLS_BROKEN;
    text_begin(&t, tls->fault, sizeof tls->fault);
    tls_add_status(&t, (DWORD)status);
    return TLS_BROKEN;
}

static enum tls_event fail_with(struct tls *tls, const char *words)
{
    struct text t;
    text_begin(&t, tls->fault, sizeof tls->fault);
    text_add(&t, "%s", words);
    return broken(tls, SEC_E_OK);
}

/* An unencrypted alert, as all are at first, gives the reason more clearly than Schannel's status. */
static void note_alert(struct tls *tls)
{
    enum { WARNING = 1 };
    const unsigned char *record = (const unsigned char *)tls->in.data;
    struct text t;
    if (tls->in.length < RECORD_HEADER + 2 || record[0] != ALERT || record_length(record) != 2 ||
        record[RECORD_HEADER] == WARNING)
        return;
    text_begin(&t, tls->fault, sizeof tls->fault);
    text_add(&t, "the host sent an alert: ");
    tls_add_alert(&t, record[RECORD_HEADER + 1]);
}

/* ---- the handshake ---- */

/* Shared by all connections: acquired when first needed, and kept, because sessions that can be resumed belong to it.
 */
static CredHandle credentials;
static bool have_credentials;

static SECURITY_STATUS acquire(void *data)
{
    static wchar_t package[] = UNISP_NAME_W;
    return AcquireCredentialsHandleW(NULL, package, SECPKG_CRED_OUTBOUND, NULL, data, NULL, NULL, &credentials, NULL);
}

/* Windows 10 1809 and later support SCH_CREDENTIALS, which TLS 1.3 requires; protocols that the computer's policy
 * disables stay disabled. Earlier versions need the older structure. */
static SECURITY_STATUS take_credentials(void)
{
    TLS_PARAMETERS parameters = {.grbitDisabledProtocols = ~(DWORD)PROTOCOLS};
    SCH_CREDENTIALS now = {.dwVersion = SCH_CREDENTIALS_VERSION,
                           .dwFlags = CREDENTIAL_FLAGS,
                           .cTlsParameters = 1,
                           .pTlsParameters = &parameters};
    SCHANNEL_CRED before = {.dwVersion = SCHANNEL_CRED_VERSION,
                            .dwFlags = CREDENTIAL_FLAGS,
                            .grbitEnabledProtocols = SP_PROT_TLS1_2_CLIENT};
    if (have_credentials)
        return SEC_E_OK;
    SECURITY_STATUS status = acquire(&now);
    if (status != SEC_E_OK)
        status = acquire(&before);
    have_credentials = status == SEC_E_OK;
    return status;
}

/* Calls InitializeSecurityContext once with the data received; `used` is then the part that it consumed. */
static SECURITY_STATUS step_context(struct tls *tls)
{
    bool first = !SecIsValidHandle(&tls->context);
    bool nothing = tls->in.length == 0; /* first call, or close_notify */
    SecBuffer in[2] = {{(ULONG)tls->in.length, SECBUFFER_TOKEN, tls->in.data}, {0, SECBUFFER_EMPTY, NULL}};
    SecBuffer out[1] = {{0, SECBUFFER_TOKEN, NULL}};
    SecBufferDesc given = {SECBUFFER_VERSION, ARRAYSIZE(in), in};
    SecBufferDesc taken = {SECBUFFER_VERSION, ARRAYSIZE(out), out};
    DWORD attributes;
    SECURITY_STATUS status =
        InitializeSecurityContextW(&credentials, first ? NULL : &tls->context, tls->host, tls->flags, 0, 0,
                                   nothing ? NULL : &given, 0, &tls->context, &taken, &attributes, NULL);
    if (status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED || status == SEC_I_CONTEXT_EXPIRED) {
        size_t extra = in[1].BufferType == SECBUFFER_EXTRA ? in[1].cbBuffer : 0;
        tls->used = extra < tls->in.length ? tls->in.length - extra : 0;
        if (out[0].cbBuffer > 0 && !add_octets(&tls->out, out[0].pvBuffer, out[0].cbBuffer))
            status = SEC_E_INSUFFICIENT_MEMORY;
    }
    if (out[0].pvBuffer)
        FreeContextBuffer(out[0].pvBuffer);
    return status;
}

static DWORD protocol_of(const struct tls *tls)
{
    SecPkgContext_ConnectionInfo info = {0};
    QueryContextAttributesW((CtxtHandle *)&tls->context, SECPKG_ATTR_CONNECTION_INFO, &info);
    return info.dwProtocol;
}

static SECURITY_STATUS encipher(struct tls *tls, const char *plain, size_t count);

/* Encrypts with the new keys. */
static SECURITY_STATUS encipher_waiting(struct tls *tls)
{
    size_t count = tls->waiting.length;
    SECURITY_STATUS status = count > 0 ? encipher(tls, tls->waiting.data, count) : SEC_E_OK;
    if (count > 0)
        SecureZeroMemory(tls->waiting.data, count);
    tls->waiting.length = 0;
    return status;
}

/* The first handshake is done, or a later message of TLS 1.3 is processed. */
static enum tls_event handshake_done(struct tls *tls)
{
    bool first = tls->phase == SHAKING;
    tls->phase = OPEN;
    SECURITY_STATUS status = QueryContextAttributesW(&tls->context, SECPKG_ATTR_STREAM_SIZES, &tls->sizes);
    if (status == SEC_E_OK)
        status = encipher_waiting(tls);
    if (status != SEC_E_OK)
        return broken(tls, status);
    if (first && !(protocol_of(tls) & PROTOCOLS))
        return broken(tls, SEC_E_UNSUPPORTED_FUNCTION);
    return first ? TLS_ESTABLISHED : TLS_PLAIN;
}

static enum tls_event step_handshake(struct tls *tls)
{
    while (tls->in.length > 0) {
        note_alert(tls);
        SECURITY_STATUS status = step_context(tls);
        if (status == SEC_E_OK)
            return handshake_done(tls);
        if (status == SEC_E_INCOMPLETE_MESSAGE)
            return TLS_WANTS_MORE;
        if (status == SEC_I_INCOMPLETE_CREDENTIALS && !(tls->flags & ISC_REQ_USE_SUPPLIED_CREDS)) {
            tls->flags |= ISC_REQ_USE_SUPPLIED_CREDS; /* the host accepts a client certificate: we have none */
            continue;
        }
        if (status != SEC_I_CONTINUE_NEEDED)
            return broken(tls, status);
        if (tls->used == 0)
            return TLS_WANTS_MORE;
        drop_used(tls);
    }
    return TLS_WANTS_MORE;
}

/* ---- data ---- */

/* Tickets and key updates of TLS 1.3 are passed to the handshake function. In TLS 1.2 this would be a renegotiation, in
 * which the host's identity could change: a session of a few commands does not need one. */
static enum tls_event handshake_again(struct tls *tls)
{
    if (!(protocol_of(tls) & SP_PROT_TLS1_3_CLIENT))
        return fail_with(tls, "the host requested a TLS renegotiation, which is not supported");
    tls->phase = RESHAKING;
    return TLS_PLAIN;
}

static enum tls_event step_open(struct tls *tls, const char **plain, size_t *count)
{
    SecBuffer buffers[4] = {{(ULONG)tls->in.length, SECBUFFER_DATA, tls->in.data}};
    SecBufferDesc record = {SECBUFFER_VERSION, ARRAYSIZE(buffers), buffers};
    if (tls->in.length == 0)
        return TLS_WANTS_MORE;
    bool alert = tls->in.data[0] == ALERT;
    SECURITY_STATUS status = DecryptMessage(&tls->context, &record, 0, NULL);
    if (status == SEC_E_INCOMPLETE_MESSAGE)
        return TLS_WANTS_MORE;
    if (status == SEC_I_CONTEXT_EXPIRED ||
        (status == SEC_E_OK && alert)) { /* Wine does not report close_notify as such */
        tls->phase = OVER;
        return TLS_ENDED;
    }
    if (status != SEC_E_OK && status != SEC_I_RENEGOTIATE)
        return broken(tls, status);
    tls->used = tls->in.length;
    for (size_t i = 0; i < ARRAYSIZE(buffers); i++) {
        if (buffers[i].BufferType == SECBUFFER_DATA) {
            *plain = buffers[i].pvBuffer;
            *count = buffers[i].cbBuffer;
        } else if (buffers[i].BufferType == SECBUFFER_EXTRA) {
            tls->used = tls->in.length - buffers[i].cbBuffer;
        }
    }
    return status == SEC_I_RENEGOTIATE ? handshake_again(tls) : TLS_PLAIN;
}

enum tls_event tls_next(struct tls *tls, const char **plain, size_t *count)
{
    *plain = "";
    *count = 0;
    drop_used(tls);
    if (tls->phase != OVER && !record_begins(&tls->in))
        return fail_with(tls, "the host's response is not TLS");
    switch (tls->phase) {
    case SHAKING:
    case RESHAKING:
        return step_handshake(tls);
    case OPEN:
        return step_open(tls, plain, count);
    case OVER:
        break;
    }
    return TLS_ENDED;
}

bool tls_input(struct tls *tls, const void *octets, size_t count)
{
    drop_used(tls);
    if (tls->phase == SHAKING)
        tls->handshake += count;
    if (tls->handshake > INPUT_LIMIT || tls->in.length + count > INPUT_LIMIT)
        fail_with(tls, "the host sent more than 64 KB");
    else if (!add_octets(&tls->in, octets, count))
        broken(tls, SEC_E_INSUFFICIENT_MEMORY);
    else
        return true;
    return false;
}

static SECURITY_STATUS encipher(struct tls *tls, const char *plain, size_t count)
{
    size_t header = tls->sizes.cbHeader;
    size_t whole = header + count + tls->sizes.cbTrailer;
    if (count > tls->sizes.cbMaximumMessage)
        return SEC_E_INTERNAL_ERROR;
    if (!buffer_reserve(&tls->out, whole))
        return SEC_E_INSUFFICIENT_MEMORY;
    char *at = tls->out.data + tls->out.length;
    memcpy(at + header, plain, count);
    SecBuffer buffers[4] = {
        {(ULONG)header, SECBUFFER_STREAM_HEADER, at},
        {(ULONG)count, SECBUFFER_DATA, at + header},
        {tls->sizes.cbTrailer, SECBUFFER_STREAM_TRAILER, at + header + count},
    };
    SecBufferDesc record = {SECBUFFER_VERSION, ARRAYSIZE(buffers), buffers};
    SECURITY_STATUS status = EncryptMessage(&tls->context, 0, &record, 0);
    if (status == SEC_E_OK)
        tls->out.length += buffers[0].cbBuffer + buffers[1].cbBuffer + buffers[2].cbBuffer;
    return status;
}

bool tls_encrypt(struct tls *tls, const char *plain, size_t count)
{
    if (tls->phase == RESHAKING)
        return add_octets(&tls->waiting, plain, count);
    return tls->phase == OPEN && encipher(tls, plain, count) == SEC_E_OK;
}

void tls_end(struct tls *tls)
{
    DWORD shutdown = SCHANNEL_SHUTDOWN;
    SecBuffer token = {sizeof shutdown, SECBUFFER_TOKEN, &shutdown};
    SecBufferDesc control = {SECBUFFER_VERSION, 1, &token};
    if (tls->phase != OPEN)
        return;
    tls->in.length = tls->used = 0;
    if (ApplyControlToken(&tls->context, &control) == SEC_E_OK)
        step_context(tls);
    tls->used = 0;
    tls->phase = OVER;
}

const char *tls_output(struct tls *tls, size_t *count)
{
    struct buffer empty = tls->leaving;
    *count = 0;
    if (tls->on_its_way || tls->out.length == 0)
        return NULL;
    tls->leaving = tls->out;
    empty.length = 0;
    tls->out = empty;
    tls->on_its_way = true;
    *count = tls->leaving.length;
    return tls->leaving.data;
}

void tls_sent(struct tls *tls)
{
    tls->on_its_way = false;
}

/* ---- begin and end ---- */

static void take_name(struct tls *tls, const char *host)
{
    wchar_t *wide = wide_copy(host);
    for (size_t i = 0; wide && wide[i] && i + 1 < ARRAYSIZE(tls->host); i++)
        tls->host[i] = wide[i];
    free(wide);
    size_t length = wcslen(tls->host);
    if (length > 0 && tls->host[length - 1] == L'.')
        tls->host[length - 1] = L'\0';
}

struct tls *tls_begin(const char *host, DWORD *error)
{
    SECURITY_STATUS status = take_credentials();
    struct tls *tls = status == SEC_E_OK ? calloc(1, sizeof *tls) : NULL;
    if (!tls) {
        *error = status == SEC_E_OK ? ERROR_NOT_ENOUGH_MEMORY : (DWORD)status;
        return NULL;
    }
    SecInvalidateHandle(&tls->context);
    tls->flags = CONTEXT_FLAGS;
    take_name(tls, host);
    status = step_context(tls);
    if (status == SEC_I_CONTINUE_NEEDED)
        return tls;
    tls_free(tls);
    *error = (DWORD)status;
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    if (SecIsValidHandle(&tls->context))
        DeleteSecurityContext(&tls->context);
    buffer_free(&tls->in);
    buffer_free(&tls->out);
    buffer_free(&tls->leaving);
    if (tls->waiting.length > 0)
        SecureZeroMemory(tls->waiting.data, tls->waiting.length);
    buffer_free(&tls->waiting);
    free(tls);
}

/* ---- description ---- */

const char *tls_fault(const struct tls *tls)
{
    return tls->fault;
}

const CERT_CONTEXT *tls_certificate(const struct tls *tls)
{
    const CERT_CONTEXT *certificate = NULL;
    SECURITY_STATUS status =
        QueryContextAttributesW((CtxtHandle *)&tls->context, SECPKG_ATTR_REMOTE_CERT_CONTEXT, (void *)&certificate);
    return status == SEC_E_OK ? certificate : NULL;
}

/* Appends the name of the cipher suite if Windows returns it, else only the cipher. */
void tls_describe(const struct tls *tls, struct text *out)
{
    SecPkgContext_ConnectionInfo info = {0};
    SecPkgContext_CipherInfo suite = {.dwVersion = SECPKGCONTEXT_CIPHERINFO_V1};
    CtxtHandle *context = (CtxtHandle *)&tls->context;
    QueryContextAttributesW(context, SECPKG_ATTR_CONNECTION_INFO, &info);
    text_add(out, "TLS 1.%c, ", info.dwProtocol & SP_PROT_TLS1_3_CLIENT ? '3' : '2');
    if (QueryContextAttributesW(context, SECPKG_ATTR_CIPHER_INFO, &suite) == SEC_E_OK && *suite.szCipherSuite)
        text_add_wide(out, suite.szCipherSuite);
    else
        text_add(out, "%s with %lu bits",
                 GET_ALG_CLASS(info.aiCipher) == ALG_CLASS_DATA_ENCRYPT && GET_ALG_SID(info.aiCipher) <= ALG_SID_AES &&
                         GET_ALG_SID(info.aiCipher) >= ALG_SID_AES_128
                     ? "AES"
                     : "a cipher",
                 info.dwCipherStrength);
}
