/* json: JSON (RFC 8259) written piece by piece into a buffer that grows, and read into a tree. */
#ifndef ETRN_JSON_H
#define ETRN_JSON_H

#include "buffer.h"
#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- writing ---- */

struct json {
    struct buffer out; /* the document so far; to be freed by json_free() */
    unsigned depth;
    bool comma;
};

void json_begin(struct json *j);
void json_free(struct json *j);

/* `key` is NULL inside arrays and for the outermost value. Every open is closed by json_close(). */
void json_open_object(struct json *j, const char *key);
void json_open_array(struct json *j, const char *key);
void json_close(struct json *j, char bracket);

/* NULL is null. Octets that are not UTF-8 are written as U+FFFD. */
void json_string(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

/* An instant as ISO 8601 in UTC, "2026-11-21T18:20:01.123Z"; null when it is 0 or before 1970. */
void json_time(struct json *j, const char *key, int64_t utc_ms);

/* ---- reading ---- */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum { JSON_DEPTH_LIMIT = 16 };

struct json_value {
    enum json_kind kind;
    bool boolean;
    int64_t number;           /* fractions are cut off */
    char *string;             /* of a STRING, NULL otherwise */
    char *key;                /* of a member of an object, NULL otherwise */
    struct json_value *first; /* of an ARRAY or OBJECT */
    struct json_value *next;  /* its next sibling */
};

/* Reads one whole document; NULL when it is not JSON, nested deeper than JSON_DEPTH_LIMIT, holds U+0000, a number with
 * an exponent or beyond 64 bits, or there is no memory. To be freed by json_value_free(). */
MUST_CHECK struct json_value *json_read(const char *text, size_t length);
void json_value_free(struct json_value *value);

/* The member of that key; a null value when there is none, so that look-ups can be chained. Never NULL. */
const struct json_value *json_member(const struct json_value *object, const char *key);

/* Writes a value that was read, with all in it. */
void json_copy(struct json *j, const char *key, const struct json_value *value);

/* Reads what json_time() writes; 0 when it is something else. */
int64_t json_instant(const struct json_value *value);

#endif
