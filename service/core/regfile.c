#include "regfile.h"

#include "buffer.h"
#include "hex.h"
#include "utf.h"

#include <stdlib.h>
#include <string.h>

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
    struct regfile_entry *entries = array_grow(file->entries, file->count, &file->room, sizeof *entries);
    if (!entries)
        return false;
    file->entries = entries;
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
    file->count++; /* counted even if a copy failed, so that regfile_free() frees the rest */
    return fine;
}

/* ---- reading ---- */

struct reader {
    const char *at, *end;
    unsigned line; /* line number of `at`, from 1 */
    struct regfile *file;
    char *key; /* key of the values that follow; NULL before the first key and after [-key] */
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

/* Moves past the end of the line: CRLF, LF, or CR alone. */
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
    return at_line_end(r) || wrong(r, "unexpected text after the value");
}

/* Copies the text up to `end`, which may span lines, as UTF-8 without NUL. \\ and \" are decoded if `escapes` is set.
 * Returns memory from malloc, or NULL with the problem reported. */
static char *copy_text(struct reader *r, const char *end, bool escapes)
{
    char *copy = malloc((size_t)(end - r->at) + 1);
    char *out = copy;
    if (!copy)
        wrong(r, "not enough memory");
    while (copy && r->at < end) {
        r->at += escapes && *r->at == '\\';
        size_t count = utf8_length(r->at, (size_t)(end - r->at));
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

/* Reads a quoted string. Returns memory from malloc, or NULL with the problem reported. */
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

static unsigned read_hex(struct reader *r, unsigned most, uint32_t *number)
{
    return hex_read(&r->at, r->end, most, number);
}

static bool read_dword(struct reader *r, struct value *value)
{
    uint32_t number;
    if (read_hex(r, 8, &number) == 0)
        return wrong(r, "dword: requires 1 to 8 hexadecimal digits");
    value->type = VALUE_DWORD;
    value->size = 4;
    value->data = malloc(4);
    for (unsigned i = 0; value->data && i < 4; i++)
        value->data[i] = (unsigned char)(number >> 8 * i);
    return value->data || wrong(r, "not enough memory");
}

/* Moves past a backslash at the end of a line, and the leading blanks of the next line. */
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

/* Moves past the comma between octets. Returns false after the last octet, which regedit allows a comma to follow. */
static bool next_octet(struct reader *r)
{
    r->at++;
    skip_folds(r);
    return !at_line_end(r);
}

static bool read_octets(struct reader *r, struct buffer *octets)
{
    for (skip_folds(r); !at_line_end(r) && *r->at != ';'; skip_folds(r)) {
        uint32_t number;
        if (octets->length > 0 && *r->at != ',')
            return wrong(r, "a comma is expected between bytes");
        if (octets->length > 0 && !next_octet(r))
            break;
        if (read_hex(r, 2, &number) == 0)
            return wrong(r, "a byte of 1 or 2 hexadecimal digits is expected");
        char octet = (char)number;
        buffer_add(octets, &octet, 1);
        if (octets->failed)
            return wrong(r, "not enough memory");
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
        return wrong(r, "hex( requires a type and a closing bracket");
    if (!accept(r, ":"))
        return wrong(r, "hex requires a colon");
    struct buffer octets = {0};
    bool fine = read_octets(r, &octets);
    value->type = (enum value_type)type;
    value->data = (unsigned char *)octets.data;
    value->size = octets.length;
    return fine;
}

static bool read_string_value(struct reader *r, struct value *value)
{
    char *string = read_quoted(r);
    if (!string)
        return false;
    value->type = VALUE_SZ;
    value->data = utf16_copy(string, strlen(string) + 1, &value->size);
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
    return wrong(r, "a value must be a string in quotation marks, dword:, hex: or -");
}

static bool read_assignment(struct reader *r, const char *name)
{
    struct value value = {0};
    skip_spaces(r);
    if (!accept(r, "="))
        return wrong(r, "= is expected after the name");
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
        return wrong(r, "a value is outside of any key");
    if (*r->at == '@') {
        r->at++;
        return read_assignment(r, "");
    }
    char *name = read_quoted(r);
    bool fine = name && read_assignment(r, name);
    free(name);
    return fine;
}

/* The path ends at the last bracket of the line, since the name of a key may contain one. */
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
        return wrong(r, "expected a key in [brackets], or a value that begins with \" or @");
    }
}

static bool read_lines(struct reader *r)
{
    skip_spaces(r);
    if (!accept(r, REGFILE_HEADER) || !at_line_end(r))
        return wrong(r, "the file does not begin with \"" REGFILE_HEADER "\"");
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
        size_t length;
        utf8 = utf8_copy(octets + 2, size - 2, &length);
        if (!utf8)
            return wrong(&r, "not enough memory");
        r.at = utf8;
        r.end = utf8 + length;
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
