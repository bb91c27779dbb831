#include "link.h"

#include "helo.h"
#include "resolve.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RECEIVE_SIZE = 2048,
    QUIT_TIMEOUT_MS = 2000 /* the outcome is known by then: QUIT is a courtesy */
};

enum phase {
    RESOLVING,
    CONNECTING,
    TALKING,
    RECONNECTING, /* what was under way comes to its end first */
    CLOSING
};

struct link {
    struct loop *loop;
    const struct link_params *params;
    const struct link_sink *sink;
    void *owner;
    enum phase phase;
    struct resolve *resolve;
    const ADDRINFOEXW *current; /* address of the connection */
    const ADDRINFOEXW *next;    /* the one to try after it */
    SOCKET socket;
    struct loop_op begin, connect, send, receive;
    unsigned pending; /* of these, under way */
    bool sending;
    bool too_late; /* the connect deadline passed */
    struct loop_timer timer;
    int64_t began_ms, connecting_ms, reply_due_ms, session_due_ms;
    char peer[80]; /* address and port, for a person */
    char helo[HELO_SIZE];
    struct session_params session_params;
    struct session session;
    struct tls *tls;       /* from the handshake on */
    struct verify *verify; /* of the host's certificate, while under way: nothing is read meanwhile */
    char out[SESSION_OUT_SIZE];
    char in[RECEIVE_SIZE];
};

#define OWNER_OF(op, member) CONTAINING_RECORD(op, struct link, member)

/* Found once, by link_startup(). */
static LPFN_CONNECTEX connect_ex;

/* ConnectEx is not exported: Winsock hands it out (mswsock.h WSAID_CONNECTEX). */
DWORD link_startup(void)
{
    WSADATA data;
    DWORD error = (DWORD)WSAStartup(MAKEWORD(2, 2), &data);
    if (error)
        return error;
    helo_startup();
    SOCKET probe = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (probe == INVALID_SOCKET)
        return (DWORD)WSAGetLastError();
    GUID id = WSAID_CONNECTEX;
    DWORD bytes;
    if (WSAIoctl(probe, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &connect_ex, sizeof connect_ex, &bytes,
                 NULL, NULL) != 0)
        error = (DWORD)WSAGetLastError();
    closesocket(probe);
    return error;
}

/* ---- closing ---- */

static void close_socket(struct link *link)
{
    if (link->socket != INVALID_SOCKET)
        closesocket(link->socket);
    link->socket = INVALID_SOCKET;
}

static void connect_again(struct link *link);

/* Goes on with what waits until no operation is under way any more: the end of the link, or another connection. */
static void release_when_idle(struct link *link)
{
    if (link->pending == 0 && link->phase == RECONNECTING)
        connect_again(link);
    if (link->phase != CLOSING || link->pending > 0)
        return;
    const struct link_sink *sink = link->sink;
    void *owner = link->owner;
    tls_free(link->tls);
    free(link);
    sink->closed(owner);
}

/* The session is over: lets go of everything that is still under way. To be followed by release_when_idle(). */
static void close_down(struct link *link)
{
    if (link->phase == CLOSING)
        return;
    link->phase = CLOSING;
    resolve_cancel(link->resolve);
    link->resolve = NULL;
    verify_cancel(link->verify);
    link->verify = NULL;
    close_socket(link);
    loop_set_timer(link->loop, &link->timer, INT64_MAX);
}

static void fail(struct link *link, enum outcome why, const char *detail)
{
    session_fail(&link->session, why, detail);
    close_down(link);
}

static void fail_with(struct link *link, enum outcome why, const char *what, DWORD error)
{
    char detail[200];
    struct text t;
    text_begin(&t, detail, sizeof detail);
    text_add(&t, "%s: ", what);
    text_add_error(&t, error);
    fail(link, why, detail);
}

/* TLS could not be agreed on. Where the settings let it be, the same address is asked once more without, as other mail
 * servers do; but not with a secret, which never goes in clear. */
