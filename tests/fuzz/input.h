/* input: the octets of a fuzzer's input as choices, for targets that build what they test from them. When none are
 * left, they are 0. */
#ifndef ETRN_INPUT_H
#define ETRN_INPUT_H

#include "fuzz.h"
#include "utf.h"

struct input {
    const uint8_t *at;
    size_t left;
};

static inline unsigned input_octet(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static inline unsigned input_below(struct input *in, unsigned limit)
{
    return input_octet(in) % limit;
}

/* Up to `most` octets, in memory of just that size; the caller frees them. */
static inline void *input_octets(struct input *in, size_t most, size_t *count)
{
    *count = input_octet(in) * 16u + input_octet(in);
    *count = *count < most ? *count : most;
    *count = *count < in->left ? *count : in->left;
    void *copy = exactly(in->at, *count);
    in->at += *count;
    in->left -= *count;
    return copy;
}

/* A string of valid UTF-8 of up to `most` octets; the caller frees it. What is not valid is left out. */
static inline char *input_string(struct input *in, size_t most)
{
    size_t count, length = 0;
    char *octets = input_octets(in, most, &count);
    char *string = malloc(count + 1);
    MUST(string);
    for (size_t i = 0, size; i < count; i += size ? size : 1) {
        size = octets[i] ? utf8_length(octets + i, count - i) : 0;
        memcpy(string + length, octets + i, size);
        length += size;
    }
    string[length] = '\0';
    free(octets);
    return string;
}

#endif
