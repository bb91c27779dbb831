/* Any octets as UTF-16 and as UTF-8: the result is valid, and converts back to the same; no buffer is overrun. */
#include "utf.h"

#include "fuzz.h"
#include "text.h"

typedef size_t conversion(const void *from, size_t octets, void *out, size_t size);

static size_t to_utf16(const void *from, size_t octets, void *out, size_t size)
{
    return utf16_from_utf8(from, octets, out, size);
}

static size_t to_utf8(const void *from, size_t octets, void *out, size_t size)
{
    return utf8_from_utf16(from, octets, out, size);
}

static void check_utf8(const char *utf8, size_t octets)
{
    for (size_t i = 0, length; i < octets; i += length) {
        length = utf8_length(utf8 + i, octets - i);
        MUST(length > 0);
    }
}

/* The whole result, from malloc; a buffer too small gets the beginning of the same. */
static char *convert(conversion *how, const void *from, size_t octets, size_t *length)
{
    *length = how(from, octets, NULL, 0);
    char *out = malloc(*length ? *length : 1);
    MUST(out && how(from, octets, out, *length) == *length);
    size_t less = *length / 2;
    char *part = malloc(less ? less : 1);
    MUST(part);
    memset(part, '#', less);
    MUST(how(from, octets, part, less) == *length);
    size_t same = 0;
    while (same < less && part[same] == out[same])
        same++;
    for (size_t i = same; i < less; i++)
        MUST(part[i] == '#' && less - same < 4); /* no character in part */
    free(part);
    return out;
}

static bool has_replacement(const char *octets, size_t count, const char *character, size_t length)
{
    for (size_t i = 0; i + length <= count; i++)
        if (memcmp(octets + i, character, length) == 0)
            return true;
    return false;
}

static void there_and_back(conversion *there, conversion *back, const void *from, size_t octets)
{
    size_t first, second, third;
    char *a = convert(there, from, octets, &first);
    char *b = convert(back, a, first, &second);
    char *c = convert(there, b, second, &third);
    MUST(first == third && memcmp(a, c, first) == 0);
    bool from_utf16 = there == to_utf8;
    check_utf8(from_utf16 ? a : b, from_utf16 ? first : second);
    if (!has_replacement(a, first, from_utf16 ? "\xEF\xBF\xBD" : "\xFD\xFF", from_utf16 ? 3 : 2))
        MUST(second == (from_utf16 ? octets / 2 * 2 : octets) && memcmp(b, from, second) == 0);
    free(a);
    free(b);
    free(c);
}

/* What is shown of it holds no control character and is valid. */
static void escape(const char *bytes, size_t count)
{
    char buffer[100];
    struct text t;
    text_begin(&t, buffer, sizeof buffer);
    text_add_escaped(&t, bytes, count);
    MUST(t.length < sizeof buffer && strlen(buffer) == t.length);
    check_utf8(buffer, t.length);
    for (size_t i = 0; i < t.length; i++)
        MUST((unsigned char)buffer[i] >= 0x20 && buffer[i] != 0x7F);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    there_and_back(to_utf8, to_utf16, data, size);
    there_and_back(to_utf16, to_utf8, data, size);
    escape((const char *)data, size);
    return 0;
}
