#include "outcome.h"

#include "text.h"

#include <string.h>

struct outcome_row {
    const char *name;
    enum consequence consequence;
    const char *meaning;
    const char *advice;
};

static const struct outcome_row outcomes[OUTCOME_COUNT] = {
    [OUTCOME_NONE] = {"none", FOLLOWS_NOTHING, "Not asked yet.", ""},
    [OUTCOME_STARTED] = {"started", FOLLOWS_SUCCESS, "The host starts delivering the mail that it holds.", ""},
    [OUTCOME_NOTHING_WAITING] = {"nothing-waiting", FOLLOWS_SUCCESS, "The host holds no mail for this node.", ""},
    [OUTCOME_PENDING] = {"pending", FOLLOWS_SUCCESS, "Mail is waiting, and the host starts delivering it.", ""},
    [OUTCOME_UNABLE_TO_QUEUE] =
        {"unable-to-queue", FOLLOWS_RETRY,
         "The host cannot start delivery now. Servers say this when they are busy, when they "
         "deny it, and when they hold no mail for the node.",
         "The service asks again by itself. If this lasts, ask the host's operator whether it holds mail for "
         "this node and lets this machine ask for it."},
    [OUTCOME_NOT_ALLOWED] = {"not-allowed", FOLLOWS_PERMANENT, "The host does not allow ETRN for this node.",
                             "Ask the host's operator to allow it for this node (Postfix: fast_flush_domains), or "
                             "check the node's spelling."},
    [OUTCOME_REFUSED] = {"refused", FOLLOWS_PERMANENT, "The host refuses.",
                         "Ask the host's operator whether this machine may use ETRN there."},
    [OUTCOME_TURNED_AWAY] = {"turned-away", FOLLOWS_PERMANENT, "The host does not serve this machine.",
                             "Ask the host's operator whether this machine's address may connect, and on which port."},
    [OUTCOME_NEEDS_SECURITY] = {"needs-security", FOLLOWS_PERMANENT,
                                "The host wants TLS or authentication before it accepts ETRN.",
                                "Set Tls to require for this host, and User if the host's operator gave you one."},
    [OUTCOME_NOT_OFFERED] = {"not-offered", FOLLOWS_PERMANENT, "The host does not offer ETRN.",
                             "If its operator says that ETRN works all the same, set ForceETRN to 1 for this host."},
    [OUTCOME_TEMPORARY] = {"temporary", FOLLOWS_PASSING, "The host cannot serve us now.",
                           "The service asks again by itself."},
    [OUTCOME_NO_ADDRESS] = {"no-address", FOLLOWS_PASSING, "The host's name has no address.",
                            "Check the name, and this machine's DNS servers."},
    [OUTCOME_NO_CONNECTION] = {"no-connection", FOLLOWS_PASSING, "No connection to the host.",
                               "Check the host's name and port, the line, and firewalls on the way."},
    [OUTCOME_TIMED_OUT] = {"timed-out", FOLLOWS_PASSING, "The host did not answer in time.",
                           "The service asks again by itself. If this lasts, look for a firewall that inspects SMTP."},
    [OUTCOME_LOST] = {"lost", FOLLOWS_PASSING, "The connection ended before the reply.",
                      "The service asks again by itself."},
    [OUTCOME_BROKEN] = {"broken", FOLLOWS_PASSING, "What the host sent is not proper SMTP.",
                        "Check that a mail server listens on this port; tell its operator what was wrong."},
    [OUTCOME_NO_TLS] =
        {"no-tls", FOLLOWS_PERMANENT, "TLS with a verified certificate is required by the settings, and cannot be had.",
         "Nothing was asked. A private certificate can be named in TlsFingerprint; set Tls to may or none "
         "only if the line needs no protection."},
    [OUTCOME_NO_AUTH] = {"no-auth", FOLLOWS_PERMANENT,
                         "Authentication is required by the settings (User) and cannot be had.",
                         "Check User, and set the password again: etrnctl config set Password --host HOST. It is sent "
                         "only to a host whose TLS certificate is verified, unless AuthInClear is 1."},
    [OUTCOME_NO_WAKE] = {"no-wake", FOLLOWS_PASSING, "The host to wake did not answer PING.",
                         "Check the line and WakeHost; where PING is dropped on the way, set WakeRequired to 0."},
    [OUTCOME_NO_SERVICE] = {"no-service", FOLLOWS_PASSING, "The service to run meanwhile could not be started.",
                            "Check RunService, and whether EtrnSvc may start it."},
    [OUTCOME_PROGRAM_FAILED] = {"program-failed", FOLLOWS_PASSING, "The program failed.",
                                "Run it by hand, and look at what it says."},
    [OUTCOME_BAD_NODE] = {"bad-node", FOLLOWS_PERMANENT, "This cannot be sent as an ETRN argument.",
                          "Correct it in Domains: a domain, @domain or #queue."},
    [OUTCOME_LOCAL] = {"local", FOLLOWS_PASSING, "This machine could not make the connection.",
                       "Look at its memory and network."},
    [OUTCOME_CANCELLED] = {"cancelled", FOLLOWS_NOTHING, "Not asked: stopped or disabled meanwhile.", ""},
};

