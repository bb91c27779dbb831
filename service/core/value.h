/* value: a value as the registry stores it: its type, its octets, and how they become numbers, texts and lists. */
#ifndef ETRN_VALUE_H
#define ETRN_VALUE_H

#include "must_check.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The registry's value types (winnt.h REG_*). */
enum value_type {
    VALUE_NONE = 0,
    VALUE_SZ = 1,
    VALUE_EXPAND_SZ = 2,
    VALUE_BINARY = 3,
    VALUE_DWORD = 4,
    VALUE_MULTI_SZ = 7,
    VALUE_QWORD = 11
};

struct value {
    enum value_type type;
    unsigned char *data; /* from malloc */
    size_t size;         /* octets */
};

struct strings {
    char **items; /* each from malloc, as the array */
    size_t count, room;
};

/* "REG_DWORD"; "a value of another type" for a type that is none of these. */
const char *value_type_name(enum value_type type);

/* A value as found, in a few words: REG_DWORD 2; REG_SZ "1"; REG_DWORD of 8 octets. */
void value_describe(enum value_type type, const void *data, size_t size, struct text *out);

/* The number of a REG_DWORD's four octets. */
uint32_t value_number(const void *data);

/* Fill in `data` and `size`, data from malloc: a REG_DWORD; or UTF-16LE of the words, each with its NUL, and of a
 * VALUE_MULTI_SZ (value->type) one more NUL at the end. False, and data NULL, when there is no memory. */
MUST_CHECK bool value_from_number(struct value *value, uint32_t number);
MUST_CHECK bool value_from_words(struct value *value, const char *const *words, size_t count);

void strings_free(struct strings *strings);                             /* leaves it empty */
MUST_CHECK bool strings_add(struct strings *strings, const char *item); /* a copy; false when there is no memory */
bool strings_have(const struct strings *strings, const char *item);     /* compared without case */

#endif
