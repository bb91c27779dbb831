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
    [OUTCOME_STARTED] = {"started", FOLLOWS_SUCCESS, "The host has started to deliver the waiting mail.", ""},
    [OUTCOME_NOTHING_WAITING] = {"nothing-waiting", FOLLOWS_SUCCESS, "No mail is waiting for this domain.", ""},
    [OUTCOME_PENDING] = {"pending", FOLLOWS_SUCCESS, "Mail is waiting, and the host has started to deliver it.", ""},
    [OUTCOME_UNABLE_TO_QUEUE] =
        {"unable-to-queue", FOLLOWS_RETRY,
         "The host cannot start delivery now. It may be busy, may not permit the request, or may hold no mail for this "
         "domain.",
         "The service tries again automatically. If this persists, ask the host's operator whether the host holds mail "
         "for this domain and permits requests from this computer."},
    [OUTCOME_NOT_ALLOWED] =
        {"not-allowed", FOLLOWS_PERMANENT, "The host does not permit ETRN for this domain.",
         "Ask the host's operator to permit it (Postfix: fast_flush_domains), or check the spelling of the domain."},
    [OUTCOME_REFUSED] = {"refused", FOLLOWS_PERMANENT, "The host refused the request.",
                         "Ask the host's operator whether this computer may use ETRN there."},
    [OUTCOME_TURNED_AWAY] = {"turned-away", FOLLOWS_PERMANENT, "The host refuses connections from this computer.",
                             "Ask the host's operator whether this computer's address may connect, and on which port."},
    [OUTCOME_NEEDS_SECURITY] = {"needs-security", FOLLOWS_PERMANENT,
                                "The host requires TLS or authentication before it accepts ETRN.",
                                "Set Tls to require for this host, and set User if its operator gave you a user name."},
    [OUTCOME_NOT_OFFERED] = {"not-offered", FOLLOWS_PERMANENT, "The host does not offer ETRN.",
                             "If its operator confirms that ETRN works there, set ForceETRN to 1 for this host."},
    [OUTCOME_TEMPORARY] = {"temporary", FOLLOWS_PASSING, "The host cannot process the request now.",
                           "The service tries again automatically."},
    [OUTCOME_NO_ADDRESS] = {"no-address", FOLLOWS_PASSING, "The host's name could not be resolved.",
                            "Check the name, and the DNS servers of this computer."},
    [OUTCOME_NO_CONNECTION] = {"no-connection", FOLLOWS_PASSING, "The connection to the host failed.",
                               "Check the host's name and port, the network connection, and any firewalls."},
    [OUTCOME_TIMED_OUT] =
        {"timed-out", FOLLOWS_PASSING, "The host did not respond in time.",
         "The service tries again automatically. If this persists, look for a firewall that inspects SMTP."},
    [OUTCOME_LOST] = {"lost", FOLLOWS_PASSING, "The connection was closed before the host replied.",
                      "The service tries again automatically."},
    [OUTCOME_BROKEN] = {"broken", FOLLOWS_PASSING, "The host's response is not valid SMTP.",
                        "Check that a mail server listens on this port. If it does, report the error to its operator."},
    [OUTCOME_NO_TLS] = {"no-tls", FOLLOWS_PERMANENT,
                        "The settings require TLS with a verified certificate, which could not be established.",
                        "If the host uses a private certificate, set TlsFingerprint. Set Tls to may or none only if "
                        "the connection needs no protection."},
    [OUTCOME_NO_AUTH] = {"no-auth", FOLLOWS_PERMANENT, "The settings require authentication (User), which failed.",
                         "Check User, and set the password again: etrnctl config set Password --host HOST. The "
                         "password is sent only to a host whose TLS certificate is verified, unless AuthInClear is 1."},
    [OUTCOME_NO_WAKE] = {"no-wake", FOLLOWS_PASSING, "WakeHost did not answer PING.",
                         "Check the line and WakeHost. If PING is blocked on the way, set WakeRequired to 0."},
    [OUTCOME_NO_SERVICE] =
        {"no-service", FOLLOWS_PASSING, "The service named in RunService could not be started.",
         "Check the name. To permit EtrnSvc to start that service, set RunService again: etrnctl config set "
         "RunService NAME --host HOST."},
    [OUTCOME_PROGRAM_FAILED] = {"program-failed", FOLLOWS_PASSING, "The command in Program failed.",
                                "Run it manually and check its output."},
    [OUTCOME_BAD_NODE] = {"bad-node", FOLLOWS_PERMANENT, "This value cannot be sent as an ETRN argument.",
                          "Correct it in Domains. Allowed are a domain, @domain and #queue."},
    [OUTCOME_LOCAL] =
        {"local", FOLLOWS_PASSING, "This computer could not make the connection.",
         "Check LocalAddress, if it is set, and the network connection and free memory of this computer."},
    [OUTCOME_CANCELLED] = {"cancelled", FOLLOWS_NOTHING,
                           "Cancelled, because the service was stopped or ETRN was disabled.", ""},
};

