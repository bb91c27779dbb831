/* text: strings built in a buffer of fixed size. What does not fit is cut, never written past the end, and the cut
 * shows: the text then ends in "...". All text in the programs is UTF-8. */
#ifndef ETRN_TEXT_H
#define ETRN_TEXT_H

#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>

#if defined(__MINGW32__)
#define TEXT_FORMAT(string, first) __attribute__((format(gnu_printf, string, first)))
#else
#define TEXT_FORMAT(string, first) __attribute__((format(printf, string, first)))
#endif

struct text {
    char *data;    /* always NUL-terminated; the caller's buffer */
    size_t size;   /* of the buffer, at least 4 */
    size_t length; /* without the NUL */
    bool cut;      /* something did not fit */
};

/* Begins an empty text in `buffer`, which must outlive it. */
void text_begin(struct text *t, char *buffer, size_t size);

/* The same as an expression; and as a declaration, with a buffer of its own: TEXT_SCRATCH(line, 80) is a text `line`
 * of at most 79 octets. */
struct text text_in(char *buffer, size_t size);
#define TEXT_SCRATCH(name, size)                                                                                       \
    char name##_buffer[size];                                                                                          \
    struct text name = text_in(name##_buffer, sizeof name##_buffer)

/* Appends as printf does. */
void text_add(struct text *t, const char *format, ...) TEXT_FORMAT(2, 3);

/* Appends bytes from outside so that a console, a log or a file can show them safely: printable ASCII and valid UTF-8
 * beyond the C1 controls as they are, everything else as \xNN; a backslash as \\. */
void text_add_escaped(struct text *t, const char *bytes, size_t count);

/* The same, but lines stay lines: CRLF, CRCRLF and LF are "\n", a tab is a blank, NULs are left out. */
void text_add_lines(struct text *t, const char *bytes, size_t count);

/* Adds lines as one: line ends, blanks and NULs in a row become one space, and none begins the text. */
void text_add_folded(struct text *t, const char *bytes, size_t count);

/* ASCII case-insensitive comparison, independent of any locale: registry names, SMTP keywords, domains. */
int text_compare(const char *a, const char *b);
static inline bool text_same(const char *a, const char *b)
{
    return text_compare(a, b) == 0;
}

/* Whether one is probably the other mistyped: at most two letters wrong, missing or too many (Levenshtein distance,
 * without case), in words of at most 64 octets of which more than half is right. */
bool text_near(const char *a, const char *b);

/* Reads all of `digits` as a decimal number. False when it is not one, or greater than `maximum`. */
MUST_CHECK bool text_number(const char *digits, unsigned long maximum, unsigned long *number);

/* A copy that the caller frees; NULL when there is no memory. */
MUST_CHECK char *text_copy(const char *s);

#endif
