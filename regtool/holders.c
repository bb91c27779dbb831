#include "holders.h"

#include "../service/win/dns.h"
#include "../service/win/network.h"
#include "../service/win/resolve.h"
#include "failure.h"
#include "names.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a host's reply ---- */

static void end_one(struct holders *h)
{
    if (--h->pending == 0)
        loop_end(h->loop);
}

static void on_session(void *owner, const struct session_event *event)
{
    struct holder *holder = owner;
    if (event->kind == SESSION_ENDED)
        holder->result = *event->result;
}

/* A result with a reply code comes from the host itself; its outcome says whether it is permanent. */
static void on_closed(void *owner)
{
    struct holder *holder = owner;
    if (holder->result.outcome == OUTCOME_NONE)
        holder->state = HOLDER_OFFERS;
    else if (outcome_consequence(holder->result.outcome) == FOLLOWS_PERMANENT)
        holder->state = HOLDER_LACKS;
    end_one(holder->owner);
}

static void leave_unreachable(struct holder *holder, enum outcome outcome, DWORD error)
{
    TEXT_SCRATCH(words, 200);
    text_add_error(&words, error);
    result_set(&holder->result, outcome, 0, words.data);
    end_one(holder->owner);
}

static void stop_resolving(struct holder *holder)
{
    loop_set_timer(holder->owner->loop, &holder->limit, INT64_MAX);
    resolve_cancel(holder->resolve);
    holder->resolve = NULL;
}

static void resolved(void *owner, DWORD error, const ADDRINFOEXW *addresses)
{
    static const struct link_sink sink = {.session = on_session, .closed = on_closed};
    struct holder *holder = owner;
    bool ours = false;
    for (const ADDRINFOEXW *a = error ? NULL : addresses; a; a = resolve_next(a))
        ours = ours || network_address_is_ours(a->ai_addr);
    stop_resolving(holder);
    holder->resolve_error = error;
    if (error) {
        leave_unreachable(holder, OUTCOME_NO_ADDRESS, error);
    } else if (ours) {
        holder->state = HOLDER_OURS;
        end_one(holder->owner);
    } else if (!link_open(holder->owner->loop, &holder->params, &sink, holder)) {
        leave_unreachable(holder, OUTCOME_LOCAL, ERROR_NOT_ENOUGH_MEMORY);
    }
}

static void not_resolved(struct loop_timer *timer)
{
    struct holder *holder = CONTAINING_RECORD(timer, struct holder, limit);
    stop_resolving(holder);
    leave_unreachable(holder, OUTCOME_NO_ADDRESS, WSATRY_AGAIN);
}

/* ---- the hosts ---- */

static bool is_this_computer(const char *host)
{
    static const COMPUTER_NAME_FORMAT formats[] = {ComputerNameDnsFullyQualified,
                                                   ComputerNamePhysicalDnsFullyQualified};
    for (size_t i = 0; i < ARRAYSIZE(formats); i++) {
        wchar_t wide[256];
        DWORD size = ARRAYSIZE(wide);
        char *name = GetComputerNameExW(formats[i], wide, &size) ? narrow_copy(wide) : NULL;
        bool same = name && strchr(name, '.') && text_same(name, host);
        free(name);
        if (same)
            return true;
    }
    return false;
}

static bool is_left_out(const struct holders *h, const char *host)
{
    for (size_t i = 0; i < h->except.count; i++)
        if (text_same(h->except.items[i], host))
            return true;
    return false;
}

static void ask_holder(struct holder *holder)
{
    struct holders *h = holder->owner;
    h->pending++;
    if (!host_name_valid(holder->host)) {
        result_set(&holder->result, OUTCOME_NO_ADDRESS, 0, "not a valid host name");
        end_one(h);
        return;
    }
    if (is_left_out(h, holder->host) || is_this_computer(holder->host)) {
        holder->state = is_left_out(h, holder->host) ? HOLDER_LEFT_OUT : HOLDER_OURS;
        end_one(h);
        return;
    }
    holder->limit.fire = not_resolved;
    loop_set_timer(h->loop, &holder->limit, loop_now_ms() + h->params.connect_timeout_ms);
    DWORD error = resolve_begin(h->loop, holder->host, h->params.port, resolved, holder, &holder->resolve);
    if (error) {
        stop_resolving(holder);
        leave_unreachable(holder, OUTCOME_LOCAL, error);
    }
}

