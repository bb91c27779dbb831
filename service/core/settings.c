#include "settings.h"

#include "auth.h"
#include "certificate.h"
#include "cron.h"
#include "node.h"
#include "utf.h"

#include <stdlib.h>
#include <string.h>

static const char *const tls_words[] = {"none", "may", "require", "implicit"};
static const char *const method_words[] = {"etrn", "finger", "program"};

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
    return host_split(item, host, sizeof host, &port) ? NULL : "is neither host nor host:port";
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
            return "has a control character";
    return strlen(item) <= AUTH_USER_LIMIT ? NULL : "is longer than 255 octets";
}

/* The path stands in quotation marks and is a full one: what is started is never found by searching. */
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

/* EHLO takes a domain or an address literal (RFC 5321 4.1.3). */
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
    {"AlwaysUseETRN", SERVICE(always_use_etrn), NUMBER(0, 1, 0, ""),
     .help = "the master switch: 1 sends ETRN, 0 sends nothing"},
    {"IntervalMinutes", SERVICE(interval_minutes), NUMBER(1, 10080, 15, "minutes"),
     .help = "how often each host is asked"},
    {"Schedule", SERVICE(schedule), .type = SETTING_STRINGS, .fault = cron_fault,
     .expected = "crontab lines of five fields, @hourly, @daily, @every 10m and the like",
     .help = "replaces IntervalMinutes when not empty; local time"},
    {"RunAtStart", SERVICE(run_at_start), NUMBER(0, 1, 1, ""), .help = "a round when the service starts"},
    {"RunOnNetworkChange", SERVICE(run_on_network_change), NUMBER(0, 1, 1, ""),
     .help = "a round when an address comes up, or the machine resumes"},
    {"LocalPort", SERVICE(local_port), NUMBER(0, 65535, 25, ""),
     .help = "a round waits until something listens on this local port; 0 does not look"},
    {"RetrySeconds", SERVICE(retry_seconds), NUMBER(10, 86400, 60, "seconds"),
     .help = "first retry after a passing failure; doubles up to the interval"},
    {"MinimumGapSeconds", SERVICE(minimum_gap_seconds), NUMBER(0, 3600, 30, "seconds"),
     .help = "never ask one host again sooner, whatever the reason"},
    {"MaxConnections", SERVICE(max_connections), NUMBER(1, 10000, 500, "connections"),
     .help = "sessions open at once, all hosts together"},
    {"TimeoutSeconds", SERVICE(timeout_seconds), NUMBER(5, 600, 300, "seconds"),
     .help = "wait for one reply (RFC 5321 4.5.3.2)"},
    {"ConnectTimeoutSeconds", SERVICE(connect_timeout_seconds), NUMBER(5, 300, 30, "seconds"),
     .help = "wait for a connection to one address"},
    {"SessionTimeoutSeconds", SERVICE(session_timeout_seconds), NUMBER(30, 3600, 900, "seconds"),
     .help = "bounds a whole session"},
    {"ProtocolLog", SERVICE(protocol_log), NUMBER(0, 1, 0, ""),
     .help = "1 logs SMTP in %ProgramData%\\EtrnSvc\\log, without secrets"},

    {"Host", HOST(host), .type = SETTING_STRING, .fault = host_fault, .expected = "a domain name or an IP address",
     .help = "the server to ask; when empty, the name of its key"},
    {"Port", HOST(port), NUMBER(1, 65535, 25, ""), .help = "its TCP port"},
    {"Enabled", HOST(enabled), NUMBER(0, 1, 1, ""), .help = "0 leaves this host out"},
    {"Domains", HOST(domains), .type = SETTING_STRINGS, .fault = domain_fault,
     .expected = "a list of nodes, each a domain, @domain or #queue",
     .help = "the nodes to ask for: domain, @domain (subdomains too) or #queue"},
    {"Fallback", HOST(fallback), .type = SETTING_STRINGS, .fault = server_fault,
     .expected = "a list of hosts, each host or host:port",
     .help = "asked in this order when the host cannot be reached or answers with passing trouble"},
    {"Method", HOST(method), .type = SETTING_CHOICE, .words = method_words, .maximum = METHOD_PROGRAM,
     .initial = METHOD_ETRN,
     .help = "how it is asked: by ETRN, by finger (a query for each node, port 79 unless Port is set), or by Program"},
    {"WakeHost", HOST(wake_host), .type = SETTING_STRING, .fault = host_fault,
     .expected = "a host's name or an IPv4 address",
     .help = "PINGed first until it answers: brings a dial-on-demand line up"},
    {"WakeSeconds", HOST(wake_seconds), NUMBER(1, 600, 60, "seconds"), .help = "at most so long"},
    {"WakeRequired", HOST(wake_required), NUMBER(0, 1, 1, ""), .help = "0 goes on though WakeHost does not answer"},
    {"Program", HOST(program), .type = SETTING_EXPAND, .fault = program_fault,
     .expected = "a full path in quotation marks, and arguments",
     .help = "run by Method program; arguments {node} and {host} are replaced"},
    {"RunService", HOST(run_service), .type = SETTING_STRING, .fault = service_fault, .verbatim = true,
     .expected = "the name of a service", .help = "started before, and stopped after if it did not run"},
    {"HoldSeconds", HOST(hold_seconds), NUMBER(0, 86400, 60, "seconds"),
     .help = "how long RunService is kept up after the last reply, for the mail to come in"},
    {"HeloName", HOST(helo_name), .type = SETTING_STRING, .fault = helo_fault,
     .expected = "a domain name or an address literal as [192.0.2.1]",
     .help = "the name given in EHLO; when empty, this computer's"},
    {"Tls", HOST(tls), .type = SETTING_CHOICE, .words = tls_words, .maximum = TLS_IMPLICIT, .initial = TLS_MAY,
     .help =
         "in clear (none), over TLS where the host offers it (may), over TLS with a verified certificate or not at all "
         "(require), or so from the first octet on, as on port 465 (implicit)"},
    {"TlsFingerprint", HOST(tls_fingerprint), .type = SETTING_STRING, .fault = fingerprint_fault,
     .expected = "the SHA-256 of a certificate, 64 hexadecimal digits with or without colons",
     .help = "the certificate that the host must show; its names, dates and issuer then do not matter"},
    {"User", HOST(user), .type = SETTING_STRING, .fault = user_fault, .verbatim = true,
     .expected = "a name of at most 255 octets",
     .help = "the name for AUTH, whose password etrnctl config set Password stores; when empty, no AUTH"},
    {"AuthInClear", HOST(auth_in_clear), NUMBER(0, 1, 0, ""),
     .help = "1 sends User and its password though TLS does not protect them"},
    {"ForceETRN", HOST(force_etrn), NUMBER(0, 1, 0, ""), .help = "1 sends ETRN though the host does not offer it"},
    {"EtrnsPerConnection", HOST(etrns_per_connection), NUMBER(1, 100, 7, "nodes"),
     .help = "at most so many nodes in one session"},
    {"ConnectionsPerHost", HOST(connections_per_host), NUMBER(1, 32, 4, "connections"),
     .help = "sessions with this host at once"},
    {"IntervalMinutes", HOST(interval_minutes), NUMBER(1, 10080, 0, "minutes"),
     .help = "this host's own interval; by default the service's"},
    {"Schedule", HOST(schedule), .type = SETTING_STRINGS, .fault = cron_fault,
     .expected = "crontab lines of five fields, @hourly, @daily, @every 10m and the like",
     .help = "this host's own schedule; by default the service's"},
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

