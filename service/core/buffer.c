#include "buffer.h"

#include <stdlib.h>
#include <string.h>

bool buffer_reserve(struct buffer *b, size_t more)
{
    size_t needed = b->length + more + 1;
    if (needed <= b->room)
        return true;
    size_t room = b->room + b->room / 2; /* grows in proportion, so that many small additions cause few moves */
    if (room < needed)
        room = needed;
    char *data = realloc(b->data, room);
    if (!data)
        return false;
    b->data = data;
    b->room = room;
    return true;
}

void buffer_add(struct buffer *b, const void *octets, size_t count)
{
    b->failed = b->failed || !buffer_reserve(b, count);
    if (b->failed)
        return;
    if (count > 0)
        memcpy(b->data + b->length, octets, count);
    b->length += count;
    b->data[b->length] = '\0';
}

void buffer_add_text(struct buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}

void *array_grow(void *items, size_t count, size_t *room, size_t item_size)
{
    if (count < *room)
        return items;
    size_t more = *room ? *room * 2 : 8;
    void *grown = realloc(items, more * item_size);
    if (grown)
        *room = more;
    return grown;
}
