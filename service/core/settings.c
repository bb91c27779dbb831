#include "settings.h"

#include "address.h"
#include "auth.h"
#include "certificate.h"
#include "cron.h"
#include "node.h"

#include <string.h>

static const struct {
    const char *name, *title;
} origins[] = {
    [ORIGIN_DEFAULT] = {"default", "default"},
    [ORIGIN_PARAMETERS] = {"Parameters", "Parameters"},
    [ORIGIN_POLICY] = {"policy", "Group Policy"},
};

const char *origin_name(enum origin origin)
{
    return origins[origin].name;
}

const char *origin_title(enum origin origin)
{
    return origins[origin].title;
}

static const char *tls_word(uint32_t mode)
{
    static const char *const words[] = {"none", "may", "require", "implicit"};
    return words[mode];
}

static const char *host_fault(const char *item)
{
    return host_name_valid(item) ? NULL : "is neither a domain name nor an IP address";
}

static const char *domain_fault(const char *item)
{
    enum node_fault fault = node_fault(item);
    return fault == NODE_FINE ? NULL : node_fault_text(fault);
}

static const char *server_fault(const char *item)
{
    char host[NODE_LIMIT + 1];
    unsigned port;
    return host_split(item, host, sizeof host, &port) ? NULL : "is neither HOST nor HOST:PORT";
}

static const char *service_fault(const char *item)
{
    bool fine = strlen(item) <= 256 && !strpbrk(item, "\\/");
    for (const char *c = item; *c; c++)
        fine = fine && (unsigned char)*c >= ' ' && *c != 0x7F;
    return fine ? NULL : "is not the name of a service";
}

static const char *user_fault(const char *item)
{
    for (const char *at = item; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            return "contains a control character";
    return strlen(item) <= AUTH_USER_LIMIT ? NULL : "is longer than 255 bytes";
}

/* A full path in quotation marks is required, so that no program is ever found by searching. */
static const char *program_fault(const char *item)
{
    const char *path = item + 1;
    if (item[0] != '"' || !strchr(path, '"'))
        return "does not begin with a path in quotation marks";
    bool drive =
        ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) && path[1] == ':' && path[2] == '\\';
    bool share = path[0] == '\\' && path[1] == '\\';
    return drive || share || path[0] == '%' ? NULL : "does not begin with a full path";
}

/* EHLO accepts a domain or an address literal (RFC 5321 4.1.3). */
static const char *helo_fault(const char *item)
{
    size_t length = strlen(item);
    if (item[0] == '[')
        return length > 2 && length < NODE_LIMIT && item[length - 1] == ']' &&
                       strspn(item + 1, "0123456789abcdefABCDEF:.IPv") == length - 2
                   ? NULL
                   : "is not an address literal";
    return item[0] == '@' || item[0] == '#' ? "is not a domain name" : domain_fault(item);
}

static const char *address_fault(const char *item)
{
    unsigned char octets[ADDRESS_SIZE];
    return address_read(item, octets) ? NULL : "is not an IP address";
}

static const char *fingerprint_fault(const char *item)
{
    uint8_t fingerprint[FINGERPRINT_SIZE];
    return fingerprint_read(item, fingerprint) ? NULL : "is not a SHA-256 fingerprint";
}

#define SERVICE(field) SCOPE_SERVICE, .offset = offsetof(struct service_settings, field)
#define HOST(field) SCOPE_HOST, .offset = offsetof(struct host_settings, field)
#define NUMBER(from, to, default_number, of_unit)                                                                      \
    .type = SETTING_DWORD, .minimum = (from), .maximum = (to), .initial = (default_number), .unit = (of_unit)

