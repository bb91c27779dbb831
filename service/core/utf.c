#include "utf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t replacement = 0xFFFD;

/* ---- one character ---- */

static uint32_t decode(const char *bytes, size_t length)
{
    uint32_t c = length == 1 ? (unsigned char)bytes[0] : (unsigned char)bytes[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        c = c << 6 | ((unsigned char)bytes[i] & 0x3F);
    return c;
}

size_t utf8_length(const char *bytes, size_t count)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = count > 0 ? (unsigned char)bytes[0] : 0xFF;
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length > count)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)bytes[i] & 0xC0) != 0x80)
            return 0;
    uint32_t c = decode(bytes, length);
    bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    return c < least[length] || surrogate || c > 0x10FFFF ? 0 : length;
}

size_t utf8_encode(uint32_t c, char octets[4])
{
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t count = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--, c >>= 6)
        octets[i] = (char)(0x80 | (c & 0x3F));
    octets[0] = (char)(leads[count] | c);
    return count;
}

/* ---- whole texts ---- */

/* Writes `count` octets if they fit as a whole, and counts them in any case. */
static size_t put(char *out, size_t size, size_t at, const void *octets, size_t count)
{
    if (out != NULL && at + count <= size)
        memcpy(out + at, octets, count);
    return at + count;
}

static size_t put_utf8(char *out, size_t size, size_t at, uint32_t c)
{
    char octets[4];
    size_t count = utf8_encode(c, octets);
    return put(out, size, at, octets, count);
}

static size_t put_utf16(char *out, size_t size, size_t at, uint32_t c)
{
    bool pair = c >= 0x10000;
    uint32_t first = pair ? 0xD800 | (c - 0x10000) >> 10 : c;
    uint32_t second = 0xDC00 | (c & 0x3FF);
    unsigned char octets[4] = {(unsigned char)(first & 0xFF), (unsigned char)(first >> 8),
                               (unsigned char)(second & 0xFF), (unsigned char)(second >> 8)};
    return put(out, size, at, octets, pair ? 4 : 2);
}

size_t utf16_from_utf8(const char *utf8, size_t octets, void *out, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < octets;) {
        size_t length = utf8_length(utf8 + i, octets - i);
        at = put_utf16(out, size, at, length > 0 ? decode(utf8 + i, length) : replacement);
        i += length > 0 ? length : 1;
    }
    return at;
}

static uint32_t unit_at(const unsigned char *utf16, size_t octet)
{
    return (uint32_t)(utf16[octet] | utf16[octet + 1] << 8);
}

size_t utf8_from_utf16(const void *utf16, size_t octets, char *out, size_t size)
{
    const unsigned char *from = utf16;
    size_t at = 0;
    for (size_t i = 0; i + 1 < octets; i += 2) {
        uint32_t c = unit_at(from, i);
        uint32_t next = i + 3 < octets ? unit_at(from, i + 2) : 0;
        if (c >= 0xD800 && c <= 0xDBFF && next >= 0xDC00 && next <= 0xDFFF) {
            c = 0x10000 + ((c & 0x3FF) << 10) + (next & 0x3FF);
            i += 2;
        } else if (c >= 0xD800 && c <= 0xDFFF) {
            c = replacement;
        }
        at = put_utf8(out, size, at, c);
    }
    return at;
}

void *utf16_copy(const char *utf8, size_t octets, size_t *size)
{
    size_t needed = utf16_from_utf8(utf8, octets, NULL, 0);
    void *utf16 = malloc(needed > 0 ? needed : 1);
    if (utf16)
        *size = utf16_from_utf8(utf8, octets, utf16, needed);
    return utf16;
}

char *utf8_copy(const void *utf16, size_t octets, size_t *size)
{
    size_t needed = utf8_from_utf16(utf16, octets, NULL, 0);
    char *utf8 = malloc(needed + 1);
    if (!utf8)
        return NULL;
    *size = utf8_from_utf16(utf16, octets, utf8, needed);
    utf8[needed] = '\0';
    return utf8;
}
