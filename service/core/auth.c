#include "auth.h"

#include "hex.h"
#include "text.h"
#include "utf.h"
#include "wipe.h"

#include <string.h>

enum {
    CHALLENGE_LIMIT = 3072, /* octets; no longer reply line is accepted */
    ANSWER_LIMIT = AUTH_MESSAGE_LIMIT,
    ECHO_LENGTH = 6
};

static const char *const names[] = {
    [AUTH_NONE] = "", [AUTH_PLAIN] = "PLAIN", [AUTH_LOGIN] = "LOGIN", [AUTH_CRAM_MD5] = "CRAM-MD5"};

const char *auth_name(enum auth_mechanism mechanism)
{
    return names[mechanism];
}

const char *auth_password_fault(const char *password, size_t size)
{
    if (size == 0)
        return "is empty";
    if (size > AUTH_PASSWORD_LIMIT)
        return "is too long";
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(password + i, size - i);
        if (length == 0)
            return "is not UTF-8";
        if ((unsigned char)password[i] < 0x20 || password[i] == 0x7F)
            return "contains a control character"; /* forbidden by RFC 4013 2.3, and not typed by any keyboard */
    }
    return NULL;
}

/* ---- choice of a mechanism ---- */

static unsigned mechanism_bit(const char *word, size_t length)
{
    char name[sizeof "CRAM-MD5"];
    if (length >= sizeof name)
        return 0;
    memcpy(name, word, length);
    name[length] = '\0';
    for (unsigned m = AUTH_PLAIN; m <= AUTH_CRAM_MD5; m++)
        if (text_same(name, names[m]))
            return 1u << m;
    return 0;
}

unsigned auth_offer(const char *capability)
{
    char keyword[sizeof "AUTH"];
    size_t length = strcspn(capability, " =");
    if (length >= sizeof keyword)
        return 0;
    memcpy(keyword, capability, length);
    keyword[length] = '\0';
    if (!text_same(keyword, "AUTH"))
        return 0;
    unsigned offered = 1u << AUTH_NONE;
    for (const char *word = capability + length; *word; word += length) {
        word += strspn(word, " =");
        length = strcspn(word, " ");
        offered |= mechanism_bit(word, length);
    }
    return offered;
}

enum auth_mechanism auth_choose(unsigned offered, bool secured, const struct auth_credentials *who)
{
    static const enum auth_mechanism orders[2][3] = {{AUTH_CRAM_MD5, AUTH_PLAIN, AUTH_LOGIN},
                                                     {AUTH_PLAIN, AUTH_LOGIN, AUTH_CRAM_MD5}};
    for (size_t i = 0; i < 3; i++) {
        enum auth_mechanism m = orders[secured][i];
        if (offered & 1u << m && (m != AUTH_CRAM_MD5 || who->hmac_md5))
            return m;
    }
    return AUTH_NONE;
}

/* ---- messages ---- */

/* RFC 4616 section 2: NUL, user, NUL, password, without an authorization identity. Returns the number of octets, 0 if
 * user or password is too long. */
static size_t plain_message(const struct auth_credentials *who, char message[AUTH_MESSAGE_LIMIT])
{
    size_t user = strlen(who->user);
    size_t password = strlen(who->password);
    if (user > AUTH_USER_LIMIT || password > AUTH_PASSWORD_LIMIT)
        return 0;
    message[0] = message[user + 1] = '\0';
    memcpy(message + 1, who->user, user);
    memcpy(message + user + 2, who->password, password);
    return user + password + 2;
}

static bool plain_line(const struct auth_credentials *who, char line[AUTH_LINE_SIZE])
{
    char message[AUTH_MESSAGE_LIMIT];
    size_t size = plain_message(who, message);
    bool fits = size > 0 && base64_encode(message, size, line, AUTH_LINE_SIZE);
    wipe(message, sizeof message);
    return fits;
}

bool auth_begin(struct auth *a, enum auth_mechanism mechanism, const struct auth_credentials *who,
                char line[AUTH_LINE_SIZE])
{
    char response[AUTH_LINE_SIZE] = "";
    struct text t;
    *a = (struct auth){.who = who, .mechanism = mechanism};
    bool initial = mechanism == AUTH_PLAIN && plain_line(who, response);
    text_begin(&t, line, AUTH_LINE_SIZE);
    text_add(&t, "AUTH %s", names[mechanism]);
    if (initial && t.length + 1 + strlen(response) <= AUTH_COMMAND_LIMIT) {
        text_add(&t, " %s", response);
        a->answers = 1;
    }
    wipe(response, sizeof response);
    return a->answers > 0;
}

