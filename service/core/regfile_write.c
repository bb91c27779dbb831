#include "regfile_write.h"

#include "buffer.h"
#include "utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_WIDTH = 80 /* width of folded hex lines including the backslash, the same as regedit's */
};

struct writer {
    struct buffer out; /* UTF-8 */
    size_t line_start;
    bool unwritable; /* a name cannot be written in this format */
};

static void put_text(struct writer *w, const char *text)
{
    buffer_add_text(&w->out, text);
}

static void end_line(struct writer *w)
{
    put_text(w, "\r\n");
    w->line_start = w->out.length;
}

static void put_quoted(struct writer *w, const char *string)
{
    put_text(w, "\"");
    for (; *string; string++) {
        if (*string == '"' || *string == '\\')
            put_text(w, "\\");
        buffer_add(&w->out, string, 1);
    }
    put_text(w, "\"");
}

static void put_octets(struct writer *w, const struct value *value)
{
    for (size_t i = 0; i < value->size; i++) {
        char octet[4];
        bool last = i + 1 == value->size;
        if (w->out.length - w->line_start + 4 > LINE_WIDTH) {
            put_text(w, "\\");
            end_line(w);
            put_text(w, "  ");
        }
        snprintf(octet, sizeof octet, "%02x%s", value->data[i], last ? "" : ",");
        put_text(w, octet);
    }
}

/* Returns the UTF-8 of a REG_SZ that can be written in quotation marks, from malloc: it has exactly one NUL, at its
 * end, and is valid UTF-16 on one line. Returns NULL if it must be written as hex(1), which is also correct if memory
 * was short. */
static char *plain_string(const struct value *value)
{
    if (value->type != VALUE_SZ || value->size < 2 || value->size % 2)
        return NULL;
    size_t length;
    size_t size;
    char *utf8 = utf8_copy(value->data, value->size, &length);
    unsigned char *back = utf8 ? utf16_copy(utf8, length, &size) : NULL;
    bool plain = back && strlen(utf8) == length - 1 && !strpbrk(utf8, "\r\n") && size == value->size &&
                 memcmp(back, value->data, size) == 0;
    free(back);
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
        w->unwritable =
            w->unwritable || strpbrk(entry->key, "\r\n"); /* a line end in a key would read back as something else */
        end_line(w);
        put_text(w, entry->kind == REGFILE_KEY ? "[" : "[-");
        put_text(w, entry->key);
        put_text(w, "]");
    } else {
        if (*entry->name)
            put_quoted(w, entry->name);
        else
            put_text(w, "@");
        put_text(w, "=");
        if (entry->kind == REGFILE_VALUE)
            put_value(w, &entry->value);
        else
            put_text(w, "-");
    }
    end_line(w);
}

void *regfile_write(const struct regfile *file, size_t *size)
{
    struct writer w = {0};
    put_text(&w, "\xEF\xBB\xBF" REGFILE_HEADER); /* begins with U+FEFF, the byte order mark */
    end_line(&w);
    for (size_t i = 0; i < file->count; i++)
        put_entry(&w, &file->entries[i]);
    end_line(&w);
    void *data = w.unwritable || w.out.failed ? NULL : utf16_copy(w.out.data, w.out.length, size);
    buffer_free(&w.out);
    return data;
}