static enum value_type stored_type(const struct setting *s)
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

static const char *type_name(enum value_type type)
{
    switch (type) {
    case VALUE_NONE:
        return "REG_NONE";
    case VALUE_SZ:
        return "REG_SZ";
    case VALUE_EXPAND_SZ:
        return "REG_EXPAND_SZ";
    case VALUE_BINARY:
        return "REG_BINARY";
    case VALUE_DWORD:
        return "REG_DWORD";
    case VALUE_MULTI_SZ:
        return "REG_MULTI_SZ";
    case VALUE_QWORD:
        return "REG_QWORD";
    }
    return "a value of another type";
}

const char *setting_type_name(const struct setting *s)
{
    return type_name(stored_type(s));
}

void setting_default(const struct setting *s, struct text *out)
{
    if (s->type == SETTING_DWORD && s->initial >= s->minimum)
        text_add(out, "%u", s->initial);
    else if (s->type == SETTING_CHOICE)
        text_add(out, "%s", s->words[s->initial]);
}

void setting_allowed(const struct setting *s, struct text *out)
{
    if (s->type == SETTING_DWORD) {
        bool one_apart = s->maximum == s->minimum + 1;
        text_add(out, "%u %s %u%s%s", s->minimum, one_apart ? "or" : "to", s->maximum, *s->unit ? " " : "", s->unit);
    } else if (s->type == SETTING_CHOICE) {
        text_add(out, "one of");
        for (uint32_t i = 0; i <= s->maximum; i++)
            text_add(out, "%s %s", i ? "," : "", s->words[i]);
    } else {
        text_add(out, "%s", s->expected);
    }
}

