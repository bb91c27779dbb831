#include "win.h"

#include "../core/utf.h"

#include <stdlib.h>
#include <wchar.h>

wchar_t *wide_copy(const char *utf8)
{
    size_t size;
    wchar_t *wide = utf16_copy(utf8, strlen(utf8) + 1, &size);
    if (!wide)
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return wide;
}

char *narrow_copy(const wchar_t *wide)
{
    size_t size;
    char *utf8 = utf8_copy(wide, wcslen(wide) * sizeof *wide, &size);
    if (!utf8)
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return utf8;
}

void text_add_wide(struct text *t, const wchar_t *wide)
{
    char *utf8 = narrow_copy(wide);
    if (utf8)
        text_add(t, "%s", utf8);
    free(utf8);
}

struct error_words {
    DWORD error;
    const char *words;
};

static const struct error_words known_errors[] = {
    {WSAECONNREFUSED, "connection refused"},
    {ERROR_CONNECTION_REFUSED, "connection refused"},
    {WSAECONNRESET, "connection reset by the host"},
    {ERROR_NETNAME_DELETED, "connection reset by the host"},
    {WSAECONNABORTED, "connection aborted"},
    {ERROR_CONNECTION_ABORTED, "connection aborted"},
    {WSAETIMEDOUT, "no reply"},
    {ERROR_SEM_TIMEOUT, "no reply"},
    {WSAENETUNREACH, "network unreachable"},
    {ERROR_NETWORK_UNREACHABLE, "network unreachable"},
    {WSAEHOSTUNREACH, "host unreachable"},
    {ERROR_HOST_UNREACHABLE, "host unreachable"},
    {WSAEACCES, "blocked by the firewall of this computer"},
    {WSAHOST_NOT_FOUND, "no such name in DNS"},
    {WSANO_DATA, "the name has no address in DNS"},
    {WSATRY_AGAIN, "no reply from DNS"},
    {WSANO_RECOVERY, "DNS failed"},
    {DNS_ERROR_RCODE_SERVER_FAILURE, "the name server failed"},
    {DNS_ERROR_RCODE_REFUSED, "the name server refused"},
    {ERROR_TIMEOUT, "no reply in time"},
    {ERROR_ACCESS_DENIED, "access denied"},
    {ERROR_INVALID_OWNER, "this folder was created by a user who is not an administrator; delete it"},
    {ERROR_NOT_ENOUGH_MEMORY, "not enough memory"},
    {ERROR_SERVICE_DOES_NOT_EXIST, "no such service"},
};

void text_add_error(struct text *t, DWORD error)
{
    for (size_t i = 0; i < sizeof known_errors / sizeof known_errors[0]; i++)
        if (known_errors[i].error == error) {
            text_add(t, "%s", known_errors[i].words);
            return;
        }
    wchar_t words[256];
    DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    DWORD length = FormatMessageW(flags, NULL, error, 0, words, ARRAYSIZE(words), NULL);
    while (length > 0 && (words[length - 1] == L' ' || words[length - 1] == L'.'))
        words[--length] = L'\0';
    if (length > 0)
        text_add_wide(t, words);
    text_add(t, "%serror %lu%s", length > 0 ? " (" : "", error, length > 0 ? ")" : "");
}

int64_t utc_ms_of(const FILETIME *time)
{
    int64_t ticks = (int64_t)((uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime);
    return ticks / 10000 - 11644473600000; /* 100 ns since 1601 to ms since 1970 */
}

int64_t utc_now_ms(void)
{
    FILETIME filetime;
    GetSystemTimePreciseAsFileTime(&filetime);
    return utc_ms_of(&filetime);
}