const struct setting settings[] = {
    {"AlwaysUseETRN", SERVICE(always_use_etrn), NUMBER(0, 1, 0, ""), .help = "1 enables ETRN, 0 disables it"},
    {"IntervalMinutes", SERVICE(interval_minutes), NUMBER(1, 10080, 15, "minutes"),
     .help = "how often each host is asked"},
    {"Schedule", SERVICE(schedule), .type = SETTING_STRINGS, .fault = cron_fault,
     .expected = "crontab lines with five fields, or @hourly, @daily, @every 10m and similar",
     .help = "when hosts are asked, in local time; replaces IntervalMinutes if not empty"},
    {"RunAtStart", SERVICE(run_at_start), NUMBER(0, 1, 1, ""), .help = "1 asks all hosts when the service starts"},
    {"RunOnNetworkChange", SERVICE(run_on_network_change), NUMBER(0, 1, 1, ""),
     .help = "1 asks all hosts when a network address comes up or the computer wakes"},
    {"LocalPort", SERVICE(local_port), NUMBER(0, 65535, 25, ""),
     .help = "hosts are asked only while a program listens on this TCP port of this computer; 0 disables the check"},
    {"RetrySeconds", SERVICE(retry_seconds), NUMBER(10, 86400, 60, "seconds"),
     .help = "delay before the first retry after a temporary failure; doubles up to the interval"},
    {"MinimumGapSeconds", SERVICE(minimum_gap_seconds), NUMBER(0, 3600, 30, "seconds"),
     .help = "shortest time between two requests to the same host"},
    {"MaxConnections", SERVICE(max_connections), NUMBER(1, 10000, 500, "connections"),
     .help = "maximum number of open sessions with all hosts together"},
    {"TimeoutSeconds", SERVICE(timeout_seconds), NUMBER(5, 600, 300, "seconds"),
     .help = "longest wait for a reply (RFC 5321 4.5.3.2)"},
    {"ConnectTimeoutSeconds", SERVICE(connect_timeout_seconds), NUMBER(5, 300, 30, "seconds"),
     .help = "longest wait for a connection to one address"},
    {"SessionTimeoutSeconds", SERVICE(session_timeout_seconds), NUMBER(30, 3600, 900, "seconds"),
     .help = "longest duration of a session"},
    {"ProtocolLog", SERVICE(protocol_log), NUMBER(0, 1, 0, ""),
     .help = "1 logs SMTP sessions in %ProgramData%\\EtrnSvc\\log, without passwords"},

    {"Host", HOST(host), .type = SETTING_STRING, .fault = host_fault, .expected = "a domain name or an IP address",
     .help = "the server to ask; if empty, the name of this host's key"},
    {"Port", HOST(port), NUMBER(0, 65535, 0, ""),
     .help = "the TCP port of the host; 0 selects the port of Method: 25 for etrn, 79 for finger"},
    {"Enabled", HOST(enabled), NUMBER(0, 1, 1, ""), .help = "1 asks this host, 0 does not"},
    {"Domains", HOST(domains), .type = SETTING_STRINGS, .fault = domain_fault,
     .expected = "a list of domains, each in the form domain, @domain or #queue",
     .help = "the domains to request mail for; @domain includes subdomains, #queue is a queue of the host"},
    {"Fallback", HOST(fallback), .type = SETTING_STRINGS, .fault = server_fault,
     .expected = "a list of hosts, each HOST or HOST:PORT",
     .help = "the hosts to ask instead, in this order, if the host cannot be reached or has a temporary failure"},
    {"Method", HOST(method), .type = SETTING_CHOICE, .word = method_word, .maximum = METHOD_COUNT - 1,
     .initial = METHOD_ETRN,
     .help = "how the host is asked: by ETRN, by finger (a query for each domain), or by running Program"},
    {"WakeHost", HOST(wake_host), .type = SETTING_STRING, .fault = host_fault,
     .expected = "a host name or an IPv4 address",
     .help = "a host to PING until it answers, before the host is asked; this brings up a dial-on-demand line"},
    {"WakeSeconds", HOST(wake_seconds), NUMBER(1, 600, 60, "seconds"), .help = "longest time to PING WakeHost"},
    {"WakeRequired", HOST(wake_required), NUMBER(0, 1, 1, ""),
     .help = "0 asks the host even if WakeHost does not answer"},
    {"Program", HOST(program), .type = SETTING_EXPAND, .fault = program_fault,
     .expected = "a full path in quotation marks, followed by arguments",
     .help = "the command to run if Method is program; {node} in its arguments is replaced by the domain, {host} by "
             "the host"},
    {"RunService", HOST(run_service), .type = SETTING_STRING, .fault = service_fault, .verbatim = true,
     .expected = "the name of a service",
     .help = "a service to start before the host is asked, and to stop afterwards if it was not running"},
    {"HoldSeconds", HOST(hold_seconds), NUMBER(0, 86400, 60, "seconds"),
     .help = "how long RunService keeps running after the last reply, to receive the mail"},
    {"HeloName", HOST(helo_name), .type = SETTING_STRING, .fault = helo_fault,
     .expected = "a domain name or an address literal such as [192.0.2.1]",
     .help = "the name to send in EHLO; if empty, the name of this computer"},
    {"LocalAddress", HOST(local_address), .type = SETTING_STRING, .fault = address_fault, .verbatim = true,
     .expected = "an IPv4 or IPv6 address",
     .help = "the address of this computer to connect from; if empty, Windows chooses one"},
    {"Tls", HOST(tls), .type = SETTING_CHOICE, .word = tls_word, .maximum = TLS_IMPLICIT, .initial = TLS_MAY,
     .help = "none: no TLS; may: TLS if the host offers it; require: only over TLS with a verified certificate; "
             "implicit: like require, with TLS from the first byte, as on port 465"},
    {"TlsFingerprint", HOST(tls_fingerprint), .type = SETTING_STRING, .fault = fingerprint_fault,
     .expected = "the SHA-256 fingerprint of a certificate, 64 hexadecimal digits with or without colons",
     .help = "the only certificate to accept, whatever its names, dates and issuer"},
    {"User", HOST(user), .type = SETTING_STRING, .fault = user_fault, .verbatim = true,
     .expected = "a user name of at most 255 bytes",
     .help =
         "the user name for AUTH; if empty, no authentication. Its password is set with etrnctl config set Password"},
    {"AuthInClear", HOST(auth_in_clear), NUMBER(0, 1, 0, ""),
     .help = "1 sends User and its password even if TLS does not protect them"},
    {"ForceETRN", HOST(force_etrn), NUMBER(0, 1, 0, ""), .help = "1 sends ETRN even if the host does not offer it"},
    {"EtrnsPerConnection", HOST(etrns_per_connection), NUMBER(1, 100, 7, "domains"),
     .help = "maximum number of domains in one session"},
    {"ConnectionsPerHost", HOST(connections_per_host), NUMBER(1, 32, 4, "connections"),
     .help = "maximum number of simultaneous sessions with this host"},
    {"IntervalMinutes", HOST(interval_minutes), NUMBER(1, 10080, 0, "minutes"),
     .help = "interval of this host; if not set, that of the service"},
    {"Schedule", HOST(schedule), .type = SETTING_STRINGS, .fault = cron_fault,
     .expected = "crontab lines with five fields, or @hourly, @daily, @every 10m and similar",
     .help = "schedule of this host; if not set, that of the service"},
};
const size_t settings_count = sizeof settings / sizeof settings[0];

