#include "hex.h"

/* Returns -1 if it is not a hex digit. */
static int digit_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

unsigned hex_read(const char **at, const char *end, unsigned most, uint32_t *number)
{
    unsigned digits = 0;
    *number = 0;
    for (; digits < most && *at < end && digit_value(**at) >= 0; digits++)
        *number = *number << 4 | (uint32_t)digit_value(*(*at)++);
    return digits;
}

void hex_add(struct text *t, const void *octets, size_t count, const char *between)
{
    const unsigned char *octet = octets;
    for (size_t i = 0; i < count; i++)
        text_add(t, "%s%02x", i > 0 ? between : "", octet[i]);
}