/* ---- the fields of a configuration ---- */

static void *field_of(struct config *c, struct host_settings *host, const struct setting *s)
{
    return (char *)(host ? (void *)host : (void *)&c->service) + s->offset;
}

static void set_origin(struct config *c, struct host_settings *host, const struct setting *s, enum origin origin)
{
    (host ? host->origin : c->service.origin)[setting_index(s)] = (uint8_t)origin;
}

static void strings_free(struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct strings){0};
}

static bool strings_add(struct strings *strings, const char *item)
{
    char **items = realloc(strings->items, (strings->count + 1) * sizeof *items);
    if (!items)
        return false;
    strings->items = items;
    items[strings->count] = text_copy(item);
    if (!items[strings->count])
        return false;
    strings->count++;
    return true;
}

static bool strings_have(const struct strings *strings, const char *item)
{
    for (size_t i = 0; i < strings->count; i++)
        if (text_same(strings->items[i], item))
            return true;
    return false;
}

/* Back to the default. A string that cannot be had stays NULL, which reads as empty. */
static void reset(struct config *c, struct host_settings *host, const struct setting *s)
{
    void *field = field_of(c, host, s);
    set_origin(c, host, s, ORIGIN_DEFAULT);
    switch (s->type) {
    case SETTING_DWORD:
    case SETTING_CHOICE:
        *(uint32_t *)field = s->initial;
        break;
    case SETTING_STRING:
    case SETTING_EXPAND:
        free(*(char **)field);
        *(char **)field = NULL;
        break;
    case SETTING_STRINGS:
        strings_free(field);
        break;
    }
}

static void reset_all(struct config *c, struct host_settings *host)
{
    enum setting_scope scope = host ? SCOPE_HOST : SCOPE_SERVICE;
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope)
            reset(c, host, &settings[i]);
}

void config_init(struct config *c)
{
    *c = (struct config){0};
    reset_all(c, NULL);
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < c->host_count; i++) {
        reset_all(c, &c->hosts[i]);
        free(c->hosts[i].name);
    }
    free(c->hosts);
    reset_all(c, NULL);
    *c = (struct config){0};
}

