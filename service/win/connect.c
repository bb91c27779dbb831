#include "connect.h"

#include <stdio.h>

/* Looked up once, by connect_startup(). */
static LPFN_CONNECTEX connect_ex;

/* ConnectEx is not exported: Winsock hands it out (mswsock.h WSAID_CONNECTEX). */
DWORD connect_startup(void)
{
    DWORD error = 0;
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

static void close_socket(struct connect *c)
{
    if (c->socket != INVALID_SOCKET)
        closesocket(c->socket);
    c->socket = INVALID_SOCKET;
}

static void show_address(struct connect *c, const ADDRINFOEXW *address)
{
    char host[64];
    char port[8];
    if (getnameinfo(address->ai_addr, (socklen_t)address->ai_addrlen, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(c->peer, sizeof c->peer, "an address that cannot be shown");
    else
        snprintf(c->peer, sizeof c->peer, "%s port %s", host, port);
}

/* ---- one address after the other ---- */

static void connected(struct loop_op *op, DWORD error, DWORD bytes);

static DWORD start(struct connect *c, const ADDRINFOEXW *address)
{
    struct sockaddr_storage any = {.ss_family = (short)address->ai_family};
    c->socket = WSASocketW(address->ai_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                           WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (c->socket == INVALID_SOCKET)
        return (DWORD)WSAGetLastError();
    if (bind(c->socket, (struct sockaddr *)&any, (int)address->ai_addrlen) != 0)
        return (DWORD)WSAGetLastError();
    DWORD error = loop_attach(c->loop, (HANDLE)c->socket);
    if (error)
        return error;
    c->op = (struct loop_op){.done = connected};
    if (!connect_ex(c->socket, address->ai_addr, (int)address->ai_addrlen, NULL, 0, NULL, &c->op.overlapped) &&
        WSAGetLastError() != WSA_IO_PENDING)
        return (DWORD)WSAGetLastError();
    c->pending = true;
    return 0;
}

/* Connects to the next address that can be tried; `error` is why the one before failed. */
static void try_next(struct connect *c, DWORD error)
{
    while (c->next) {
        c->current = c->next;
        c->next = resolve_next(c->current);
        c->skipped = false;
        show_address(c, c->current);
        c->sink->step(c->owner, CONNECT_TRYING, 0);
        error = start(c, c->current);
        if (!error)
            return;
        c->sink->step(c->owner, CONNECT_FAILED, error);
        close_socket(c);
    }
    c->sink->failed(c->owner, OUTCOME_NO_CONNECTION, c->peer, error);
}

static void completed(struct connect *c, DWORD error)
{
    if (error) {
        c->sink->step(c->owner, CONNECT_FAILED, error);
        close_socket(c);
        try_next(c, error);
        return;
    }
    SOCKET socket = c->socket;
    c->socket = INVALID_SOCKET;
    /* cppcheck-suppress nullPointer ; this option has no value, says ConnectEx */
    setsockopt(socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
    c->sink->connected(c->owner, socket);
}

static void connected(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct connect *c = CONTAINING_RECORD(op, struct connect, op);
    (void)bytes;
    c->pending = false;
    if (!c->closed)
        completed(c, c->skipped ? WSAETIMEDOUT : error);
    c->sink->settled(c->owner);
}

void connect_again(struct connect *c)
{
    c->next = c->current;
    try_next(c, 0);
}

void connect_skip(struct connect *c)
{
    c->skipped = true; /* its completion goes on to the next address */
    close_socket(c);
}

/* ---- the name ---- */

static void resolved(void *owner, DWORD error, const ADDRINFOEXW *addresses)
{
    struct connect *c = owner;
    if (error) {
        c->sink->failed(c->owner, OUTCOME_NO_ADDRESS, c->host, error);
    } else {
        for (const ADDRINFOEXW *a = addresses; a; a = resolve_next(a)) {
            show_address(c, a);
            c->sink->step(c->owner, CONNECT_ADDRESS, 0);
        }
        c->next = addresses;
        try_next(c, WSAHOST_NOT_FOUND);
    }
    c->sink->settled(c->owner);
}

void connect_init(struct connect *c, struct loop *loop, const struct connect_sink *sink, void *owner)
{
    *c = (struct connect){.loop = loop, .sink = sink, .owner = owner, .socket = INVALID_SOCKET};
}

void connect_begin(struct connect *c, const char *host, uint16_t port)
{
    c->host = host;
    DWORD error = resolve_begin(c->loop, host, port, resolved, c, &c->resolve);
    if (error)
        c->sink->failed(c->owner, OUTCOME_LOCAL, "resolving the name", error);
}

void connect_close(struct connect *c)
{
    c->closed = true;
    resolve_cancel(c->resolve);
    c->resolve = NULL;
    close_socket(c);
}

bool connect_busy(const struct connect *c)
{
    return c->pending;
}
