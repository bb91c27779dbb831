#include "address.h"

#include <stdbool.h>
#include <string.h>

enum { V4_SIZE = 4, V6_SIZE = 16 };

/* Reads a number of at most `most` digits in this base; a decimal one has no leading zeros. Moves *text past it.
 * Returns -1 if there is none. */
static int read_number(const char **text, int base, int most)
{
    static const char digits[] = "0123456789abcdef";
    int number = 0;
    int count = 0;
    for (;; (*text)++, count++) {
        char lower = **text >= 'A' && **text <= 'F' ? (char)(**text - 'A' + 'a') : **text;
        const char *digit = lower ? memchr(digits, lower, (size_t)base) : NULL;
        if (!digit)
            return count > 0 ? number : -1;
        if (count == most || (base == 10 && count > 0 && number == 0))
            return -1;
        number = number * base + (int)(digit - digits);
    }
}

static bool read_v4(const char *text, unsigned char *octets)
{
    for (size_t i = 0; i < V4_SIZE; i++) {
        int number = read_number(&text, 10, 3);
        if (number < 0 || number > 255 || *text != (i < V4_SIZE - 1 ? '.' : '\0'))
            return false;
        octets[i] = (unsigned char)number;
        text++;
    }
    return true;
}

/* Reads groups of two octets up to the end of the text or to a "::", in which case *text is left at the second colon.
 * Returns the number of octets, at most `room`, or V6_SIZE + 1 if the text is not part of an address. */
static size_t read_groups(const char **text, unsigned char *octets, size_t room)
{
    size_t count = 0;
    while (count + 2 <= room) {
        const char *start = *text;
        int group = read_number(text, 16, 4);
        if (**text == '.' && count + V4_SIZE <= room && read_v4(start, octets + count)) {
            *text += strlen(*text);
            return count + V4_SIZE;
        }
        if (group < 0)
            break;
        octets[count++] = (unsigned char)(group >> 8);
        octets[count++] = (unsigned char)group;
        if (!**text)
            return count;
        if (*(*text)++ != ':')
            break;
        if (**text == ':')
            return count;
    }
    return V6_SIZE + 1;
}

/* A "::" replaces at least one group of zeros and may occur once. */
static bool read_v6(const char *text, unsigned char *octets)
{
    unsigned char tail[V6_SIZE];
    size_t before = 0;
    size_t after = 0;
    memset(octets, 0, V6_SIZE);
    if (text[0] == ':' && text[1] == ':')
        text++;
    else
        before = read_groups(&text, octets, V6_SIZE);
    if (before > V6_SIZE)
        return false;
    if (!*text)
        return before == V6_SIZE;
    text++;
    if (*text)
        after = read_groups(&text, tail, V6_SIZE - 2);
    if (after > V6_SIZE || *text || before + after + 2 > V6_SIZE)
        return false;
    memcpy(octets + V6_SIZE - after, tail, after);
    return true;
}

size_t address_read(const char *text, unsigned char octets[ADDRESS_SIZE])
{
    if (read_v4(text, octets))
        return V4_SIZE;
    return read_v6(text, octets) ? V6_SIZE : 0;
}
