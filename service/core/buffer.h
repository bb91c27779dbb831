/* buffer: octets in one piece of memory that grows, from malloc; and room in arrays that grow. */
#ifndef ETRN_BUFFER_H
#define ETRN_BUFFER_H

#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>

/* Begins zeroed. */
struct buffer {
    char *data;          /* NULL as long as nothing was added; then a NUL follows its `length` octets */
    size_t length, room; /* in octets */
    bool failed;         /* no memory: what was added after that is missing */
};

/* Makes room for `more` octets after `length`, and a NUL. False when there is no memory: the buffer is as before. */
MUST_CHECK bool buffer_reserve(struct buffer *b, size_t more);

/* Appends; does nothing once the buffer has failed. */
void buffer_add(struct buffer *b, const void *octets, size_t count);
void buffer_add_text(struct buffer *b, const char *text);

/* Frees the memory; the buffer is as new. */
void buffer_free(struct buffer *b);

/* Makes room for one more item in an array of `count` items from malloc (NULL while `*room` is 0), and returns the
 * array, which may have moved. NULL when there is no memory: the array is then where it was. */
MUST_CHECK void *array_grow(void *items, size_t count, size_t *room, size_t item_size);

#endif
