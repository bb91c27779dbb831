#include "text.h"

#include "utf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_begin(struct text *t, char *buffer, size_t size)
{
    *t = (struct text){.data = buffer, .size = size};
    buffer[0] = '\0';
}

struct text text_in(char *buffer, size_t size)
{
    struct text t;
    text_begin(&t, buffer, size);
    return t;
}

/* Ends a text that is full: goes back to a character boundary that leaves room for the dots. */
static void mark_cut(struct text *t)
{
    size_t end = t->length < t->size - 4 ? t->length : t->size - 4;
    while (end > 0 && ((unsigned char)t->data[end] & 0xC0) == 0x80)
        end--;
    memcpy(t->data + end, "...", 4);
    t->length = end + 3;
    t->cut = true;
}

void text_add(struct text *t, const char *format, ...)
{
    if (t->cut)
        return;
    va_list arguments;
    va_start(arguments, format);
    size_t room = t->size - t->length;
    int needed = vsnprintf(t->data + t->length, room, format, arguments);
    va_end(arguments);
    if (needed < 0) {
        t->data[t->length] = '\0';
        return;
    }
    if ((size_t)needed >= room) {
        t->length = t->size - 1;
        mark_cut(t);
        return;
    }
    t->length += (size_t)needed;
}

void text_add_escaped(struct text *t, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && !t->cut;) {
        unsigned char c = (unsigned char)bytes[i];
        size_t length = utf8_length(bytes + i, count - i);
        bool c1_control = c == 0xC2 && length == 2 && (unsigned char)bytes[i + 1] < 0xA0;
        if (c == '\\')
            text_add(t, "\\\\");
        else if ((c >= 0x20 && c < 0x7F) || (length > 1 && !c1_control))
            text_add(t, "%.*s", (int)length, bytes + i);
        else
            text_add(t, "\\x%02x", c);
        i += length > 1 && !c1_control ? length : 1;
    }
}

/* Whether a line ends here, with "\r\n", or with "\r\r\n", as output in text mode makes of it. */
static bool ends_line(const char *bytes, size_t count)
{
    size_t i = 0;
    while (i < count && bytes[i] == '\r')
        i++;
    return i < count && bytes[i] == '\n';
}

void text_add_lines(struct text *t, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && !t->cut; i++) {
        size_t plain = i;
        while (plain < count && bytes[plain] && !strchr("\r\n\t", bytes[plain]))
            plain++;
        text_add_escaped(t, bytes + i, plain - i);
        i = plain;
        if (i == count)
            return;
        if (bytes[i] == '\n')
            text_add(t, "\n");
        else if (bytes[i] == '\t')
            text_add(t, " ");
        else if (bytes[i] == '\r' && !ends_line(bytes + i, count - i))
            text_add(t, "\\x0d");
    }
}

void text_add_folded(struct text *t, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && !t->cut; i++) {
        bool blank = bytes[i] == '\r' || bytes[i] == '\n' || bytes[i] == '\t' || bytes[i] == ' ' || bytes[i] == '\0';
        if (!blank)
            text_add(t, "%c", bytes[i]);
        else if (t->length > 0 && t->data[t->length - 1] != ' ')
            text_add(t, " ");
    }
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int text_compare(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) - lower(*b);
}

bool text_near(const char *a, const char *b)
{
    enum { LIMIT = 64 };
    size_t row[LIMIT + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > LIMIT || b_length > LIMIT)
        return false;
    for (size_t k = 0; k <= b_length; k++)
        row[k] = k;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_length; k++) {
            size_t replaced = diagonal + (lower(a[i - 1]) != lower(b[k - 1]));
            size_t other = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            diagonal = row[k];
            row[k] = replaced < other ? replaced : other;
        }
    }
    size_t distance = row[b_length];
    return distance <= 2 && distance * 2 < (a_length < b_length ? a_length : b_length);
}

bool text_number(const char *digits, unsigned long maximum, unsigned long *number)
{
    unsigned long value = 0;
    if (!*digits)
        return false;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9')
            return false;
        unsigned long digit = (unsigned long)(*digits - '0');
        if (digit > maximum || value > (maximum - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return value <= maximum;
}

char *text_copy(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, s, size);
    return copy;
}
