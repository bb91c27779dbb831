#include "utf.h"

#include "text.h"

#include <stdint.h>
#include <string.h>

static const uint32_t replacement = 0xFFFD;

/* Adds `count` octets to what was written when they fit as a whole, and counts them in any case. */
static size_t put(char *out, size_t size, size_t at, const unsigned char *octets, size_t count)
{
    if (at + count <= size)
        memcpy(out + at, octets, count);
    return at + count;
}

static size_t put_utf8(char *out, size_t size, size_t at, uint32_t c)
{
    unsigned char octets[4];
    if (c < 0x80) {
        octets[0] = (unsigned char)c;
        return put(out, size, at, octets, 1);
    }
    size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = count - 1; i > 0; i--, c >>= 6)
        octets[i] = (unsigned char)(0x80 | (c & 0x3F));
    octets[0] = (unsigned char)(leads[count] | c);
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
        size_t length = text_utf8_length(utf8 + i, octets - i);
        uint32_t c = replacement;
        if (length == 1) {
            c = (unsigned char)utf8[i];
        } else if (length > 1) {
            c = (unsigned char)utf8[i] & (0xFFu >> (length + 1));
            for (size_t k = 1; k < length; k++)
                c = c << 6 | ((unsigned char)utf8[i + k] & 0x3F);
        }
        at = put_utf16(out, size, at, c);
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