/* ---- answers to challenges ---- */

static const char unexpected[] = "the host requested more data than the mechanism provides";
static const char too_long[] = "the user name or the password is too long";

static const char *answer_plain(struct auth *a, size_t size, char line[AUTH_LINE_SIZE])
{
    if (a->answers > 1 || size > 0)
        return unexpected;
    return plain_line(a->who, line) ? NULL : too_long;
}

/* The challenges are text for a person, "Username:" and "Password:", in any language: only their order is reliable. */
static const char *answer_login(struct auth *a, char line[AUTH_LINE_SIZE])
{
    if (a->answers > 2)
        return unexpected;
    const char *answer = a->answers == 1 ? a->who->user : a->who->password;
    return base64_encode(answer, strlen(answer), line, AUTH_LINE_SIZE) ? NULL : too_long;
}

/* RFC 2195 section 2: user, space, and the keyed digest of the challenge. */
static bool cram_line(const struct auth *a, char line[AUTH_LINE_SIZE])
{
    char answer[ANSWER_LIMIT];
    struct text t;
    text_begin(&t, answer, sizeof answer);
    text_add(&t, "%s %s", a->who->user, a->digest);
    bool fits = !t.cut && base64_encode(answer, t.length, line, AUTH_LINE_SIZE);
    wipe(answer, sizeof answer);
    return fits;
}

static const char *answer_cram(struct auth *a, const char *challenge, size_t size, char line[AUTH_LINE_SIZE])
{
    unsigned char digest[16];
    struct text t;
    if (a->answers > 1)
        return unexpected;
    if (size == 0)
        return "the host's challenge is empty";
    if (!a->who->hmac_md5(a->who->password, strlen(a->who->password), challenge, size, digest))
        return "this computer cannot compute HMAC-MD5";
    text_begin(&t, a->digest, sizeof a->digest);
    hex_add(&t, digest, sizeof digest, "");
    wipe(digest, sizeof digest);
    return cram_line(a, line) ? NULL : too_long;
}

const char *auth_answer(struct auth *a, const char *challenge, char line[AUTH_LINE_SIZE])
{
    char octets[CHALLENGE_LIMIT];
    size_t size;
    if (!base64_decode(challenge, strlen(challenge), octets, sizeof octets, &size))
        return "the host's challenge is not base64";
    a->answers++;
    switch (a->mechanism) {
    case AUTH_PLAIN:
        return answer_plain(a, size, line);
    case AUTH_LOGIN:
        return answer_login(a, line);
    case AUTH_CRAM_MD5:
        return answer_cram(a, octets, size, line);
    case AUTH_NONE:
        break;
    }
    return unexpected;
}

/* ---- removal of secrets from replies ---- */

static bool same_letters(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] - 'A' + 'a') : a[i];
        char y = b[i] >= 'A' && b[i] <= 'Z' ? (char)(b[i] - 'A' + 'a') : b[i];
        if (x != y)
            return false;
    }
    return true;
}

/* Whether the line contains `run` consecutive characters of the secret, or the whole secret if it is shorter. */
static bool holds(const char *line, size_t length, const char *secret, size_t run)
{
    size_t size = strlen(secret);
    if (size == 0)
        return false;
    if (run > size)
        run = size;
    for (size_t at = 0; at + run <= length; at++)
        for (size_t from = 0; from + run <= size; from++)
            if (same_letters(line + at, secret + from, run))
                return true;
    return false;
}

bool auth_echoed(const struct auth *a, const char *line, size_t length, bool parts)
{
    char encoded[AUTH_LINE_SIZE];
    const char *password = a->who->password;
    size_t run = parts ? ECHO_LENGTH : AUTH_LINE_SIZE;
    bool found = holds(line, length, password, run) || holds(line, length, a->digest, run);
    if (base64_encode(password, strlen(password), encoded, sizeof encoded))
        found = found || holds(line, length, encoded, run);
    if (plain_line(a->who, encoded))
        found = found || holds(line, length, encoded, run);
    if (*a->digest && cram_line(a, encoded))
        found = found || holds(line, length, encoded, run);
    wipe(encoded, sizeof encoded);
    return found;
}