/* What one reply code says more than its outcome does; NULL leaves the outcome's own sentence. */
struct reply_row {
    int code;
    enum outcome outcome;
    const char *meaning;
    const char *advice;
};

static const struct reply_row replies[] = {
    {250, OUTCOME_STARTED, "Mail that waits for this node is now being sent to its mail server.", NULL},
    {251, OUTCOME_NOTHING_WAITING, "ETRN works here, and no mail is waiting for this node.", NULL},
    {252, OUTCOME_PENDING, "Mail is waiting for this node, and is now being sent to its mail server.", NULL},
    {253, OUTCOME_PENDING, "Mail is waiting for this node, and is now being sent to its mail server.", NULL},
    {421, OUTCOME_TEMPORARY, "The host is closing the connection: busy, or shutting down.", NULL},
    {450, OUTCOME_TEMPORARY, "The host cannot do this now.", NULL},
    {451, OUTCOME_TEMPORARY, "The host met a local error.", NULL},
    {458, OUTCOME_UNABLE_TO_QUEUE, NULL, NULL},
    {459, OUTCOME_NOT_ALLOWED, NULL, NULL},
    {500, OUTCOME_REFUSED, "The host does not know the ETRN command.",
     "ETRN is not to be had at this host; ask its operator for another way to fetch mail."},
    {501, OUTCOME_REFUSED, "The host does not accept this node as an argument.",
     "Check the node. Exim by default takes only #node; try it with # before the domain."},
    {502, OUTCOME_REFUSED, "The host is not configured to accept ETRN commands.",
     "Ask the host's operator to allow ETRN for this machine."},
    {503, OUTCOME_REFUSED, "The host wants something else first.",
     "Ask its operator what must come before ETRN: often it is authentication."},
    {504, OUTCOME_REFUSED, "The host does not implement this form of argument.",
     "Ask the host's operator which form it takes: domain, @domain or #queue."},
    {530, OUTCOME_NEEDS_SECURITY, NULL, NULL},
    {550, OUTCOME_REFUSED, "The host denies this.", NULL},
    {554, OUTCOME_REFUSED, "The host rejects ETRN from this machine.",
     "Ask its operator to allow this machine's address (Postfix: smtpd_etrn_restrictions)."},
};

/* RFC 4954 section 6, and what servers mean by them. */
static const struct reply_row auth_replies[] = {
    {504, OUTCOME_NO_AUTH, "The host does not take the mechanism that it offers.",
     "Ask the host's operator by which mechanism this machine is to authenticate."},
    {530, OUTCOME_NO_AUTH, "The host wants TLS before AUTH.", "Set Tls to require."},
    {534, OUTCOME_NO_AUTH, "The host wants a stronger mechanism for this user.",
     "Ask the host's operator by which mechanism this machine is to authenticate."},
    {535, OUTCOME_NO_AUTH, "The host does not accept User and its password.",
     "Check User, and set the password again: etrnctl config set Password --host HOST."},
    {538, OUTCOME_NO_AUTH, "The host wants TLS before AUTH.", "Set Tls to require."},
};