static void handshake_failed(struct link *link, enum outcome why, const char *detail)
{
    const struct session_params *params = &link->session_params;
    if (params->tls != TLS_MAY || params->auth || params->starttls_failed || link->session.finishing) {
        fail(link, why, detail);
        return;
    }
    if (link->sink->note)
        link->sink->note(link->owner, &(struct link_note){.step = LINK_TLS_FAILED, .words = detail});
    verify_cancel(link->verify);
    link->verify = NULL;
    close_socket(link);
    link->phase = RECONNECTING;
}

/* ---- deadlines ---- */

static void set_deadline(struct link *link, int64_t due_ms)
{
    link->reply_due_ms = due_ms;
    loop_set_timer(link->loop, &link->timer, due_ms < link->session_due_ms ? due_ms : link->session_due_ms);
}

static void expect_reply(struct link *link)
{
    int64_t limit_ms = link->params->reply_timeout_ms;
    if (link->session.state == SESSION_QUIT && limit_ms > QUIT_TIMEOUT_MS)
        limit_ms = QUIT_TIMEOUT_MS;
    set_deadline(link, loop_now_ms() + limit_ms);
}

static void deadline(struct loop_timer *timer)
{
    struct link *link = OWNER_OF(timer, timer);
    char detail[120];
    struct text t;
    text_begin(&t, detail, sizeof detail);
    bool whole = loop_now_ms() >= link->session_due_ms;
    if (link->phase == RESOLVING) {
        text_add(&t, "%s: no answer from DNS in %d s", link->params->address,
                 (int)(link->params->connect_timeout_ms / 1000));
        fail(link, OUTCOME_NO_ADDRESS, detail);
    } else if (link->phase == CONNECTING && !whole) {
        link->too_late = true; /* its completion goes on to the next address */
        close_socket(link);
        return;
    } else if (whole) {
        text_add(&t, "the session was not done in %d s", (int)(link->params->session_timeout_ms / 1000));
        fail(link, OUTCOME_TIMED_OUT, detail);
    } else if (link->session.state == SESSION_TLS) {
        text_add(&t, "the TLS handshake was not done in %d s", (int)(link->params->reply_timeout_ms / 1000));
        handshake_failed(link, OUTCOME_TIMED_OUT, detail);
    } else {
        text_add(&t, "no %s%s in %d s", link->session.state == SESSION_GREETING ? "" : "reply to ",
                 session_state_name(link->session.state), (int)(link->params->reply_timeout_ms / 1000));
        fail(link, OUTCOME_TIMED_OUT, detail);
    }
    release_when_idle(link);
}

/* ---- sending ---- */

static void proceed(struct link *link);

static void sent(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = OWNER_OF(op, send);
    (void)bytes;
    link->pending--;
    link->sending = false;
    if (link->tls)
        tls_sent(link->tls);
    SecureZeroMemory(link->out, sizeof link->out); /* it may have held a password */
    if (error && link->phase == TALKING)
        fail_with(link, OUTCOME_LOST, "sending", error);
    proceed(link);
}

