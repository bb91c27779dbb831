/* helo: our name for EHLO. */
#ifndef ETRN_HELO_H
#define ETRN_HELO_H

#include "win.h"

enum { HELO_SIZE = 256 };

/* Finds this computer's name; once. */
void helo_startup(void);

/* Writes our name to `out` and returns it: as configured (NULL or "" when it is not), else this computer's full name,
 * else the address literal of the connected socket's own end (RFC 5321 4.1.4). */
const char *helo_choose(const char *configured, SOCKET socket, char out[HELO_SIZE]);

#endif
