/* console: the service's work in the foreground, with a readable log on standard output. */
#ifndef ETRN_CONSOLE_H
#define ETRN_CONSOLE_H

/* Runs until Ctrl+C, Ctrl+Break or the window's end. Returns the process's exit code. */
int console_run(void);

#endif