const struct setting *setting_find(enum setting_scope scope, const char *name)
{
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope && text_same(settings[i].name, name))
            return &settings[i];
    return NULL;
}

size_t setting_index(const struct setting *s)
{
    size_t index = 0;
    while (s > settings && s[-1].scope == s->scope)
        s--, index++;
    return index;
}

enum value_type setting_stored_type(const struct setting *s)
{
    switch (s->type) {
    case SETTING_DWORD:
        return VALUE_DWORD;
    case SETTING_STRINGS:
        return VALUE_MULTI_SZ;
    case SETTING_EXPAND:
        return VALUE_EXPAND_SZ;
    default:
        return VALUE_SZ;
    }
}

const char *setting_type_name(const struct setting *s)
{
    return value_type_name(setting_stored_type(s));
}

void setting_default(const struct setting *s, struct text *out)
{
    if (s->type == SETTING_DWORD && s->initial >= s->minimum)
        text_add(out, "%u", s->initial);
    else if (s->type == SETTING_CHOICE)
        text_add(out, "%s", s->word(s->initial));
}

void setting_allowed(const struct setting *s, struct text *out)
{
    if (s->type == SETTING_DWORD) {
        bool one_apart = s->maximum == s->minimum + 1;
        text_add(out, "%u %s %u%s%s", s->minimum, one_apart ? "or" : "to", s->maximum, *s->unit ? " " : "", s->unit);
    } else if (s->type == SETTING_CHOICE) {
        text_add(out, "one of");
        for (uint32_t i = 0; i <= s->maximum; i++)
            text_add(out, "%s %s", i ? "," : "", s->word(i));
    } else {
        text_add(out, "%s", s->expected);
    }
}

bool setting_word(const struct setting *s, const char *word, uint32_t *number)
{
    for (uint32_t i = 0; i <= s->maximum; i++)
        if (text_same(s->word(i), word)) {
            *number = i;
            return true;
        }
    return false;
}

/* ---- input by the user ---- */

static void refuse_word(const struct setting *s, const char *word, const char *fault, struct text *problem)
{
    text_add(problem, "\"");
    text_add_escaped(problem, word, strlen(word));
    text_add(problem, "\" %s; allowed: ", fault);
    setting_allowed(s, problem);
}

static bool no_memory(struct text *problem)
{
    text_add(problem, "not enough memory");
    return false;
}

static bool encode_number(const struct setting *s, const char *word, struct value *value, struct text *problem)
{
    unsigned long number;
    if (!text_number(word, 0xFFFFFFFFu, &number)) {
        refuse_word(s, word, "is not a number", problem);
        return false;
    }
    if (number < s->minimum || number > s->maximum) {
        text_add(problem, "%lu is out of range; allowed: ", number);
        setting_allowed(s, problem);
        return false;
    }
    return value_from_number(value, (uint32_t)number) || no_memory(problem);
}

bool setting_encode(const struct setting *s, const char *const *words, size_t count, struct value *value,
                    struct text *problem)
{
    *value = (struct value){.type = setting_stored_type(s)};
    if (s->type != SETTING_STRINGS && count != 1) {
        text_add(problem, "takes one value; allowed: ");
        setting_allowed(s, problem);
        return false;
    }
    if (s->type == SETTING_DWORD)
        return encode_number(s, words[0], value, problem);
    uint32_t choice;
    if (s->type == SETTING_CHOICE && !setting_word(s, words[0], &choice)) {
        refuse_word(s, words[0], "is unknown", problem);
        return false;
    }
    for (size_t i = 0; s->type != SETTING_CHOICE && i < count; i++) {
        const char *fault = s->fault(words[i]);
        bool empty_string = s->type != SETTING_STRINGS && !*words[i];
        if (fault && !empty_string) {
            refuse_word(s, words[i], fault, problem);
            return false;
        }
    }
    return value_from_words(value, words, count) || no_memory(problem);
}
