#include "tls_words.h"

static const struct status_words {
    DWORD status;
    const char *words;
} status_words[] = {
    {(DWORD)SEC_E_UNSUPPORTED_FUNCTION, "no TLS version is supported by both sides (this computer: 1.2 and 1.3)"},
    {(DWORD)SEC_E_ALGORITHM_MISMATCH, "no cipher is supported by both sides"},
    {(DWORD)SEC_E_ILLEGAL_MESSAGE, "the host sent an invalid TLS message or an alert"},
    {(DWORD)SEC_E_INVALID_TOKEN, "the host's response is not TLS"},
    {(DWORD)SEC_E_DECRYPT_FAILURE, "the host's data cannot be decrypted"},
    {(DWORD)SEC_E_MESSAGE_ALTERED, "the host's data was altered in transit"},
    {(DWORD)SEC_E_INTERNAL_ERROR, "Windows could not negotiate TLS with the host"},
    {(DWORD)SEC_E_INSUFFICIENT_MEMORY, "not enough memory"},
};

void tls_add_status(struct text *t, DWORD status)
{
    for (size_t i = 0; i < ARRAYSIZE(status_words); i++)
        if (status_words[i].status == status) {
            text_add(t, "%s", status_words[i].words);
            return;
        }
    text_add_error(t, status);
}

/* The alerts of RFC 8446 section 6.2 that a host sends in a handshake. */
static const struct alert {
    unsigned char code;
    const char *name;
} alerts[] = {
    {10, "unexpected_message"},     {20, "bad_record_mac"},
    {22, "record_overflow"},        {40, "handshake_failure"},
    {42, "bad_certificate"},        {43, "unsupported_certificate"},
    {47, "illegal_parameter"},      {48, "unknown_ca"},
    {49, "access_denied"},          {50, "decode_error"},
    {51, "decrypt_error"},          {70, "protocol_version"},
    {71, "insufficient_security"},  {80, "internal_error"},
    {86, "inappropriate_fallback"}, {109, "missing_extension"},
    {110, "unsupported_extension"}, {112, "unrecognized_name"},
    {116, "certificate_required"},  {120, "no_application_protocol"},
};

void tls_add_alert(struct text *t, unsigned char code)
{
    for (size_t i = 0; i < ARRAYSIZE(alerts); i++)
        if (alerts[i].code == code) {
            text_add(t, "%s", alerts[i].name);
            return;
        }
    text_add(t, "number %u", code);
}
