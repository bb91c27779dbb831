#include "stream.h"

#include "tls.h"

static bool is_open(const struct stream *s)
{
    return s->socket != INVALID_SOCKET;
}

static bool in_handshake(const struct stream *s)
{
    return s->tls && !s->secured;
}

/* ---- failures ---- */

static void fail(struct stream *s, enum outcome why, const char *what, DWORD error)
{
    TEXT_SCRATCH(detail, 200);
    text_add(&detail, "%s: ", what);
    text_add_error(&detail, error);
    s->sink->failed(s->owner, why, false, detail.data);
}

/* Records why the connection ended: `what`, and the error if there is one. */
static void lost(struct stream *s, const char *what, DWORD error)
{
    TEXT_SCRATCH(detail, 200);
    text_add(&detail, "%s", what);
    if (error) {
        text_add(&detail, ": ");
        text_add_error(&detail, error);
    }
    if (in_handshake(s))
        text_add(&detail, " (in the TLS handshake)");
    if (error || in_handshake(s))
        s->sink->failed(s->owner, OUTCOME_LOST, in_handshake(s), detail.data);
    else
        s->sink->ended(s->owner);
}

static void tls_broken(struct stream *s)
{
    TEXT_SCRATCH(detail, 200);
    bool handshake = in_handshake(s);
    text_add(&detail, "TLS%s: %s", handshake ? " handshake" : "", tls_fault(s->tls));
    s->sink->failed(s->owner, handshake ? OUTCOME_NO_TLS : OUTCOME_LOST, handshake, detail.data);
}

/* ---- sending ---- */

static void sent(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct stream *s = CONTAINING_RECORD(op, struct stream, send);
    (void)bytes;
    s->sending = false;
    if (s->tls)
        tls_sent(s->tls);
    SecureZeroMemory(s->out, sizeof s->out); /* it may have contained a password */
    if (error && is_open(s))
        fail(s, OUTCOME_LOST, "sending", error);
    s->sink->settled(s->owner);
}

/* `octets` must remain valid until they are sent. */
static DWORD start_send(struct stream *s, const char *octets, size_t count)
{
    WSABUF buffer = {(ULONG)count, (char *)octets};
    s->send = (struct loop_op){.done = sent};
    if (WSASend(s->socket, &buffer, 1, NULL, 0, &s->send.overlapped, NULL) != 0 && WSAGetLastError() != WSA_IO_PENDING)
        return (DWORD)WSAGetLastError();
    s->sending = true;
    return 0;
}

void stream_write(struct stream *s, const char *octets, size_t count)
{
    if (!s->tls) {
        memcpy(s->out, octets, count);
        s->out_count = count;
    } else if (!tls_encrypt(s->tls, octets, count)) {
        s->sink->failed(s->owner, OUTCOME_LOCAL, false, "a command could not be encrypted");
    }
}

void stream_flush(struct stream *s)
{
    size_t count = s->out_count;
    const char *octets = s->tls ? tls_output(s->tls, &count) : s->out;
    s->out_count = 0;
    DWORD error = octets && count > 0 && is_open(s) ? start_send(s, octets, count) : 0;
    if (error)
        fail(s, OUTCOME_LOST, "sending", error);
}

bool stream_sending(const struct stream *s)
{
    return s->sending;
}

/* ---- receiving ---- */

static void received(struct loop_op *op, DWORD error, DWORD bytes);

