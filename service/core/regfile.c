#include "regfile.h"

#include "utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "Windows Registry Editor Version 5.00";

enum {
    LINE_WIDTH = 80 /* of folded hex, the backslash included, as regedit's own lines */
};

/* ---- the list ---- */

void regfile_free(struct regfile *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->entries[i].key);
        free(file->entries[i].name);
        free(file->entries[i].value.data);
    }
    free(file->entries);
    *file = (struct regfile){0};
}

bool regfile_add(struct regfile *file, enum regfile_kind kind, const char *key, const char *name,
                 const struct value *value)
{
    if (file->count == file->room) {
        size_t room = file->room ? file->room * 2 : 16;
        struct regfile_entry *entries = realloc(file->entries, room * sizeof *entries);
        if (!entries)
            return false;
        file->entries = entries;
        file->room = room;
    }
    struct regfile_entry *entry = &file->entries[file->count];
    *entry = (struct regfile_entry){.kind = kind, .key = text_copy(key), .name = text_copy(name ? name : "")};
    bool fine = entry->key && entry->name;
    if (fine && value) {
        entry->value = *value;
        entry->value.data = malloc(value->size + 1);
        fine = entry->value.data != NULL;
        if (fine && value->size > 0)
            memcpy(entry->value.data, value->data, value->size);
    }
    file->count++; /* regfile_free() frees what there is of it */
    return fine;
}

/* ---- reading ---- */

struct reader {
    const char *at, *end;
    unsigned line; /* of `at`, from 1 */
    struct regfile *file;
    char *key; /* the values that follow are of this key; NULL before the first and after [-key] */
    struct text *problem;
};

static bool wrong(struct reader *r, const char *what)
{
    text_add(r->problem, "line %u: %s", r->line, what);
    return false;
}

static bool at_line_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\r' || *r->at == '\n';
}

static void skip_spaces(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
}

static void skip_rest(struct reader *r)
{
    while (!at_line_end(r))
        r->at++;
}

/* Past the line's end: CRLF, LF, or CR alone. */
static void next_line(struct reader *r)
{
    if (r->at < r->end && *r->at == '\r')
        r->at++;
    if (r->at < r->end && *r->at == '\n')
        r->at++;
    r->line++;
}

static bool expect_line_end(struct reader *r)
{
    skip_spaces(r);
    if (r->at < r->end && *r->at == ';')
        skip_rest(r);
    return at_line_end(r) || wrong(r, "something stands behind the value");
}

/* A copy of what stands before `end`, in UTF-8 and without NUL; it may go over lines. \\ and \" are undone where there
 * are `escapes`. From malloc, or NULL with the problem told. */
static char *copy_text(struct reader *r, const char *end, bool escapes)
{
    char *copy = malloc((size_t)(end - r->at) + 1);
    char *out = copy;
    if (!copy)
        wrong(r, "not enough memory");
    while (copy && r->at < end) {
        r->at += escapes && *r->at == '\\';
        size_t count = text_utf8_length(r->at, (size_t)(end - r->at));
        if (count == 0 || *r->at == '\0') {
            wrong(r, count ? "a NUL character" : "not UTF-8; save the file as UTF-8 or UTF-16LE");
            free(copy);
            return NULL;
        }
        r->line += *r->at == '\n' || (*r->at == '\r' && r->at[1] != '\n');
        memcpy(out, r->at, count);
        out += count;
        r->at += count;
    }
    if (copy)
        *out = '\0';
    return copy;
}

