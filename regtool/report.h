/* report: what the service tells of itself: its state with the service control manager, and status.json. */
#ifndef ETRN_REPORT_H
#define ETRN_REPORT_H

#include "../service/core/json.h"
#include "../service/win/win.h"

/* Its state (SERVICE_RUNNING ...), or 0 when it is not installed. Returns 0 or a Win32 error. */
DWORD report_service_state(DWORD *state);

/* "running", "not installed". */
const char *report_state_name(DWORD state);

/* Sends a control to the running service. Returns 0 or a Win32 error. */
DWORD report_control(DWORD control);

/* status.json as it is now, to be freed by json_value_free(); NULL when there is none. */
struct json_value *report_read(void);

/* "just now", "3 minutes ago", "in 14 minutes": an instant as seen now. */
void report_age(struct text *t, int64_t utc_ms, int64_t now_utc_ms);

#endif
