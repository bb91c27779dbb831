#include "connect.h"

#include "../core/address.h"

#include <stdio.h>

/* Set once, by connect_startup(). */
static LPFN_CONNECTEX connect_ex;

/* ConnectEx is not exported: Winsock returns its address (mswsock.h WSAID_CONNECTEX). */
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
        snprintf(c->peer, sizeof c->peer, "an unknown address");
    else
        snprintf(c->peer, sizeof c->peer, "%s port %s", host, port);
}

/* ---- addresses, one after the other ---- */

static void connected(struct loop_op *op, DWORD error, DWORD bytes);

/* ConnectEx requires a bound socket. */
static DWORD bind_here(struct connect *c, const ADDRINFOEXW *address)
{
    SOCKADDR_STORAGE from = c->from;
    from.ss_family = (short)address->ai_family;
    c->unbound = bind(c->socket, (struct sockaddr *)&from, (int)address->ai_addrlen) != 0;
    return c->unbound ? (DWORD)WSAGetLastError() : 0;
}

static DWORD start(struct connect *c, const ADDRINFOEXW *address)
{
    c->socket = WSASocketW(address->ai_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                           WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (c->socket == INVALID_SOCKET)
        return (DWORD)WSAGetLastError();
    DWORD error = bind_here(c, address);
    if (!error)
        error = loop_attach(c->loop, (HANDLE)c->socket);
    if (error)
        return error;
    c->op = (struct loop_op){.done = connected};
    if (!connect_ex(c->socket, address->ai_addr, (int)address->ai_addrlen, NULL, 0, NULL, &c->op.overlapped) &&
        WSAGetLastError() != WSA_IO_PENDING)
        return (DWORD)WSAGetLastError();
    c->pending = true;
    return 0;
}

/* Returns the first of these addresses that has the family of the local address. */
static const ADDRINFOEXW *reachable(const struct connect *c, const ADDRINFOEXW *address)
{
    while (address && c->from.ss_family != AF_UNSPEC && address->ai_family != c->from.ss_family)
        address = resolve_next(address);
    return address;
}

/* The local address cannot be used, so no other address of the host is tried. */
static void cannot_bind(struct connect *c, DWORD error)
{
    TEXT_SCRATCH(words, 120);
    text_add(&words, "LocalAddress %s", c->local);
    if (error == WSAEADDRNOTAVAIL) {
        text_add(&words, " is not an address of this computer");
        error = 0;
    }
    c->sink->failed(c->owner, OUTCOME_LOCAL, words.data, error);
}

/* Connects to the next usable address. `error` is why the previous one failed. */
static void try_next(struct connect *c, DWORD error)
{
    while (c->next) {
        c->current = c->next;
        c->next = reachable(c, resolve_next(c->current));
        c->skipped = false;
        show_address(c, c->current);
        c->sink->step(c->owner, CONNECT_TRYING, 0);
        error = start(c, c->current);
        if (!error)
            return;
        c->sink->step(c->owner, CONNECT_FAILED, error);
        close_socket(c);
        if (c->unbound && c->from.ss_family != AF_UNSPEC) {
            cannot_bind(c, error);
            return;
        }
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
    c->skipped = true; /* its completion continues with the next address */
    close_socket(c);
}

/* ---- name resolution ---- */

static void show_all(struct connect *c, const ADDRINFOEXW *addresses)
{
    for (const ADDRINFOEXW *a = addresses; a; a = resolve_next(a)) {
        show_address(c, a);
        c->sink->step(c->owner, CONNECT_ADDRESS, 0);
    }
}

static void no_such_family(struct connect *c)
{
    TEXT_SCRATCH(words, 200);
    text_add(&words, "%s has no %s address, as LocalAddress %s needs", c->host,
             c->from.ss_family == AF_INET6 ? "IPv6" : "IPv4", c->local);
    c->sink->failed(c->owner, OUTCOME_NO_CONNECTION, words.data, 0);
}

static void resolved(void *owner, DWORD error, const ADDRINFOEXW *addresses)
{
    struct connect *c = owner;
    if (error) {
        c->sink->failed(c->owner, OUTCOME_NO_ADDRESS, c->host, error);
    } else {
        show_all(c, addresses);
        c->next = reachable(c, addresses);
        if (addresses && !c->next)
            no_such_family(c);
        else
            try_next(c, WSAHOST_NOT_FOUND);
    }
    c->sink->settled(c->owner);
}

void connect_init(struct connect *c, struct loop *loop, const struct connect_sink *sink, void *owner)
{
    *c = (struct connect){.loop = loop, .sink = sink, .owner = owner, .socket = INVALID_SOCKET};
}

/* Returns false if `local` is not an address. */
static bool set_local(struct connect *c, const char *local)
{
    unsigned char octets[ADDRESS_SIZE];
    if (!local || !*local)
        return true;
    size_t size = address_read(local, octets);
    c->local = local;
    c->from.ss_family = size == sizeof(IN6_ADDR) ? AF_INET6 : AF_INET;
    if (c->from.ss_family == AF_INET6)
        memcpy(&((struct sockaddr_in6 *)&c->from)->sin6_addr, octets, size);
    else
        memcpy(&((struct sockaddr_in *)&c->from)->sin_addr, octets, size);
    return size > 0;
}

void connect_begin(struct connect *c, const char *host, uint16_t port, const char *local)
{
    c->host = host;
    if (!set_local(c, local)) {
        cannot_bind(c, WSAEADDRNOTAVAIL);
        return;
    }
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
