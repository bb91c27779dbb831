#include "link.h"

#include "connect.h"
#include "helo.h"

#include <stdlib.h>

enum phase {
    RESOLVING,
    CONNECTING,
    TALKING,
    RECONNECTING, /* pending operations must end first */
    CLOSING
};

struct link {
    struct loop *loop;
    const struct link_params *params;
    const struct link_sink *sink;
    void *owner;
    enum phase phase;
    struct loop_op begin;
    bool beginning; /* set until `begin` has been handled */
    struct connect connect;
    struct stream stream;
    struct loop_timer timer;
    int64_t connecting_ms, session_due_ms;
    char helo[HELO_SIZE];
    struct session_params session_params;
    struct session session;
};

DWORD link_startup(void)
{
    WSADATA data;
    DWORD error = (DWORD)WSAStartup(MAKEWORD(2, 2), &data);
    if (error)
        return error;
    helo_startup();
    return connect_startup();
}

/* ---- closing ---- */

static bool busy(const struct link *link)
{
    return link->beginning || connect_busy(&link->connect) || stream_busy(&link->stream);
}

/* Connects again, for a session without TLS. */
static void reconnect(struct link *link)
{
    stream_free(&link->stream);
    link->session_params.starttls_failed = true;
    session_begin(&link->session, &link->session_params, link->sink->session, link->owner);
    link->phase = CONNECTING;
    connect_again(&link->connect);
}

/* Once no operation is pending, does what waited for that: ends the link, or connects again. */
static void release_when_idle(struct link *link)
{
    if (link->phase == RECONNECTING && !busy(link))
        reconnect(link);
    if (link->phase != CLOSING || busy(link))
        return;
    const struct link_sink *sink = link->sink;
    void *owner = link->owner;
    stream_free(&link->stream);
    free(link);
    sink->closed(owner);
}

/* Ends all pending operations, as the session is over. Call release_when_idle() afterwards. */
static void close_down(struct link *link)
{
    if (link->phase == CLOSING)
        return;
    link->phase = CLOSING;
    connect_close(&link->connect);
    stream_close(&link->stream);
    loop_set_timer(link->loop, &link->timer, INT64_MAX);
}

static void fail(struct link *link, enum outcome why, const char *detail)
{
    session_fail(&link->session, why, detail);
    close_down(link);
}

/* Handles a failed handshake. If the settings allow it, connects to the same address again without TLS, as other mail
 * servers do; but not if there is a password, which is never sent in clear text. */
static void handshake_failed(struct link *link, enum outcome why, const char *detail)
{
    const struct session_params *params = &link->session_params;
    if (params->tls != TLS_MAY || params->auth || params->starttls_failed || link->session.finishing) {
        fail(link, why, detail);
        return;
    }
    if (link->sink->note)
        link->sink->note(link->owner, &(struct link_note){.step = LINK_TLS_FAILED, .words = detail});
    stream_close(&link->stream);
    link->phase = RECONNECTING;
}

static void broken(void *owner, enum outcome why, bool handshake, const char *detail)
{
    struct link *link = owner;
    if (handshake)
        handshake_failed(link, why, detail);
    else
        fail(link, why, detail);
}

/* ---- deadlines ---- */

static void set_deadline(struct link *link, int64_t due_ms)
{
    loop_set_timer(link->loop, &link->timer, due_ms < link->session_due_ms ? due_ms : link->session_due_ms);
}

static void expect_reply(struct link *link)
{
    set_deadline(link, loop_now_ms() + session_timeout_ms(&link->session));
}

static void deadline(struct loop_timer *timer)
{
    struct link *link = CONTAINING_RECORD(timer, struct link, timer);
    TEXT_SCRATCH(detail, 120);
    bool whole = loop_now_ms() >= link->session_due_ms;
    if (link->phase == RESOLVING) {
        text_add(&detail, "%s: no reply from DNS in %d s", link->params->address,
                 (int)(link->params->connect_timeout_ms / 1000));
        fail(link, OUTCOME_NO_ADDRESS, detail.data);
    } else if (link->phase == CONNECTING && !whole) {
        connect_skip(&link->connect);
        return;
    } else if (whole) {
        text_add(&detail, "the session was not finished in %d s", (int)(link->params->session_timeout_ms / 1000));
        fail(link, OUTCOME_TIMED_OUT, detail.data);
    } else {
        session_add_overdue(&link->session, &detail);
        broken(link, OUTCOME_TIMED_OUT, link->session.state == SESSION_TLS, detail.data);
    }
    release_when_idle(link);
}

/* ---- between session and stream ---- */

static void end_if_over(struct link *link)
{
    if (link->phase != TALKING || link->session.state != SESSION_OVER)
        return;
    stream_end(&link->stream);
    close_down(link);
}

static void send_more(struct link *link)
{
    size_t count;
    if (link->phase != TALKING || stream_sending(&link->stream))
        return;
    const char *command = session_output(&link->session, &count);
    if (command) {
        expect_reply(link);
        stream_write(&link->stream, command, count);
        session_sent(&link->session);
    }
    stream_flush(&link->stream);
}