/* Where a host of that name stands, or is to stand. */
static size_t host_place(const struct config *c, const char *name)
{
    size_t low = 0;
    size_t high = c->host_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(c->hosts[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct host_settings *config_find_host(const struct config *c, const char *name)
{
    size_t place = host_place(c, name);
    return place < c->host_count && text_same(c->hosts[place].name, name) ? &c->hosts[place] : NULL;
}

struct host_settings *config_add_host(struct config *c, const char *name)
{
    size_t place = host_place(c, name);
    if (place < c->host_count && text_same(c->hosts[place].name, name))
        return &c->hosts[place];
    if (c->host_count == c->host_room) {
        size_t room = c->host_room ? c->host_room * 2 : 8;
        struct host_settings *hosts = realloc(c->hosts, room * sizeof *hosts);
        if (!hosts)
            return NULL;
        c->hosts = hosts;
        c->host_room = room;
    }
    char *copy = text_copy(name);
    if (!copy)
        return NULL;
    struct host_settings *host = &c->hosts[place];
    memmove(host + 1, host, (c->host_count - place) * sizeof *host);
    *host = (struct host_settings){.name = copy};
    c->host_count++;
    reset_all(c, host);
    return host;
}

const char *host_address(const struct host_settings *host)
{
    return host->host && *host->host ? host->host : host->name;
}

void host_server(const struct host_settings *host, size_t which, char *address, size_t size, uint16_t *port)
{
    bool fallback = which > 0 && which <= host->fallback.count; /* else the configuration has changed */
    unsigned number = 25;
    struct text t;
    text_begin(&t, address, size);
    if (!fallback || !host_split(host->fallback.items[which - 1], address, (unsigned)size, &number)) {
        text_add(&t, "%s", host_address(host));
        number = host->port;
    }
    *port = (uint16_t)number;
}

/* ---- values ---- */

void value_describe(enum value_type type, const void *value, size_t size, struct text *out)
{
    const unsigned char *data = value;
    text_add(out, "%s", type_name(type));
    if (type == VALUE_DWORD && size == 4) {
        text_add(out, " %u", data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24);
    } else if (type == VALUE_SZ || type == VALUE_EXPAND_SZ) {
        enum { SHOWN = 100 }; /* octets; more is cut */
        char utf8[SHOWN * 3 / 2];
        size_t length = utf8_from_utf16(data, size < SHOWN ? size : SHOWN, utf8, sizeof utf8);
        while (length > 0 && utf8[length - 1] == '\0')
            length--;
        text_add(out, " \"");
        text_add_escaped(out, utf8, length);
        text_add(out, size > SHOWN ? "...\"" : "\"");
    } else {
        text_add(out, " of %zu octets", size);
    }
}

static void refuse(const struct setting *s, enum value_type type, const void *data, size_t size, struct text *problem)
{
    text_add(problem, "found ");
    value_describe(type, data, size, problem);
    text_add(problem, "; allowed is %s, ", setting_type_name(s));
    setting_allowed(s, problem);
}

static bool apply_dword(uint32_t *field, const struct setting *s, const unsigned char *data)
{
    uint32_t number = data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
    if (number < s->minimum || number > s->maximum)
        return false;
    *field = number;
    return true;
}

static bool apply_choice(uint32_t *field, const struct setting *s, const char *word)
{
    for (uint32_t i = 0; i <= s->maximum; i++)
        if (text_same(s->words[i], word)) {
            *field = i;
            return true;
        }
    return false;
}

static bool no_memory(struct text *problem)
{
    text_add(problem, "no memory");
    return false;
}

static bool cannot_take(struct config *c, struct text *problem)
{
    c->incomplete = true;
    return no_memory(problem);
}

/* Keeps what is allowed of a list, and says what is not. */
static bool apply_strings(struct config *c, struct strings *field, const struct setting *s, const char *items,
                          size_t length, struct text *problem)
{
    bool all = true;
    for (const char *item = items; item < items + length; item += strlen(item) + 1) {
        const char *fault = *item ? s->fault(item) : NULL;
        if (!*item || strings_have(field, item))
            continue;
        bool too_many = field->count == STRINGS_LIMIT;
        if (too_many)
            fault = "and what follows it is too much: a list has at most 5,000 items";
        if (fault) {
            text_add(problem, "%s\"", all ? "" : "; ");
            text_add_escaped(problem, item, strlen(item));
            text_add(problem, "\" %s", fault);
            all = false;
            if (too_many)
                break;
        } else if (!strings_add(field, item)) {
            return cannot_take(c, problem);
        }
    }
    if (!all) {
        text_add(problem, "; allowed is ");
        setting_allowed(s, problem);
    }
    return all;
}

/* The UTF-8 of a string value, its own NULs kept and one more behind; the caller frees it. */
static char *to_utf8(const void *data, size_t size, size_t *length)
{
    size_t needed = utf8_from_utf16(data, size, NULL, 0);
    char *utf8 = malloc(needed + 1);
    if (!utf8)
        return NULL;
    utf8_from_utf16(data, size, utf8, needed);
    utf8[needed] = '\0';
    *length = needed;
    return utf8;
}

static bool apply_text(struct config *c, void *field, const struct setting *s, const void *data, size_t size,
                       struct text *problem)
{
    size_t length;
    char *utf8 = to_utf8(data, size, &length);
    if (!utf8)
        return cannot_take(c, problem);
    bool fine = false;
    if (s->type == SETTING_STRINGS) {
        fine = apply_strings(c, field, s, utf8, length, problem);
    } else if (s->type == SETTING_CHOICE) {
        fine = apply_choice(field, s, utf8);
    } else if (!*utf8 || !s->fault(utf8)) {
        *(char **)field = utf8;
        return true;
    }
    free(utf8);
    return fine;
}

bool config_apply(struct config *c, struct host_settings *host, const struct setting *s, enum origin origin,
                  enum value_type type, const void *data, size_t size, struct text *problem)
{
    void *field = field_of(c, host, s);
    size_t before = problem->length;
    bool readable = type == stored_type(s) && size <= VALUE_SIZE_LIMIT;
    bool fine = false;
    reset(c, host, s);
    if (readable) {
        if (s->type != SETTING_DWORD)
            fine = apply_text(c, field, s, data, size, problem);
        else if (size == 4)
            fine = apply_dword(field, s, data);
    }
    if (fine || (readable && s->type == SETTING_STRINGS))
        set_origin(c, host, s, origin);
    if (!fine && problem->length == before)
        refuse(s, type, data, size, problem);
    return fine;
}

const struct strings *config_strings(const struct config *c, const struct host_settings *host, const struct setting *s)
{
    const void *field = (const char *)(host ? (const void *)host : (const void *)&c->service) + s->offset;
    return s->type == SETTING_STRINGS ? field : NULL;
}

/* Items that hold spaces themselves, crontab lines, are kept apart by more than one. */
static const char *between(const struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        if (strchr(strings->items[i], ' '))
            return "; ";
    return " ";
}

void config_show(const struct config *c, const struct host_settings *host, const struct setting *s, struct text *out)
{
    const void *field = (const char *)(host ? (const void *)host : (const void *)&c->service) + s->offset;
    const struct strings *strings = field;
    switch (s->type) {
    case SETTING_DWORD:
        if (*(const uint32_t *)field >= s->minimum) /* else not set, and without a default of its own */
            text_add(out, "%u", *(const uint32_t *)field);
        break;
    case SETTING_CHOICE:
        text_add(out, "%s", s->words[*(const uint32_t *)field]);
        break;
    case SETTING_STRING:
    case SETTING_EXPAND:
        text_add(out, "%s", *(char *const *)field ? *(char *const *)field : "");
        break;
    case SETTING_STRINGS:
        for (size_t i = 0; i < strings->count; i++)
            text_add(out, "%s%s", i ? between(strings) : "", strings->items[i]);
        break;
    }
}

static void refuse_word(const struct setting *s, const char *word, const char *fault, struct text *problem)
{
    text_add(problem, "\"");
    text_add_escaped(problem, word, strlen(word));
    text_add(problem, "\" %s; allowed is ", fault);
    setting_allowed(s, problem);
}

static bool encode_number(const struct setting *s, const char *word, struct value *value, struct text *problem)
{
    unsigned long number;
    if (!text_number(word, 0xFFFFFFFFu, &number)) {
        refuse_word(s, word, "is not a number", problem);
        return false;
    }
    if (number < s->minimum || number > s->maximum) {
        text_add(problem, "%lu is out of range, ", number);
        setting_allowed(s, problem);
        return false;
    }
    value->size = 4;
    value->data = malloc(4);
    for (unsigned i = 0; value->data && i < 4; i++)
        value->data[i] = (unsigned char)(number >> 8 * i);
    return value->data || no_memory(problem);
}

/* UTF-16 of the words, each with its NUL, and one more NUL behind a list. */
static bool encode_words(const struct setting *s, const char *const *words, size_t count, struct value *value,
                         struct text *problem)
{
    size_t last = s->type == SETTING_STRINGS ? 2 : 0;
    value->size = last;
    for (size_t i = 0; i < count; i++)
        value->size += utf16_from_utf8(words[i], strlen(words[i]) + 1, NULL, 0);
    value->data = calloc(1, value->size + 1);
    if (!value->data)
        return no_memory(problem);
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        at += utf16_from_utf8(words[i], strlen(words[i]) + 1, value->data + at, value->size - at);
    return true;
}

bool setting_encode(const struct setting *s, const char *const *words, size_t count, struct value *value,
                    struct text *problem)
{
    *value = (struct value){.type = stored_type(s)};
    if (s->type != SETTING_STRINGS && count != 1) {
        text_add(problem, "takes one value, ");
        setting_allowed(s, problem);
        return false;
    }
    if (s->type == SETTING_DWORD)
        return encode_number(s, words[0], value, problem);
    uint32_t choice;
    if (s->type == SETTING_CHOICE && !apply_choice(&choice, s, words[0])) {
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
    return encode_words(s, words, count, value, problem);
}