/* Returns the host with this name, which is asked if it has not been yet; NULL if memory is short. */
static struct holder *find_holder(struct holders *h, const char *host)
{
    struct holder **place = &h->first;
    for (; *place; place = &(*place)->next)
        if (text_same((*place)->host, host))
            return *place;
    struct holder *holder = calloc(1, sizeof *holder);
    if (!holder)
        return NULL;
    *place = holder;
    holder->owner = h;
    holder->state = HOLDER_UNREACHABLE;
    holder->params = h->params;
    holder->params.address = holder->host;
    snprintf(holder->host, sizeof holder->host, "%s", host);
    if (h->params.port == 25)
        snprintf(holder->server, sizeof holder->server, "%s", host);
    else
        snprintf(holder->server, sizeof holder->server, "%s:%u", host, h->params.port);
    ask_holder(holder);
    return holder;
}

/* ---- the domains ---- */

static const char *name_of(const struct holder_domain *domain)
{
    return domain->node + (*domain->node == '@');
}

static void on_mx(void *owner, DWORD error, const struct mx_list *list)
{
    struct holder_domain *domain = owner;
    domain->list = *list;
    domain->error = error;
    if (error) {
        domain->finding = FOUND_FAILURE;
    } else if (mx_is_null(list)) {
        domain->finding = FOUND_NULL_MX;
    } else if (list->count == 0) {
        domain->finding = FOUND_ADDRESS;
        mx_add(&domain->list, 0, name_of(domain));
    }
    for (size_t i = 0; i < domain->list.count && domain->finding != FOUND_FAILURE; i++)
        if (!(domain->holders[i] = find_holder(domain->owner, domain->list.items[i].host))) {
            domain->finding = FOUND_FAILURE;
            domain->error = ERROR_NOT_ENOUGH_MEMORY;
        }
    end_one(domain->owner);
}

/* Without an MX record, checks whether the domain has an address: it may not be a mail domain, or not exist. */
static void look_for_address(struct holder_domain *domain)
{
    DWORD error = domain->finding == FOUND_ADDRESS ? domain->holders[0]->resolve_error : 0;
    if (error == WSAHOST_NOT_FOUND || error == WSANO_DATA)
        domain->finding = FOUND_NOTHING;
}

const struct holder *holders_offering(const struct holder_domain *domain, size_t which)
{
    if (domain->finding != FOUND_MX && domain->finding != FOUND_ADDRESS)
        return NULL;
    for (size_t i = 0; i < domain->list.count; i++)
        if (domain->holders[i]->state == HOLDER_OFFERS && which-- == 0)
            return domain->holders[i];
    return NULL;
}

static bool offers_for(const struct holder_domain *domain, const struct holder *holder)
{
    size_t i = 0;
    while (holders_offering(domain, i) && holders_offering(domain, i) != holder)
        i++;
    return holders_offering(domain, i) == holder;
}

const struct holder *holders_fallback(const struct holders *h, size_t group, size_t which)
{
    for (size_t i = 1; holders_offering(&h->domains[group], i); i++) {
        const struct holder *holder = holders_offering(&h->domains[group], i);
        bool all = true;
        for (size_t d = 0; d < h->domain_count; d++)
            all = all && (h->domains[d].group != group || offers_for(&h->domains[d], holder));
        if (all && which-- == 0)
            return holder;
    }
    return NULL;
}

static void make_groups(struct holders *h)
{
    for (size_t i = 0; i < h->domain_count; i++) {
        struct holder_domain *domain = &h->domains[i];
        size_t first = 0;
        while (holders_offering(&h->domains[first], 0) != holders_offering(domain, 0))
            first++;
        domain->group = first;
    }
}

/* Whether any of the domain's hosts is in this state. */
static bool has_state(const struct holder_domain *domain, enum holder_state state)
{
    for (size_t i = 0; i < domain->list.count; i++)
        if (domain->holders[i]->state == state)
            return true;
    return false;
}

