#include "value.h"

#include "buffer.h"
#include "utf.h"

#include <stdlib.h>
#include <string.h>

const char *value_type_name(enum value_type type)
{
    switch (type) {
    case VALUE_NONE:
        return "REG_NONE";
    case VALUE_SZ:
        return "REG_SZ";
    case VALUE_EXPAND_SZ:
        return "REG_EXPAND_SZ";
    case VALUE_BINARY:
        return "REG_BINARY";
    case VALUE_DWORD:
        return "REG_DWORD";
    case VALUE_MULTI_SZ:
        return "REG_MULTI_SZ";
    case VALUE_QWORD:
        return "REG_QWORD";
    }
    return "a value of another type";
}

uint32_t value_number(const void *data)
{
    const unsigned char *octets = data;
    return octets[0] | (uint32_t)octets[1] << 8 | (uint32_t)octets[2] << 16 | (uint32_t)octets[3] << 24;
}

void value_describe(enum value_type type, const void *data, size_t size, struct text *out)
{
    text_add(out, "%s", value_type_name(type));
    if (type == VALUE_DWORD && size == 4) {
        text_add(out, " %u", value_number(data));
    } else if (type == VALUE_SZ || type == VALUE_EXPAND_SZ) {
        enum { SHOWN = 100 }; /* octets shown */
        char utf8[SHOWN * 3 / 2];
        size_t length = utf8_from_utf16(data, size < SHOWN ? size : SHOWN, utf8, sizeof utf8);
        while (length > 0 && utf8[length - 1] == '\0')
            length--;
        text_add(out, " \"");
        text_add_escaped(out, utf8, length);
        text_add(out, size > SHOWN ? "...\"" : "\"");
    } else {
        text_add(out, " of %zu bytes", size);
    }
}

bool value_from_number(struct value *value, uint32_t number)
{
    value->size = 4;
    value->data = malloc(4);
    for (unsigned i = 0; value->data && i < 4; i++)
        value->data[i] = (unsigned char)(number >> 8 * i);
    return value->data != NULL;
}

bool value_from_words(struct value *value, const char *const *words, size_t count)
{
    value->size = value->type == VALUE_MULTI_SZ ? 2 : 0;
    for (size_t i = 0; i < count; i++)
        value->size += utf16_from_utf8(words[i], strlen(words[i]) + 1, NULL, 0);
    value->data = calloc(1, value->size + 1);
    if (!value->data)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        at += utf16_from_utf8(words[i], strlen(words[i]) + 1, value->data + at, value->size - at);
    return true;
}

void strings_free(struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct strings){0};
}

bool strings_add(struct strings *strings, const char *item)
{
    char **items = array_grow(strings->items, strings->count, &strings->room, sizeof(char *));
    if (!items)
        return false;
    strings->items = items;
    items[strings->count] = text_copy(item);
    if (!items[strings->count])
        return false;
    strings->count++;
    return true;
}

bool strings_have(const struct strings *strings, const char *item)
{
    for (size_t i = 0; i < strings->count; i++)
        if (text_same(strings->items[i], item))
            return true;
    return false;
}
