/* tls_words: what Schannel and a host say when TLS fails, for a person. */
#ifndef ETRN_TLS_WORDS_H
#define ETRN_TLS_WORDS_H

#include "win.h"

/* Appends what an SSPI status means. */
void tls_add_status(struct text *t, DWORD status);

/* Appends an alert's name in RFC 8446 section 6, or its number. */
void tls_add_alert(struct text *t, unsigned char code);

#endif
