/* output: UTF-8 to the console in Unicode, whatever its code page, or as it is to a file or pipe. Data goes to standard
 * output, talk to standard error. */
#ifndef ETRN_OUTPUT_H
#define ETRN_OUTPUT_H

#include "../service/core/json.h"
#include "../service/core/must_check.h"
#include "../service/win/win.h"

/* To standard output. */
void out(const char *format, ...) TEXT_FORMAT(1, 2);
void out_list(const char *format, va_list arguments);

/* To standard error. */
void talk(const char *format, ...) TEXT_FORMAT(1, 2);
void talk_list(const char *format, va_list arguments);

/* Colours, only on a console that has them and never with NO_COLOR set; "" otherwise. To be printed by out(). */
enum shade { SHADE_PLAIN, SHADE_GOOD, SHADE_BAD, SHADE_FAINT };
const char *shade(enum shade wanted);

/* Has what out() prints written to this file as well. Returns 0 or a Win32 error. */
MUST_CHECK DWORD out_copy(const char *path);

/* 0, or why some of what out() was given is lost, or missing in the copy: a full disk, no memory. */
DWORD out_error(void);
DWORD out_copy_error(void);

/* Words wrapped at 80 columns, each line after `indent` spaces. */
void out_wrapped(unsigned indent, const char *words);

/* The same, continuing after `column` columns of a line that has begun. */
void out_continued(unsigned indent, unsigned column, const char *words);

/* Prints what was written, and frees it. False, reported, when there was no memory for it. */
MUST_CHECK bool out_json(struct json *j);

/* Whether standard output is a console; its width in columns then, else 80. */
bool output_is_console(void);
unsigned console_width(void);

/* Clears the console, for a screen that refreshes. */
void clear_screen(void);

#endif