/* `octets` stay until they are sent. */
static DWORD start_send(struct link *link, const char *octets, size_t count)
{
    WSABUF buffer = {(ULONG)count, (char *)octets};
    link->send = (struct loop_op){.done = sent};
    if (WSASend(link->socket, &buffer, 1, NULL, 0, &link->send.overlapped, NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING)
        return (DWORD)WSAGetLastError();
    link->sending = true;
    link->pending++;
    return 0;
}

/* What is to go out now: the session's command, enciphered where there is TLS, and what TLS has to say itself. */
static const char *next_output(struct link *link, size_t *count)
{
    const char *command = session_output(&link->session, count);
    if (command) {
        expect_reply(link);
        if (!link->tls)
            memcpy(link->out, command, *count);
        else if (!tls_encrypt(link->tls, command, *count))
            fail(link, OUTCOME_LOCAL, "a command could not be enciphered");
        session_sent(&link->session);
    }
    if (link->tls)
        return tls_output(link->tls, count);
    return command ? link->out : NULL;
}

static void send_more(struct link *link)
{
    size_t count;
    const char *octets = link->sending ? NULL : next_output(link, &count);
    DWORD error = octets && link->phase == TALKING ? start_send(link, octets, count) : 0;
    if (error)
        fail_with(link, OUTCOME_LOST, "sending", error);
}

/* TLS is told that this is the end. A courtesy: whether it arrives is of no importance. */
static void say_goodbye(struct link *link)
{
    size_t count;
    if (!link->tls || link->sending)
        return;
    tls_end(link->tls);
    const char *octets = tls_output(link->tls, &count);
    if (octets)
        start_send(link, octets, count);
}

/* Whatever happened: goes on sending, or closes. */
static void proceed(struct link *link)
{
    if (link->phase == TALKING) {
        if (link->session.state == SESSION_OVER) {
            say_goodbye(link);
            close_down(link);
        } else {
            send_more(link);
        }
    }
    release_when_idle(link);
}

/* ---- receiving ---- */

static void received(struct loop_op *op, DWORD error, DWORD bytes);

static void receive_more(struct link *link)
{
    WSABUF buffer = {RECEIVE_SIZE, link->in};
    DWORD flags = 0;
    link->receive = (struct loop_op){.done = received};
    if (WSARecv(link->socket, &buffer, 1, NULL, &flags, &link->receive.overlapped, NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING) {
        fail_with(link, OUTCOME_LOST, "receiving", (DWORD)WSAGetLastError());
        return;
    }
    link->pending++;
}

/* Unless the link is to end, or must first know whom it talks to. */
static void listen_on(struct link *link)
{
    if (link->phase == TALKING && link->session.state != SESSION_OVER && !link->verify)
        receive_more(link);
}

/* The connection ended: `what`, and the error if there was one. */
static void lost(struct link *link, const char *what, DWORD error)
{
    char detail[200];
    struct text t;
    text_begin(&t, detail, sizeof detail);
    text_add(&t, "%s", what);
    if (error) {
        text_add(&t, ": ");
        text_add_error(&t, error);
    }
    if (link->session.state == SESSION_TLS) {
        text_add(&t, " (in the TLS handshake)");
        handshake_failed(link, OUTCOME_LOST, detail);
    } else if (error) {
        fail(link, OUTCOME_LOST, detail);
    } else {
        session_closed(&link->session);
    }
}

/* ---- TLS ---- */

static void decipher(struct link *link);

/* Tells who the host is, or says it is. */
static void note_secured(const struct link *link, const char *unverified)
{
    struct link_security security = {.unverified = unverified};
    struct text t;
    const CERT_CONTEXT *certificate = link->sink->note ? tls_certificate(link->tls) : NULL;
    if (!certificate)
        return;
    text_begin(&t, security.tls, sizeof security.tls);
    tls_describe(link->tls, &t);
    verify_describe(certificate, &security.certificate);
    CertFreeCertificateContext(certificate);
    link->sink->note(link->owner, &(struct link_note){.step = LINK_SECURED, .security = &security});
}

static void verified(void *owner, const char *fault)
{
    struct link *link = owner;
    link->verify = NULL;
    note_secured(link, fault);
    session_secured(&link->session, fault);
    if (link->session.state != SESSION_OVER) {
        expect_reply(link);
        decipher(link); /* what came meanwhile */
    }
    listen_on(link);
    proceed(link);
}

static void established(struct link *link)
{
    const CERT_CONTEXT *certificate = tls_certificate(link->tls);
    if (!certificate) {
        handshake_failed(link, OUTCOME_NO_TLS, "TLS handshake: the host showed no certificate");
        return;
    }
    link->verify =
        verify_begin(link->loop, certificate, link->params->address, link->params->tls_fingerprint, verified, link);
    CertFreeCertificateContext(certificate);
    if (!link->verify)
        fail_with(link, OUTCOME_LOCAL, "verifying the host's certificate", ERROR_NOT_ENOUGH_MEMORY);
}

static void tls_broken(struct link *link)
{
    char detail[200];
    struct text t;
    bool shaking = link->session.state == SESSION_TLS;
    text_begin(&t, detail, sizeof detail);
    text_add(&t, "TLS%s: %s", shaking ? " handshake" : "", tls_fault(link->tls));
    if (shaking)
        handshake_failed(link, OUTCOME_NO_TLS, detail);
    else
        fail(link, OUTCOME_LOST, detail);
}

/* Gives the session all that can be read so far. */
static void decipher(struct link *link)
{
    const char *plain;
    size_t count;
    while (link->phase == TALKING && link->session.state != SESSION_OVER && !link->verify) {
        switch (tls_next(link->tls, &plain, &count)) {
        case TLS_WANTS_MORE:
            return;
        case TLS_ESTABLISHED:
            established(link);
            break;
        case TLS_PLAIN:
            if (count > 0)
                session_input(&link->session, plain, count);
            break;
        case TLS_ENDED:
            lost(link, "the host closed the connection", 0);
            break;
        case TLS_BROKEN:
            tls_broken(link);
            break;
        }
    }
}

static void begin_tls(struct link *link)
{
    DWORD error;
    expect_reply(link); /* one deadline for all of the handshake */
    link->tls = tls_begin(link->params->address, &error);
    if (!link->tls)
        fail_with(link, OUTCOME_LOCAL, "beginning TLS", error);
}

/* ---- received ---- */

static void take_input(struct link *link, DWORD bytes)
{
    if (!link->tls) {
        session_input(&link->session, link->in, bytes);
        if (link->session.state == SESSION_TLS)
            begin_tls(link);
    } else if (tls_input(link->tls, link->in, bytes)) {
        decipher(link);
    } else {
        tls_broken(link);
    }
}

static void received(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = OWNER_OF(op, receive);
    link->pending--;
    if (link->phase == TALKING) {
        if (error)
            lost(link, "receiving", error);
        else if (bytes == 0)
            lost(link, "the host closed the connection", 0);
        else
            take_input(link, bytes);
        if (!error && bytes > 0)
            listen_on(link);
    }
    proceed(link);
}

/* ---- connecting ---- */

static void try_next(struct link *link, DWORD error);

static void show_address(const struct sockaddr *address, socklen_t length, char *out, size_t size)
{
    char host[64];
    char port[8];
    if (getnameinfo(address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, size, "an address that cannot be shown");
    else
        snprintf(out, size, "%s port %s", host, port);
}

/* Appends address:port of one end, as getsockname() or getpeername() tells it. */
static void add_end(struct text *t, SOCKET socket, int WSAAPI ask(SOCKET, struct sockaddr *, int *))
{
    struct sockaddr_storage end;
    int length = sizeof end;
    char host[64];
    char port[8];
    if (ask(socket, (struct sockaddr *)&end, &length) == 0 &&
        getnameinfo((struct sockaddr *)&end, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        text_add(t, end.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void note(struct link *link, enum link_step step, DWORD error)
{
    char ends[2][80];
    struct text local;
    struct text remote;
    text_begin(&local, ends[0], sizeof ends[0]);
    text_begin(&remote, ends[1], sizeof ends[1]);
    if (step == LINK_CONNECTED) {
        add_end(&local, link->socket, getsockname);
        add_end(&remote, link->socket, getpeername);
    }
    struct link_note n = {.step = step,
                          .address = link->peer,
                          .local = local.data,
                          .remote = remote.data,
                          .elapsed_ms = loop_now_ms() - link->connecting_ms,
                          .error = error};
    if (link->sink->note)
        link->sink->note(link->owner, &n);
}

static void connected(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = OWNER_OF(op, connect);
    (void)bytes;
    link->pending--;
    if (link->phase == CONNECTING) {
        if (link->too_late)
            error = WSAETIMEDOUT;
        if (error) {
            note(link, LINK_FAILED, error);
            close_socket(link);
            try_next(link, error);
        } else {
            /* cppcheck-suppress nullPointer ; this option has no value, says ConnectEx */
            setsockopt(link->socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
            note(link, LINK_CONNECTED, 0);
            link->session_params.helo = helo_choose(link->params->session.helo, link->socket, link->helo);
            link->phase = TALKING;
            expect_reply(link);
            if (link->session.state == SESSION_TLS)
                begin_tls(link);
            listen_on(link);
        }
    }
    proceed(link);
}

static DWORD start_connect(struct link *link, const ADDRINFOEXW *address)
{
    struct sockaddr_storage any = {.ss_family = (short)address->ai_family};
    link->socket = WSASocketW(address->ai_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                              WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (link->socket == INVALID_SOCKET)
        return (DWORD)WSAGetLastError();
    if (bind(link->socket, (struct sockaddr *)&any, (int)address->ai_addrlen) != 0)
        return (DWORD)WSAGetLastError();
    DWORD error = loop_attach(link->loop, (HANDLE)link->socket);
    if (error)
        return error;
    link->connect = (struct loop_op){.done = connected};
    if (!connect_ex(link->socket, address->ai_addr, (int)address->ai_addrlen, NULL, 0, NULL,
                    &link->connect.overlapped) &&
        WSAGetLastError() != WSA_IO_PENDING)
        return (DWORD)WSAGetLastError();
    link->pending++;
    return 0;
}

/* Connects to the next address that can be tried; `error` is what became of the one before. */
static void try_next(struct link *link, DWORD error)
{
    while (link->next) {
        const ADDRINFOEXW *address = link->next;
        link->current = address;
        link->next = resolve_next(address);
        link->connecting_ms = loop_now_ms();
        link->too_late = false;
        show_address(address->ai_addr, (socklen_t)address->ai_addrlen, link->peer, sizeof link->peer);
        note(link, LINK_TRYING, 0);
        set_deadline(link, link->connecting_ms + link->params->connect_timeout_ms);
        error = start_connect(link, address);
        if (!error)
            return;
        note(link, LINK_FAILED, error);
        close_socket(link);
    }
    fail_with(link, OUTCOME_NO_CONNECTION, link->peer, error);
}

/* The same address, in a new conversation without TLS. */
static void connect_again(struct link *link)
{
    tls_free(link->tls);
    link->tls = NULL;
    link->session_params.starttls_failed = true;
    session_begin(&link->session, &link->session_params, link->sink->session, link->owner);
    link->phase = CONNECTING;
    link->next = link->current;
    try_next(link, 0);
}

static void resolved(void *owner, DWORD error, const ADDRINFOEXW *addresses)
{
    struct link *link = owner;
    if (error) {
        fail_with(link, OUTCOME_NO_ADDRESS, link->params->address, error);
    } else {
        for (const ADDRINFOEXW *a = addresses; a; a = resolve_next(a)) {
            show_address(a->ai_addr, (socklen_t)a->ai_addrlen, link->peer, sizeof link->peer);
            note(link, LINK_ADDRESS, 0);
        }
        link->phase = CONNECTING;
        link->next = addresses;
        try_next(link, WSAHOST_NOT_FOUND);
    }
    release_when_idle(link);
}

static void begin(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = OWNER_OF(op, begin);
    (void)error, (void)bytes;
    if (link->session.state == SESSION_OVER)
        close_down(link); /* there was nothing to ask */
    if (link->phase == RESOLVING) {
        set_deadline(link, loop_now_ms() + link->params->connect_timeout_ms);
        DWORD failed =
            resolve_begin(link->loop, link->params->address, link->params->port, resolved, link, &link->resolve);
        if (failed)
            fail_with(link, OUTCOME_LOCAL, "resolving the name", failed);
    }
    link->pending--; /* only now: an address in text is resolved, and can fail, within resolve_begin() */
    release_when_idle(link);
}

struct link *link_open(struct loop *loop, const struct link_params *params, const struct link_sink *sink, void *owner)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->loop = loop;
    link->params = params;
    link->sink = sink;
    link->owner = owner;
    link->socket = INVALID_SOCKET;
    link->timer.fire = deadline;
    link->session_params = params->session;
    link->began_ms = link->connecting_ms = loop_now_ms();
    link->session_due_ms = link->began_ms + params->session_timeout_ms;
    session_begin(&link->session, &link->session_params, sink->session, owner);
    link->begin.done = begin;
    if (loop_post(loop, &link->begin, 0) != 0) {
        free(link);
        return NULL;
    }
    link->pending = 1;
    return link;
}

void link_finish(struct link *link)
{
    if (link->phase == TALKING)
        session_finish(&link->session);
    else
        link_abort(link);
}

void link_abort(struct link *link)
{
    fail(link, OUTCOME_CANCELLED, NULL);
    release_when_idle(link);
}
