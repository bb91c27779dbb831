#include "json.h"

#include "hex.h"
#include "stamp.h"
#include "text.h"
#include "utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

void json_begin(struct json *j)
{
    *j = (struct json){0};
}

void json_free(struct json *j)
{
    buffer_free(&j->out);
    *j = (struct json){0};
}

static void put_string(struct json *j, const char *value)
{
    size_t count = strlen(value);
    buffer_add(&j->out, "\"", 1);
    for (size_t i = 0; i < count;) {
        unsigned char c = (unsigned char)value[i];
        size_t length = utf8_length(value + i, count - i);
        char escape[8];
        if (length == 0) {
            buffer_add_text(&j->out, "\xEF\xBF\xBD");
        } else if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
            buffer_add_text(&j->out, escape);
        } else if (c == '\n') {
            buffer_add_text(&j->out, "\\n");
        } else if (c < 0x20 || c == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            buffer_add_text(&j->out, escape);
        } else {
            buffer_add(&j->out, value + i, length);
        }
        i += length ? length : 1;
    }
    buffer_add(&j->out, "\"", 1);
}

/* Writes what precedes a value: the comma, a new line with its indentation, the key. */
static void write_prefix(struct json *j, const char *key)
{
    static const char blanks[] = "                                ";
    if (j->comma)
        buffer_add(&j->out, ",", 1);
    if (j->out.length > 0) {
        buffer_add(&j->out, "\n", 1);
        buffer_add(&j->out, blanks, (size_t)j->depth * 2 < sizeof blanks ? (size_t)j->depth * 2 : sizeof blanks - 1);
    }
    if (key) {
        put_string(j, key);
        buffer_add(&j->out, ": ", 2);
    }
    j->comma = true;
}

static void open_bracket(struct json *j, const char *key, const char *bracket)
{
    write_prefix(j, key);
    buffer_add_text(&j->out, bracket);
    j->depth++;
    j->comma = false;
}

void json_open_object(struct json *j, const char *key)
{
    open_bracket(j, key, "{");
}

void json_open_array(struct json *j, const char *key)
{
    open_bracket(j, key, "[");
}

void json_close(struct json *j, char bracket)
{
    bool empty = !j->comma;
    j->depth--;
    j->comma = false;
    if (!empty)
        write_prefix(j, NULL);
    buffer_add(&j->out, &bracket, 1);
    if (j->depth == 0)
        buffer_add(&j->out, "\n", 1);
    j->comma = true;
}

void json_string(struct json *j, const char *key, const char *value)
{
    if (!value) {
        json_null(j, key);
        return;
    }
    write_prefix(j, key);
    put_string(j, value);
}

void json_number(struct json *j, const char *key, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    write_prefix(j, key);
    buffer_add_text(&j->out, digits);
}

