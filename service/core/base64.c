#include "base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Encodes three octets, or the last one or two with padding. */
static void encode_group(const unsigned char *octets, size_t count, char *text)
{
    uint32_t group = (uint32_t)octets[0] << 16;
    if (count > 1)
        group |= (uint32_t)octets[1] << 8;
    if (count > 2)
        group |= octets[2];
    for (size_t i = 0; i < 4; i++)
        text[i] = i <= count ? alphabet[group >> (18 - 6 * i) & 63] : '=';
}

bool base64_encode(const void *data, size_t size, char *text, size_t room)
{
    const unsigned char *octets = data;
    text[0] = '\0';
    if (size > SIZE_MAX / 2 || room < BASE64_SIZE(size))
        return false;
    for (size_t at = 0; at < size; at += 3, text += 4)
        encode_group(octets + at, size - at < 3 ? size - at : 3, text);
    *text = '\0';
    return true;
}

/* Returns the six bits of a character, or 64 if it is not in the alphabet. */
static uint32_t bits_of(char c)
{
    const char *place = c ? strchr(alphabet, c) : NULL;
    return place ? (uint32_t)(place - alphabet) : 64;
}

/* Decodes four characters, of which the last `padding` are '='. */
static bool decode_group(const char *text, size_t padding, unsigned char *octets)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4 - padding; i++) {
        uint32_t bits = bits_of(text[i]);
        if (bits == 64)
            return false;
        group |= bits << (18 - 6 * i);
    }
    for (size_t i = 0; i < 3; i++)
        octets[i] = (unsigned char)(group >> (16 - 8 * i));
    return padding == 0 || (padding == 1 && octets[2] == 0) || (padding == 2 && octets[1] == 0);
}

bool base64_decode(const char *text, size_t length, void *data, size_t room, size_t *size)
{
    unsigned char *out = data;
    *size = 0;
    if (length % 4 != 0)
        return false;
    for (; length > 0; text += 4, length -= 4) {
        unsigned char octets[3];
        size_t padding = length > 4 || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
        size_t count = 3 - padding;
        if (!decode_group(text, padding, octets) || count > room - *size)
            return false;
        memcpy(out + *size, octets, count);
        *size += count;
    }
    return true;
}
