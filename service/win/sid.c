#include "sid.h"

#include "digest.h"

#include <wchar.h>

enum { SHA1_SIZE = 20, NAME_LIMIT = 256 /* characters of a service's name, winsvc.h */ };

bool service_sid(const wchar_t *name, wchar_t text[SERVICE_SID_TEXT])
{
    wchar_t capitals[NAME_LIMIT];
    unsigned char digest[SHA1_SIZE];
    int length = LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_UPPERCASE, name, (int)wcslen(name), capitals, NAME_LIMIT,
                               NULL, NULL, 0);
    if (length <= 0 || !digest_sha1(capitals, (size_t)length * sizeof *capitals, digest))
        return false;
    int used = swprintf(text, SERVICE_SID_TEXT, L"S-1-5-80");
    for (size_t i = 0; i < SHA1_SIZE; i += 4) {
        uint32_t number = (uint32_t)digest[i] | (uint32_t)digest[i + 1] << 8 | (uint32_t)digest[i + 2] << 16 |
                          (uint32_t)digest[i + 3] << 24;
        used += swprintf(text + used, SERVICE_SID_TEXT - (size_t)used, L"-%lu", (unsigned long)number);
    }
    return true;
}