void stream_listen(struct stream *s)
{
    WSABUF buffer = {STREAM_IN_SIZE, s->in};
    DWORD flags = 0;
    if (!is_open(s) || s->verify)
        return;
    s->receive = (struct loop_op){.done = received};
    if (WSARecv(s->socket, &buffer, 1, NULL, &flags, &s->receive.overlapped, NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING)
        fail(s, OUTCOME_LOST, "receiving", (DWORD)WSAGetLastError());
    else
        s->receiving = true;
}

/* ---- TLS ---- */

static void decipher(struct stream *s);

static void describe(const struct stream *s, struct stream_security *security)
{
    struct text t;
    const CERT_CONTEXT *certificate = tls_certificate(s->tls);
    text_begin(&t, security->tls, sizeof security->tls);
    tls_describe(s->tls, &t);
    if (!certificate)
        return;
    verify_describe(certificate, &security->certificate);
    CertFreeCertificateContext(certificate);
}

static void verified(void *owner, const char *fault)
{
    struct stream *s = owner;
    struct stream_security security = {.unverified = fault};
    s->verify = NULL;
    s->secured = true;
    describe(s, &security);
    s->sink->secured(s->owner, &security);
    decipher(s); /* data that arrived with the end of the handshake */
    stream_listen(s);
    s->sink->settled(s->owner);
}

static void established(struct stream *s)
{
    const CERT_CONTEXT *certificate = tls_certificate(s->tls);
    if (!certificate) {
        s->sink->failed(s->owner, OUTCOME_NO_TLS, true, "TLS handshake: the host sent no certificate");
        return;
    }
    s->verify = verify_begin(s->loop, certificate, s->host, s->fingerprint, verified, s);
    CertFreeCertificateContext(certificate);
    if (!s->verify)
        fail(s, OUTCOME_LOCAL, "verifying the host's certificate", ERROR_NOT_ENOUGH_MEMORY);
}

/* Delivers all data that can be decrypted so far. */
static void decipher(struct stream *s)
{
    const char *plain;
    size_t count;
    while (is_open(s) && !s->verify) {
        switch (tls_next(s->tls, &plain, &count)) {
        case TLS_WANTS_MORE:
            return;
        case TLS_ESTABLISHED:
            established(s);
            break;
        case TLS_PLAIN:
            if (count > 0)
                s->sink->input(s->owner, plain, count);
            break;
        case TLS_ENDED:
            lost(s, "the host closed the connection", 0);
            return;
        case TLS_BROKEN:
            tls_broken(s);
            return;
        }
    }
}

void stream_begin_tls(struct stream *s, const char *host, const char *fingerprint)
{
    DWORD error;
    s->host = host;
    s->fingerprint = fingerprint;
    s->tls = tls_begin(host, &error);
    if (!s->tls)
        fail(s, OUTCOME_LOCAL, "beginning TLS", error);
}

/* ---- received data ---- */

static void take_input(struct stream *s, DWORD bytes)
{
    if (!s->tls)
        s->sink->input(s->owner, s->in, bytes);
    else if (tls_input(s->tls, s->in, bytes))
        decipher(s);
    else
        tls_broken(s);
}

static void received(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct stream *s = CONTAINING_RECORD(op, struct stream, receive);
    s->receiving = false;
    if (is_open(s)) {
        if (error)
            lost(s, "receiving", error);
        else if (bytes == 0)
            lost(s, "the host closed the connection", 0);
        else
            take_input(s, bytes);
        if (!error && bytes > 0)
            stream_listen(s);
    }
    s->sink->settled(s->owner);
}

/* ---- begin and end ---- */

void stream_init(struct stream *s, struct loop *loop, const struct stream_sink *sink, void *owner)
{
    *s = (struct stream){.loop = loop, .sink = sink, .owner = owner, .socket = INVALID_SOCKET};
}

void stream_open(struct stream *s, SOCKET socket)
{
    s->socket = socket;
}

void stream_end(struct stream *s)
{
    size_t count;
    const char *octets = NULL;
    if (s->tls && !s->sending && is_open(s)) {
        tls_end(s->tls);
        octets = tls_output(s->tls, &count);
    }
    if (octets)
        start_send(s, octets, count);
    stream_close(s);
}

void stream_close(struct stream *s)
{
    verify_cancel(s->verify);
    s->verify = NULL;
    if (is_open(s))
        closesocket(s->socket);
    s->socket = INVALID_SOCKET;
}

bool stream_busy(const struct stream *s)
{
    return s->sending || s->receiving;
}

void stream_free(struct stream *s)
{
    tls_free(s->tls);
    stream_init(s, s->loop, s->sink, s->owner);
}
