/* prompt: questions, asked only on a console. Ctrl+C at a question ends the program with EXIT_CANCELLED: each comes
 * before anything is written. */
#ifndef ETRN_PROMPT_H
#define ETRN_PROMPT_H

#include "exit_code.h"

enum { PROMPT_LINE_LIMIT = 600 }; /* characters that are read of a line, its end included */

/* Whether a person sits in front of standard input and output. */
bool on_console(void);

/* Asks, and reads one line without its end into `answer`. False when there is none: the end of the input. */
bool ask(const char *question, char *answer, size_t size);

/* Asks, and reads a line without echo, into UTF-8 octets with the line's end and without a NUL, which the caller wipes.
 * Returns how many they are, 0 when there is no line. Only standard input needs to be a console. */
size_t ask_secret(const char *question, char *octets, size_t size);

/* Asks "question [y/N]"; true for yes. */
bool confirm(const char *question);

/* Asks until the answer is one of `choices`, a letter each, in either case; "ok" is 'o', "cancel" is 'c'. 0 at the end
 * of the input. */
char choose(const char *question, const char *choices);

/* Says that the person has cancelled; returns EXIT_CANCELLED. */
enum exit_code cancelled(void);

#endif