static const struct reply_row *find_reply(int code)
{
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (replies[i].code == code)
            return &replies[i];
    return NULL;
}

static const struct {
    const char *name, *meaning;
} channels[] = {
    [CHANNEL_NONE] = {"none", ""},
    [CHANNEL_CLEAR] = {"clear", ""},
    [CHANNEL_CLEAR_NOT_OFFERED] = {"clear-not-offered", "in clear: STARTTLS is not offered"},
    [CHANNEL_CLEAR_REFUSED] = {"clear-refused", "in clear: STARTTLS is refused"},
    [CHANNEL_CLEAR_FAILED] = {"clear-failed", "in clear: the TLS handshake failed"},
    [CHANNEL_TLS_UNVERIFIED] = {"tls-unverified", "over TLS, certificate not verified"},
    [CHANNEL_TLS] = {"tls", ""},
};

const char *channel_name(enum channel channel)
{
    return channels[channel].name;
}

const char *channel_meaning(enum channel channel)
{
    return channels[channel].meaning;
}

const char *outcome_name(enum outcome outcome)
{
    return outcomes[outcome].name;
}

enum consequence outcome_consequence(enum outcome outcome)
{
    return outcomes[outcome].consequence;
}

enum outcome outcome_of_etrn(int code)
{
    const struct reply_row *row = find_reply(code);
    if (row)
        return row->outcome;
    switch (code / 100) {
    case 2:
        return OUTCOME_STARTED; /* RFC 5321 4.2.1: the first digit decides where the rest is unknown */
    case 4:
        return OUTCOME_TEMPORARY;
    case 5:
        return OUTCOME_REFUSED;
    default:
        return OUTCOME_BROKEN;
    }
}

enum outcome outcome_of_refusal(int code)
{
    switch (code / 100) {
    case 4:
        return OUTCOME_TEMPORARY;
    case 5:
        return code == 530 ? OUTCOME_NEEDS_SECURITY : OUTCOME_TURNED_AWAY;
    default:
        return OUTCOME_BROKEN;
    }
}

enum outcome outcome_of_auth(int code)
{
    switch (code / 100) {
    case 4:
        return OUTCOME_TEMPORARY;
    case 5:
        return OUTCOME_NO_AUTH;
    default:
        return OUTCOME_BROKEN;
    }
}

/* The row that explains the result's code, if the code is what led to its outcome. */
static const struct reply_row *explains(const struct result *result)
{
    for (size_t i = 0; i < sizeof auth_replies / sizeof auth_replies[0]; i++)
        if (auth_replies[i].code == result->code && auth_replies[i].outcome == result->outcome)
            return &auth_replies[i];
    const struct reply_row *row = find_reply(result->code);
    return row && row->outcome == result->outcome ? row : NULL;
}

const char *outcome_meaning(const struct result *result)
{
    const struct reply_row *row = explains(result);
    return row && row->meaning ? row->meaning : outcomes[result->outcome].meaning;
}

const char *outcome_advice(const struct result *result)
{
    const struct reply_row *row = explains(result);
    return row && row->advice ? row->advice : outcomes[result->outcome].advice;
}

/* The first number behind the reply code that stands alone and directly precedes "pending", or 0. */
static uint32_t pending_messages(const char *text)
{
    for (const char *at = text; *at; at++) {
        uint32_t number = 0;
        size_t digits = strspn(at, "0123456789");
        if (digits == 0)
            continue;
        bool alone = at > text && at[-1] == ' ';
        for (size_t i = 0; i < digits && i < 9; i++)
            number = number * 10 + (uint32_t)(at[i] - '0');
        if (alone && digits <= 9 && strncmp(at + digits, " pending", 8) == 0)
            return number;
        at += digits - 1;
    }
    return 0;
}

void result_set(struct result *result, enum outcome outcome, int code, const char *text)
{
    struct text shown;
    text_begin(&shown, result->text, sizeof result->text);
    result->outcome = outcome;
    result->channel = CHANNEL_NONE;
    result->code = code;
    result->messages = 0;
    if (!text)
        return;
    text_add_escaped(&shown, text, strlen(text));
    if (outcome == OUTCOME_PENDING)
        result->messages = pending_messages(text);
}
