/* names: hosts and domains as people write them. */
#ifndef ETRN_NAMES_H
#define ETRN_NAMES_H

#include "../service/core/config.h"
#include "../service/core/must_check.h"
#include "exit_code.h"

/* A name with IDN labels in its A-label form (RFC 5890), the prefixes @ and # kept; any other as it is. `*ascii` is
 * from malloc. EXIT_INVALID when it is no IDN, EXIT_FAILED when there is no memory; both are reported, with `*ascii`
 * NULL. */
MUST_CHECK enum exit_code name_to_ascii(const char *word, char **ascii);

/* Takes "host", "host:port" or "[v6]:port" apart; `*port` is left alone when none is given. EXIT_INVALID when it is
 * none of them, EXIT_FAILED when there is no memory; both are reported. */
MUST_CHECK enum exit_code name_split_host(const char *word, char *host, size_t size, unsigned *port);

/* A host that `name` is probably meant to be, or NULL. */
const char *name_near_host(const struct config *config, const char *name);

/* Tells that there is no such host, and which was probably meant; returns EXIT_NOT_FOUND. */
enum exit_code name_unknown_host(const struct config *config, const char *name);

#endif
