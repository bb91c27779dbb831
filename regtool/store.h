/* store: reads and writes the Parameters key of a service. The service itself only reads it. Before the first change a
 * backup of the key is saved by itself. */
#ifndef ETRN_STORE_H
#define ETRN_STORE_H

#include "../service/core/config.h"
#include "../service/core/must_check.h"
#include "exit_code.h"

#define MASTER_SWITCH "AlwaysUseETRN"

/* What is configured now on machine_registry(), policy included; values that are not used are reported on standard
 * error unless `quietly`. Failure is reported. To be freed by config_free() in any case. */
MUST_CHECK enum exit_code store_read(struct config *config, bool quietly);

/* "default", "Parameters", "policy": where a value comes from. `host` is NULL for the service's own. */
const char *store_origin(const struct config *config, const struct host_settings *host, const struct setting *s);

/* To be called before a command changes SERVICE's Parameters key: finds the service, and saves the key. Failure is
 * told: nothing is then to be written. */
MUST_CHECK enum exit_code store_prepare(const char *service);

/* These return 0 or a Win32 error. `host` is the name of a host's key, or NULL for the service's own values. */
MUST_CHECK DWORD store_set(const char *host, const struct setting *s, const struct value *value);

/* Keeps the host's password, on this computer. */
MUST_CHECK DWORD store_set_password(const char *host, const char *password);

/* ERROR_FILE_NOT_FOUND when it is not there. */
MUST_CHECK DWORD store_unset(const char *host, const struct setting *s);
MUST_CHECK DWORD store_remove_host(const char *host);

/* AlwaysUseETRN of any service's Parameters key, which is created if missing. ERROR_SERVICE_DOES_NOT_EXIST when there
 * is no such service. `was` says what was found: "1", "not set", "REG_SZ \"1\""; `*found` whether it is a
 * REG_DWORD. */
MUST_CHECK DWORD store_get_switch(const char *service, bool *found, uint32_t *value, struct text *was);
MUST_CHECK DWORD store_set_switch(const char *service, uint32_t value);

/* Puts the access rights of our own Parameters key right, where it is there. */
MUST_CHECK DWORD store_protect(void);

#endif