static enum exit_code hosts_verdict(const struct holder_domain *domain, struct text *why)
{
    if (holders_offering(domain, 0))
        return EXIT_DONE;
    if (has_state(domain, HOLDER_UNREACHABLE)) {
        text_add(why, "has no MX host that can be reached and offers ETRN");
        return EXIT_NETWORK;
    }
    bool lacking = has_state(domain, HOLDER_LACKS);
    text_add(why, lacking ? "has no MX host that offers ETRN" : "has no MX host other than this computer");
    return lacking ? EXIT_REFUSED : EXIT_NOT_FOUND;
}

enum exit_code holders_verdict(const struct holder_domain *domain, struct text *why)
{
    switch (domain->finding) {
    case FOUND_NULL_MX:
        text_add(why, "accepts no mail, as its MX record states (RFC 7505)");
        return EXIT_NOT_FOUND;
    case FOUND_NOTHING:
        text_add(why, "has neither an MX record nor an address in DNS");
        return EXIT_NOT_FOUND;
    case FOUND_FAILURE:
        text_add(why, "could not be looked up in DNS: ");
        text_add_error(why, domain->error);
        return EXIT_NETWORK;
    case FOUND_MX:
    case FOUND_ADDRESS:
        break;
    }
    return hosts_verdict(domain, why);
}

/* ---- begin and end ---- */

static enum exit_code take_domain(struct holders *h, const char *word)
{
    struct holder_domain *domain = &h->domains[h->domain_count];
    domain->owner = h;
    enum exit_code code = name_to_ascii(word, &domain->node);
    if (code != EXIT_DONE)
        return code;
    h->domain_count++;
    enum node_fault fault = node_fault(domain->node);
    if (fault == NODE_FINE && *domain->node != '#')
        return EXIT_DONE;
    talk("etrnctl: \"%s\" %s; expected a domain or @domain\n", word,
         fault == NODE_FINE ? "is a queue name, which has no MX records" : node_fault_text(fault));
    return EXIT_INVALID;
}

static enum exit_code take_options(struct holders *h, const struct arguments *a)
{
    unsigned long port = 25;
    unsigned long timeout = 60;
    enum exit_code code = option_number(a, "--port", 65535, &port);
    if (code == EXIT_DONE)
        code = option_number(a, "--timeout", 600, &timeout);
    if (code == EXIT_DONE)
        code = option_words(a, "--except", &h->except);
    h->params.port = (uint16_t)port;
    h->params.session.helo = option_value(a, "--helo");
    h->params.session.tls = TLS_MAY;
    h->params.connect_timeout_ms = h->params.session.reply_timeout_ms = (int64_t)timeout * 1000;
    h->params.session_timeout_ms = 900000;
    return code;
}

static DWORD ask_all(struct holders *h)
{
    h->loop = loop_open();
    DWORD error = h->loop ? 0 : GetLastError();
    if (!error)
        error = link_startup();
    if (error)
        return error;
    for (size_t i = 0; i < h->domain_count; i++) {
        struct holder_domain *domain = &h->domains[i];
        domain->error = dns_mx_begin(h->loop, name_of(domain), h->params.connect_timeout_ms, on_mx, domain);
        if (domain->error)
            domain->finding = FOUND_FAILURE;
        else
            h->pending++;
    }
    return h->pending ? loop_run(h->loop) : 0;
}

enum exit_code holders_find(struct holders *h, const struct arguments *a, char **words, size_t count)
{
    *h = (struct holders){0};
    h->domains = calloc(count, sizeof *h->domains);
    if (!h->domains)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
    enum exit_code code = take_options(h, a);
    for (size_t i = 0; code == EXIT_DONE && i < count; i++)
        code = take_domain(h, words[i]);
    if (code != EXIT_DONE)
        return code;
    DWORD error = ask_all(h);
    if (error)
        return fail(error, "cannot look up MX hosts");
    for (size_t i = 0; i < h->domain_count; i++)
        look_for_address(&h->domains[i]);
    make_groups(h);
    return EXIT_DONE;
}

void holders_free(struct holders *h)
{
    while (h->first) {
        struct holder *next = h->first->next;
        free(h->first);
        h->first = next;
    }
    for (size_t i = 0; i < h->domain_count; i++)
        free(h->domains[i].node);
    free(h->domains);
    option_words_free(&h->except);
    *h = (struct holders){0};
}