/* Called after each event: continues sending, or closes. */
static void settled(void *owner)
{
    struct link *link = owner;
    end_if_over(link);
    send_more(link);
    release_when_idle(link);
}

static void input(void *owner, const char *octets, size_t count)
{
    struct link *link = owner;
    bool was_tls = link->session.state == SESSION_TLS;
    session_input(&link->session, octets, count);
    if (link->session.state == SESSION_TLS && !was_tls) {
        expect_reply(link); /* one deadline for the whole handshake */
        stream_begin_tls(&link->stream, link->params->address, link->params->tls_fingerprint);
    }
    end_if_over(link);
}

static void secured(void *owner, const struct stream_security *security)
{
    struct link *link = owner;
    if (link->sink->note)
        link->sink->note(link->owner, &(struct link_note){.step = LINK_SECURED, .security = security});
    session_secured(&link->session, security->unverified);
    if (link->session.state != SESSION_OVER)
        expect_reply(link);
    end_if_over(link);
}

static void ended(void *owner)
{
    struct link *link = owner;
    session_closed(&link->session);
    end_if_over(link);
}

static const struct stream_sink stream_sink = {
    .input = input, .secured = secured, .ended = ended, .failed = broken, .settled = settled};

/* ---- connecting ---- */

/* Appends address:port of one endpoint, as getsockname() or getpeername() returns it. */
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

/* Reports a step. `socket` is only used for LINK_CONNECTED. */
static void note(struct link *link, enum link_step step, DWORD error, SOCKET socket)
{
    char ends[2][80];
    struct text local;
    struct text remote;
    text_begin(&local, ends[0], sizeof ends[0]);
    text_begin(&remote, ends[1], sizeof ends[1]);
    if (step == LINK_CONNECTED) {
        add_end(&local, socket, getsockname);
        add_end(&remote, socket, getpeername);
    }
    struct link_note n = {.step = step,
                          .address = link->connect.peer,
                          .local = local.data,
                          .remote = remote.data,
                          .elapsed_ms = loop_now_ms() - link->connecting_ms,
                          .error = error};
    if (link->sink->note)
        link->sink->note(link->owner, &n);
}

static void connect_step(void *owner, enum connect_step step, DWORD error)
{
    static const enum link_step steps[] = {
        [CONNECT_ADDRESS] = LINK_ADDRESS, [CONNECT_TRYING] = LINK_TRYING, [CONNECT_FAILED] = LINK_FAILED};
    struct link *link = owner;
    if (step == CONNECT_TRYING) {
        link->phase = CONNECTING;
        link->connecting_ms = loop_now_ms();
        set_deadline(link, link->connecting_ms + link->params->connect_timeout_ms);
    }
    note(link, steps[step], error, INVALID_SOCKET);
}

static void connected(void *owner, SOCKET socket)
{
    struct link *link = owner;
    note(link, LINK_CONNECTED, 0, socket);
    link->session_params.helo = helo_choose(link->params->session.helo, socket, link->helo);
    link->phase = TALKING;
    stream_open(&link->stream, socket);
    expect_reply(link);
    if (link->session.state == SESSION_TLS)
        stream_begin_tls(&link->stream, link->params->address, link->params->tls_fingerprint);
    stream_listen(&link->stream);
}

static void not_connected(void *owner, enum outcome why, const char *what, DWORD error)
{
    TEXT_SCRATCH(detail, 200);
    text_add(&detail, "%s", what);
    if (error) {
        text_add(&detail, ": ");
        text_add_error(&detail, error);
    }
    fail(owner, why, detail.data);
}

static const struct connect_sink connect_sink = {
    .step = connect_step, .connected = connected, .failed = not_connected, .settled = settled};

static void begin(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct link *link = CONTAINING_RECORD(op, struct link, begin);
    (void)error, (void)bytes;
    if (link->session.state == SESSION_OVER)
        close_down(link); /* the session had nothing to ask */
    if (link->phase == RESOLVING) {
        set_deadline(link, loop_now_ms() + link->params->connect_timeout_ms);
        connect_begin(&link->connect, link->params->address, link->params->port, link->params->local_address);
    }
    link->beginning = false; /* only now, because a literal address is resolved, and can fail, inside connect_begin() */
    release_when_idle(link);
}

void link_params_set(struct link_params *params, const struct host_settings *host)
{
    params->local_address = host->local_address;
    params->tls_fingerprint = host->tls_fingerprint;
    params->session.helo = host->helo_name;
    params->session.tls = (enum tls_mode)host->tls;
    params->session.force_etrn = host->force_etrn;
    params->session.method = (enum method)host->method;
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
    link->timer.fire = deadline;
    connect_init(&link->connect, loop, &connect_sink, link);
    stream_init(&link->stream, loop, &stream_sink, link);
    link->session_params = params->session;
    link->connecting_ms = loop_now_ms();
    link->session_due_ms = link->connecting_ms + params->session_timeout_ms;
    session_begin(&link->session, &link->session_params, sink->session, owner);
    link->begin.done = begin;
    if (loop_post(loop, &link->begin, 0) != 0) {
        free(link);
        return NULL;
    }
    link->beginning = true;
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