/* The meaning of a reply code that says more than its outcome; NULL leaves the sentence of the outcome. */
struct reply_row {
    int code;
    enum outcome outcome;
    const char *meaning;
    const char *advice;
};

static const struct reply_row replies[] = {
    {250, OUTCOME_STARTED, "The host has started to deliver the mail waiting for this domain.", NULL},
    {251, OUTCOME_NOTHING_WAITING, "ETRN works, and no mail is waiting for this domain.", NULL},
    {252, OUTCOME_PENDING, "Mail is waiting for this domain, and the host has started to deliver it.", NULL},
    {253, OUTCOME_PENDING, "Mail is waiting for this domain, and the host has started to deliver it.", NULL},
    {421, OUTCOME_TEMPORARY, "The host is busy or shutting down, and closed the connection.", NULL},
    {450, OUTCOME_TEMPORARY, "The host cannot process the request now.", NULL},
    {451, OUTCOME_TEMPORARY, "A local error occurred on the host.", NULL},
    {458, OUTCOME_UNABLE_TO_QUEUE, NULL, NULL},
    {459, OUTCOME_NOT_ALLOWED, NULL, NULL},
    {500, OUTCOME_REFUSED, "The host does not know the ETRN command.",
     "This host does not support ETRN. Ask its operator for another way to retrieve mail."},
    {501, OUTCOME_REFUSED, "The host does not accept this domain as an argument.",
     "Check the spelling. By default Exim accepts only arguments that begin with #: put # before the domain."},
    {502, OUTCOME_REFUSED, "The host is not configured to accept ETRN.",
     "Ask the host's operator to permit ETRN for this computer."},
    {503, OUTCOME_REFUSED, "The host requires another command first.",
     "Ask the host's operator what must precede ETRN; often it is authentication."},
    {504, OUTCOME_REFUSED, "The host does not support this form of argument.",
     "Ask the host's operator which form it accepts: domain, @domain or #queue."},
    {530, OUTCOME_NEEDS_SECURITY, NULL, NULL},
    {550, OUTCOME_REFUSED, "The host denied the request.", NULL},
    {554, OUTCOME_REFUSED, "The host rejects ETRN from this computer.",
     "Ask the host's operator to permit this computer's address (Postfix: smtpd_etrn_restrictions)."},
};

/* RFC 4954 section 6, and how servers use them. */
static const struct reply_row auth_replies[] = {
    {504, OUTCOME_NO_AUTH, "The host rejected an authentication mechanism that it offers.",
     "Ask the host's operator which mechanism this computer should use."},
    {530, OUTCOME_NO_AUTH, "The host requires TLS before authentication.", "Set Tls to require for this host."},
    {534, OUTCOME_NO_AUTH, "The host requires a stronger authentication mechanism for this user.",
     "Ask the host's operator which mechanism this computer should use."},
    {535, OUTCOME_NO_AUTH, "The host rejected the user name or the password.",
     "Check User, and set the password again: etrnctl config set Password --host HOST."},
    {538, OUTCOME_NO_AUTH, "The host requires TLS before authentication.", "Set Tls to require for this host."},
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
    [CHANNEL_CLEAR_NOT_OFFERED] = {"clear-not-offered", "not encrypted: STARTTLS is not offered"},
    [CHANNEL_CLEAR_REFUSED] = {"clear-refused", "not encrypted: STARTTLS was refused"},
    [CHANNEL_CLEAR_FAILED] = {"clear-failed", "not encrypted: the TLS handshake failed"},
    [CHANNEL_TLS_UNVERIFIED] = {"tls-unverified", "encrypted, certificate not verified"},
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
        return OUTCOME_STARTED; /* RFC 5321 4.2.1: the first digit decides if the rest is unknown */
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

/* Returns the row that explains the result's code, if the code led to its outcome. */
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

/* Returns the first separate number after the reply code that directly precedes "pending", or 0. */
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
