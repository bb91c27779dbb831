#include "link.h"

#include "../core/node.h"
#include "resolve.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RECEIVE_SIZE = 4096,
    QUIT_TIMEOUT_MS = 2000 /* the outcome is known by then: QUIT is a courtesy */
};

enum phase { RESOLVING, CONNECTING, TALKING, CLOSING };

struct link {
    struct loop *loop;
    const struct link_params *params;
    const struct link_sink *sink;
    void *owner;
    enum phase phase;
    struct resolve *resolve;
    const ADDRINFOEXW *next; /* address to try after this one */
    SOCKET socket;
    struct loop_op begin, connect, send, receive;
    unsigned pending; /* of these, under way */
    bool sending;
    bool too_late; /* the connect deadline passed */
    struct loop_timer timer;
    int64_t began_ms, connecting_ms, reply_due_ms, session_due_ms;
    char peer[80]; /* address and port, for a person */
    char helo[256];
    struct session_params session_params;
    struct session session;
    char out[SESSION_OUT_SIZE];
    char in[RECEIVE_SIZE];
};

#define OWNER_OF(op, member) CONTAINING_RECORD(op, struct link, member)

/* Both are found once, by link_startup(). */
static LPFN_CONNECTEX connect_ex;
static char computer_name[256]; /* fully qualified, or "" */

static void find_computer_name(void)
{
    wchar_t wide[256];
    DWORD size = ARRAYSIZE(wide);
    struct text t;
    text_begin(&t, computer_name, sizeof computer_name);
    if (GetComputerNameExW(ComputerNameDnsFullyQualified, wide, &size))
        text_add_wide(&t, wide);
    if (!strchr(computer_name, '.') || !host_name_valid(computer_name))
        computer_name[0] = '\0';
}

/* ConnectEx is not exported: Winsock hands it out (mswsock.h WSAID_CONNECTEX). */
DWORD link_startup(void)
{
    WSADATA data;
    DWORD error = (DWORD)WSAStartup(MAKEWORD(2, 2), &data);
    if (error)
        return error;
    find_computer_name();
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

/* Frees the link once no operation is under way any more. */
static void release_when_idle(struct link *link)
{
    if (link->phase != CLOSING || link->pending > 0)
        return;
    const struct link_sink *sink = link->sink;
    void *owner = link->owner;
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
    } else {
        text_add(&t, "no %s%s in %d s", link->session.state == SESSION_GREETING ? "" : "reply to ",
                 session_state_name(link->session.state), (int)(link->params->reply_timeout_ms / 1000));
        fail(link, OUTCOME_TIMED_OUT, detail);
    }
    release_when_idle(link);
}

/* ---- talking ---- */

static void send_command(struct link *link);

/* Whatever happened: goes on sending, or closes. */
static void proceed(struct link *link)
{
    if (link->phase == TALKING) {
        if (link->session.state == SESSION_OVER)
            close_down(link);
        else
            send_command(link);
    }
    release_when_idle(link);
}

static void sent(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = OWNER_OF(op, send);
    (void)bytes;
    link->pending--;
    link->sending = false;
    SecureZeroMemory(link->out, sizeof link->out); /* it may have held a password */
    if (error && link->phase == TALKING)
        fail_with(link, OUTCOME_LOST, "sending", error);
    proceed(link);
}

static void send_command(struct link *link)
{
    size_t count;
    const char *command = session_output(&link->session, &count);
    if (!command || link->sending)
        return;
    memcpy(link->out, command, count);
    WSABUF buffer = {(ULONG)count, link->out};
    link->send = (struct loop_op){.done = sent};
    expect_reply(link);
    session_sent(&link->session);
    if (WSASend(link->socket, &buffer, 1, NULL, 0, &link->send.overlapped, NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING) {
        fail_with(link, OUTCOME_LOST, "sending", (DWORD)WSAGetLastError());
        return;
    }
    link->sending = true;
    link->pending++;
}

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

static void received(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = OWNER_OF(op, receive);
    link->pending--;
    if (link->phase == TALKING) {
        if (error) {
            fail_with(link, OUTCOME_LOST, "receiving", error);
        } else if (bytes == 0) {
            session_closed(&link->session);
        } else {
            session_input(&link->session, link->in, bytes);
            if (link->session.state == SESSION_TLS)
                session_fail(&link->session, OUTCOME_NO_TLS, "this version of EtrnSvc has no TLS");
            if (link->session.state != SESSION_OVER)
                receive_more(link);
        }
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

/* Our name for EHLO: as configured, else the computer's full name, else the address literal of our end
 * (RFC 5321 4.1.4). */
static void choose_helo(struct link *link)
{
    const char *configured = link->params->session.helo;
    const char *name = configured && *configured ? configured : computer_name;
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    char host[64] = "127.0.0.1";
    link->session_params.helo = link->helo;
    if (*name) {
        snprintf(link->helo, sizeof link->helo, "%s", name);
        return;
    }
    local.ss_family = AF_INET;
    if (getsockname(link->socket, (struct sockaddr *)&local, &length) == 0)
        getnameinfo((struct sockaddr *)&local, length, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    host[strcspn(host, "%")] = '\0'; /* without the zone */
    snprintf(link->helo, sizeof link->helo, local.ss_family == AF_INET6 ? "[IPv6:%s]" : "[%s]", host);
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
            choose_helo(link);
            link->phase = TALKING;
            expect_reply(link);
            if (link->session.state == SESSION_TLS)
                fail(link, OUTCOME_NO_TLS, "this version of EtrnSvc has no TLS");
            else
                receive_more(link);
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
    link->session_params.starttls_failed = params->session.tls == TLS_MAY;
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
