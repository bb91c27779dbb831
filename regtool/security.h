/* security: what TLS and a host's certificate say, for etrnctl test. */
#ifndef ETRN_SECURITY_H
#define ETRN_SECURITY_H

#include "../service/core/json.h"
#include "../service/win/link.h"

enum { SECURITY_LINES = 6, SECURITY_LINE_SIZE = 480 };

/* In lines for a person; those that there is nothing to say in are "". */
void security_explain(const struct stream_security *security, char lines[SECURITY_LINES][SECURITY_LINE_SIZE]);

/* As the member "tls". */
void security_write(struct json *j, const struct stream_security *security);

#endif
