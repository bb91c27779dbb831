/* store: writes the Parameters key of a service. The service itself only reads it. */
#ifndef ETRN_STORE_H
#define ETRN_STORE_H

#include "../service/core/settings.h"
#include "../service/win/win.h"

/* All return 0 or a Win32 error. `host` is the name of a host's key, or NULL for the service's own values. */
DWORD store_set(const char *host, const struct setting *s, const struct value *value);

/* ERROR_FILE_NOT_FOUND when it is not there. */
DWORD store_unset(const char *host, const struct setting *s);
DWORD store_remove_host(const char *host);

/* Reads or writes one DWORD of any service's Parameters key, which is made when it lacks. ERROR_SERVICE_DOES_NOT_EXIST
 * when there is no such service. `*found` is false when the value is missing or no REG_DWORD of four octets. */
DWORD store_get_switch(const char *service, const char *name, bool *found, uint32_t *value);
DWORD store_set_switch(const char *service, const char *name, uint32_t value);

/* What is configured now, policy included, with problems told on standard error. To be freed by config_free(). */
DWORD store_read(struct config *config);

#endif