void json_bool(struct json *j, const char *key, bool value)
{
    write_prefix(j, key);
    buffer_add_text(&j->out, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
    write_prefix(j, key);
    buffer_add_text(&j->out, "null");
}

void json_time(struct json *j, const char *key, int64_t utc_ms)
{
    TEXT_SCRATCH(stamp, STAMP_SIZE);
    if (utc_ms <= 0) {
        json_null(j, key);
        return;
    }
    stamp_add(&stamp, utc_ms);
    json_string(j, key, stamp.data);
}

/* ---- reading ---- */

struct reader {
    const char *at, *end;
    unsigned depth;
};

static char peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

static bool accept(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at >= r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool accept_word(struct reader *r, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

/* Reads the four digits of \u. */
static bool read_unit(struct reader *r, uint32_t *value)
{
    return hex_read(&r->at, r->end, 4, value) == 4;
}

static bool read_escape(struct reader *r, char **out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    char c = peek(r);
    const char *simple = c ? strchr(from, c) : NULL;
    r->at++;
    if (simple) {
        *(*out)++ = to[simple - from];
        return true;
    }
    uint32_t value;
    if (c != 'u' || !read_unit(r, &value) || value == 0)
        return false;
    if (value >= 0xD800 && value <= 0xDBFF) {
        uint32_t low;
        if (!accept_word(r, "\\u") || !read_unit(r, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        value = 0x10000 + ((value & 0x3FF) << 10) + (low & 0x3FF);
    } else if (value >= 0xDC00 && value <= 0xDFFF) {
        return false;
    }
    *out += utf8_encode(value, *out);
    return true;
}

/* An escape is never shorter than the character it encodes, so the length of the text is enough room. */
static char *read_string(struct reader *r)
{
    if (!accept(r, '"'))
        return NULL;
    const char *close = r->at;
    while (close < r->end && *close != '"')
        close += *close == '\\' && close + 1 < r->end ? 2 : 1;
    if (close >= r->end)
        return NULL;
    char *string = malloc((size_t)(close - r->at) + 1);
    char *out = string;
    while (string && r->at < close) {
        unsigned char c = (unsigned char)*r->at;
        size_t count = utf8_length(r->at, (size_t)(close - r->at));
        bool fine = c >= 0x20 && count > 0;
        if (c == '\\') {
            r->at++;
            fine = read_escape(r, &out);
        } else {
            memcpy(out, r->at, count);
            out += count;
            r->at += count;
        }
        if (!fine || r->at > close) {
            free(string);
            return NULL;
        }
    }
    if (!string)
        return NULL;
    *out = '\0';
    r->at = close + 1;
    return string;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_number(struct reader *r, int64_t *number)
{
    bool negative = accept_word(r, "-");
    const char *digits = r->at;
    int64_t value = 0; /* negative, because the negative range is larger by one */
    while (is_digit(peek(r))) {
        int digit = *r->at++ - '0';
        if (value < (INT64_MIN + digit) / 10)
            return false;
        value = value * 10 - digit;
    }
    if (r->at == digits || (digits[0] == '0' && r->at - digits > 1) || (!negative && value == INT64_MIN))
        return false;
    if (accept_word(r, ".") && !is_digit(peek(r)))
        return false;
    while (is_digit(peek(r)))
        r->at++;
    *number = negative ? value : -value;
    return true;
}

static struct json_value *read_value(struct reader *r);

/* Reads the members or items up to the closing bracket. */
static bool read_children(struct reader *r, struct json_value *parent)
{
    bool object = parent->kind == JSON_OBJECT;
    char close = object ? '}' : ']';
    struct json_value **next = &parent->first;
    if (++r->depth > JSON_DEPTH_LIMIT)
        return false;
    if (accept(r, close)) {
        r->depth--;
        return true;
    }
    do {
        char *key = object ? read_string(r) : NULL;
        if (object && (!key || !accept(r, ':'))) {
            free(key);
            return false;
        }
        struct json_value *child = read_value(r);
        if (!child) {
            free(key);
            return false;
        }
        child->key = key;
        *next = child;
        next = &child->next;
    } while (accept(r, ','));
    r->depth--;
    return accept(r, close);
}

static bool read_into(struct reader *r, struct json_value *value)
{
    skip_blanks(r);
    if (peek(r) == '"') {
        value->kind = JSON_STRING;
        value->string = read_string(r);
        return value->string != NULL;
    }
    if (accept(r, '{') || accept(r, '[')) {
        value->kind = r->at[-1] == '{' ? JSON_OBJECT : JSON_ARRAY;
        return read_children(r, value);
    }
    if (accept_word(r, "null"))
        return true;
    if (accept_word(r, "true") || accept_word(r, "false")) {
        value->kind = JSON_BOOL;
        value->boolean = r->at[-2] == 'u';
        return true;
    }
    value->kind = JSON_NUMBER;
    return read_number(r, &value->number);
}

static struct json_value *read_value(struct reader *r)
{
    struct json_value *value = calloc(1, sizeof *value);
    if (value && !read_into(r, value)) {
        json_value_free(value);
        return NULL;
    }
    return value;
}

struct json_value *json_read(const char *text, size_t length)
{
    struct reader r = {.at = text, .end = text + length};
    struct json_value *value = read_value(&r);
    skip_blanks(&r);
    if (value && r.at != r.end) {
        json_value_free(value);
        return NULL;
    }
    return value;
}

void json_value_free(struct json_value *value)
{
    while (value) {
        struct json_value *next = value->next;
        json_value_free(value->first);
        free(value->string);
        free(value->key);
        free(value);
        value = next;
    }
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
    static const struct json_value nothing = {.kind = JSON_NULL};
    for (const struct json_value *v = object->first; v; v = v->next)
        if (v->key && strcmp(v->key, key) == 0)
            return v;
    return &nothing;
}

int64_t json_instant(const struct json_value *value)
{
    return value->string ? stamp_read(value->string) : 0;
}

/* ---- reading and writing ---- */

void json_copy(struct json *j, const char *key, const struct json_value *value)
{
    switch (value->kind) {
    case JSON_NULL:
        json_null(j, key);
        break;
    case JSON_BOOL:
        json_bool(j, key, value->boolean);
        break;
    case JSON_NUMBER:
        json_number(j, key, value->number);
        break;
    case JSON_STRING:
        json_string(j, key, value->string);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        if (value->kind == JSON_ARRAY)
            json_open_array(j, key);
        else
            json_open_object(j, key);
        for (const struct json_value *child = value->first; child; child = child->next)
            json_copy(j, child->key, child);
        json_close(j, value->kind == JSON_ARRAY ? ']' : '}');
        break;
    }
}