/* A quoted string; from malloc, or NULL with the problem told. */
static char *read_quoted(struct reader *r)
{
    const char *close = ++r->at;
    while (close < r->end && *close != '"')
        close += *close == '\\' && close + 1 < r->end ? 2 : 1;
    if (close >= r->end) {
        wrong(r, "a quotation mark is not closed");
        return NULL;
    }
    char *string = copy_text(r, close, true);
    r->at = close + 1;
    return string;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* At most `most` hexadecimal digits; how many there were is returned. */
static unsigned read_hex(struct reader *r, unsigned most, uint32_t *number)
{
    unsigned digits = 0;
    *number = 0;
    for (; digits < most && r->at < r->end && hex_digit(*r->at) >= 0; digits++)
        *number = *number << 4 | (uint32_t)hex_digit(*r->at++);
    return digits;
}

static bool read_dword(struct reader *r, struct value *value)
{
    uint32_t number;
    if (read_hex(r, 8, &number) == 0)
        return wrong(r, "dword: needs 1 to 8 hexadecimal digits");
    value->type = VALUE_DWORD;
    value->size = 4;
    value->data = malloc(4);
    for (unsigned i = 0; value->data && i < 4; i++)
        value->data[i] = (unsigned char)(number >> 8 * i);
    return value->data || wrong(r, "not enough memory");
}

/* Past a backslash that ends a line, and the blanks of the next. */
static void skip_folds(struct reader *r)
{
    for (;;) {
        skip_spaces(r);
        const char *backslash = r->at;
        if (r->at == r->end || *r->at != '\\')
            return;
        r->at++;
        skip_spaces(r);
        if (!at_line_end(r) || r->at == r->end) {
            r->at = backslash;
            return;
        }
        next_line(r);
    }
}

static bool read_octets(struct reader *r, struct value *value)
{
    size_t room = 64;
    value->data = malloc(room);
    if (!value->data)
        return wrong(r, "not enough memory");
    for (skip_folds(r); !at_line_end(r) && *r->at != ';'; skip_folds(r)) {
        uint32_t octet;
        if (value->size > 0) {
            if (*r->at != ',')
                return wrong(r, "a comma is expected between octets");
            r->at++;
            skip_folds(r);
            if (at_line_end(r))
                break; /* a comma behind the last: regedit takes it */
        }
        if (read_hex(r, 2, &octet) == 0)
            return wrong(r, "an octet of 1 or 2 hexadecimal digits is expected");
        if (value->size == room) {
            unsigned char *data = realloc(value->data, room *= 2);
            if (!data)
                return wrong(r, "not enough memory");
            value->data = data;
        }
        value->data[value->size++] = (unsigned char)octet;
    }
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool accept(struct reader *r, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (lower(r->at[i]) != lower(word[i]))
            return false;
    r->at += length;
    return true;
}

static bool read_hex_value(struct reader *r, struct value *value)
{
    uint32_t type = VALUE_BINARY;
    if (accept(r, "(") && (read_hex(r, 8, &type) == 0 || !accept(r, ")")))
        return wrong(r, "hex( needs a type and a closing bracket");
    if (!accept(r, ":"))
        return wrong(r, "hex needs a colon");
    value->type = (enum value_type)type;
    return read_octets(r, value);
}

static bool read_string_value(struct reader *r, struct value *value)
{
    char *string = read_quoted(r);
    if (!string)
        return false;
    value->type = VALUE_SZ;
    value->size = utf16_from_utf8(string, strlen(string) + 1, NULL, 0);
    value->data = malloc(value->size);
    if (value->data)
        utf16_from_utf8(string, strlen(string) + 1, value->data, value->size);
    free(string);
    return value->data || wrong(r, "not enough memory");
}

static bool read_data(struct reader *r, struct value *value)
{
    if (*r->at == '"')
        return read_string_value(r, value);
    if (accept(r, "dword:"))
        return read_dword(r, value);
    if (accept(r, "hex"))
        return read_hex_value(r, value);
    return wrong(r, "a value is a string in quotation marks, dword:, hex: or -");
}

static bool read_assignment(struct reader *r, const char *name)
{
    struct value value = {0};
    skip_spaces(r);
    if (!accept(r, "="))
        return wrong(r, "= is expected behind the name");
    skip_spaces(r);
    if (at_line_end(r))
        return wrong(r, "the value is missing");
    bool deletion = accept(r, "-");
    bool fine = (deletion || read_data(r, &value)) && expect_line_end(r);
    if (fine && !regfile_add(r->file, deletion ? REGFILE_DELETE_VALUE : REGFILE_VALUE, r->key, name, &value))
        fine = wrong(r, "not enough memory");
    free(value.data);
    return fine;
}

static bool read_value_line(struct reader *r)
{
    if (!r->key)
        return wrong(r, "a value stands outside of any key");
    if (*r->at == '@') {
        r->at++;
        return read_assignment(r, "");
    }
    char *name = read_quoted(r);
    bool fine = name && read_assignment(r, name);
    free(name);
    return fine;
}

/* The key's path ends at the last bracket of the line, as a key's name may hold one. */
static bool read_key_line(struct reader *r)
{
    const char *start = ++r->at;
    const char *close = NULL;
    for (; !at_line_end(r); r->at++)
        if (*r->at == ']')
            close = r->at;
    if (!close)
        return wrong(r, "] is missing");
    bool deletion = *start == '-';
    r->at = start + deletion;
    if (r->at == close)
        return wrong(r, "the key's path is empty");
    free(r->key);
    r->key = copy_text(r, close, false);
    if (!r->key)
        return false;
    if (!regfile_add(r->file, deletion ? REGFILE_DELETE_KEY : REGFILE_KEY, r->key, NULL, NULL))
        return wrong(r, "not enough memory");
    if (deletion) {
        free(r->key);
        r->key = NULL;
    }
    skip_rest(r);
    return true;
}

static bool read_line(struct reader *r)
{
    skip_spaces(r);
    if (at_line_end(r))
        return true;
    switch (*r->at) {
    case ';':
        skip_rest(r);
        return true;
    case '[':
        return read_key_line(r);
    case '"':
    case '@':
        return read_value_line(r);
    default:
        return wrong(r, "neither a key in [brackets], nor a value that begins with \" or @");
    }
}

static bool read_lines(struct reader *r)
{
    skip_spaces(r);
    if (!accept(r, header) || !at_line_end(r))
        return wrong(r, "the file does not begin with \"Windows Registry Editor Version 5.00\"");
    while (r->at < r->end) {
        next_line(r);
        if (!read_line(r))
            return false;
    }
    return true;
}

bool regfile_read(struct regfile *file, const void *data, size_t size, struct text *problem)
{
    const unsigned char *octets = data;
    char *utf8 = NULL;
    *file = (struct regfile){0};
    struct reader r = {.at = data, .end = (const char *)data + size, .line = 1, .file = file, .problem = problem};
    if (size >= 2 && octets[0] == 0xFF && octets[1] == 0xFE) {
        size_t needed = utf8_from_utf16(octets + 2, size - 2, NULL, 0);
        utf8 = malloc(needed + 1);
        if (!utf8)
            return wrong(&r, "not enough memory");
        utf8_from_utf16(octets + 2, size - 2, utf8, needed);
        r.at = utf8;
        r.end = utf8 + needed;
    } else if (size >= 3 && memcmp(octets, "\xEF\xBB\xBF", 3) == 0) {
        r.at += 3;
    }
    bool fine = read_lines(&r);
    free(r.key);
    free(utf8);
    if (!fine)
        regfile_free(file);
    return fine;
}

/* ---- writing ---- */

struct writer {
    char *data;
    size_t length, room;
    size_t line_start;
    bool failed;
};

static void put(struct writer *w, const char *text, size_t count)
{
    if (w->failed)
        return;
    if (w->length + count > w->room) {
        size_t room = (w->length + count) * 2;
        char *data = realloc(w->data, room);
        if (!data) {
            w->failed = true;
            return;
        }
        w->data = data;
        w->room = room;
    }
    memcpy(w->data + w->length, text, count);
    w->length += count;
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void end_line(struct writer *w)
{
    put(w, "\r\n", 2);
    w->line_start = w->length;
}

static void put_quoted(struct writer *w, const char *string)
{
    put(w, "\"", 1);
    for (; *string; string++) {
        if (*string == '"' || *string == '\\')
            put(w, "\\", 1);
        put(w, string, 1);
    }
    put(w, "\"", 1);
}

static void put_octets(struct writer *w, const struct value *value)
{
    for (size_t i = 0; i < value->size; i++) {
        char octet[4];
        bool last = i + 1 == value->size;
        if (w->length - w->line_start + 4 > LINE_WIDTH) {
            put(w, "\\", 1);
            end_line(w);
            put(w, "  ", 2);
        }
        snprintf(octet, sizeof octet, "%02x%s", value->data[i], last ? "" : ",");
        put_text(w, octet);
    }
}

/* A REG_SZ that can stand in quotation marks: whole, ended by its one NUL, in valid UTF-16, on one line. The UTF-8 of
 * it, from malloc; NULL when it is to be written as hex(1), or there is no memory, which ends in the same. */
static char *plain_string(const struct value *value)
{
    if (value->type != VALUE_SZ || value->size < 2 || value->size % 2)
        return NULL;
    size_t length = utf8_from_utf16(value->data, value->size, NULL, 0);
    char *utf8 = malloc(length + value->size);
    if (!utf8)
        return NULL;
    char *back = utf8 + length;
    utf8_from_utf16(value->data, value->size, utf8, length);
    bool plain = utf8[length - 1] == '\0' && strlen(utf8) == length - 1 && !strpbrk(utf8, "\r\n") &&
                 utf16_from_utf8(utf8, length, back, value->size) == value->size &&
                 memcmp(back, value->data, value->size) == 0;
    if (plain)
        return utf8;
    free(utf8);
    return NULL;
}

static void put_value(struct writer *w, const struct value *value)
{
    char prefix[24];
    char *string = plain_string(value);
    if (string) {
        put_quoted(w, string);
        free(string);
        return;
    }
    const unsigned char *data = value->data;
    if (value->type == VALUE_DWORD && value->size == 4) {
        snprintf(prefix, sizeof prefix, "dword:%02x%02x%02x%02x", data[3], data[2], data[1], data[0]);
        put_text(w, prefix);
        return;
    }
    if (value->type == VALUE_BINARY)
        snprintf(prefix, sizeof prefix, "hex:");
    else
        snprintf(prefix, sizeof prefix, "hex(%x):", (unsigned)value->type);
    put_text(w, prefix);
    put_octets(w, value);
}

static void put_entry(struct writer *w, const struct regfile_entry *entry)
{
    bool key = entry->kind == REGFILE_KEY || entry->kind == REGFILE_DELETE_KEY;
    if (key) {
        w->failed = w->failed || strpbrk(entry->key, "\r\n"); /* it would read back as something else */
        end_line(w);
        put_text(w, entry->kind == REGFILE_KEY ? "[" : "[-");
        put_text(w, entry->key);
        put(w, "]", 1);
    } else {
        if (*entry->name)
            put_quoted(w, entry->name);
        else
            put(w, "@", 1);
        put(w, "=", 1);
        if (entry->kind == REGFILE_VALUE)
            put_value(w, &entry->value);
        else
            put(w, "-", 1);
    }
    end_line(w);
}

void *regfile_write(const struct regfile *file, size_t *size)
{
    struct writer w = {0};
    put_text(&w, "\xEF\xBB\xBF"); /* U+FEFF, the byte order mark */
    put_text(&w, header);
    end_line(&w);
    for (size_t i = 0; i < file->count; i++)
        put_entry(&w, &file->entries[i]);
    end_line(&w);
    void *data = NULL;
    if (!w.failed) {
        *size = utf16_from_utf8(w.data, w.length, NULL, 0);
        data = malloc(*size);
        if (data)
            utf16_from_utf8(w.data, w.length, data, *size);
    }
    free(w.data);
    return data;
}
