/* wipe: forgets a secret. Through a volatile pointer, so that no compiler leaves it out where nobody reads it again. */
#ifndef ETRN_WIPE_H
#define ETRN_WIPE_H

#include <stddef.h>

static inline void wipe(void *data, size_t size)
{
    volatile unsigned char *octets = data;
    while (size > 0)
        octets[--size] = 0;
}

#endif
