/* report: what the service reports about itself: its state with the service control manager, and status.json. */
#ifndef ETRN_REPORT_H
#define ETRN_REPORT_H

#include "../service/core/json.h"
#include "../service/core/must_check.h"
#include "../service/win/win.h"

/* Its state (SERVICE_RUNNING ...), or 0 when it is not installed. Returns 0 or a Win32 error. */
MUST_CHECK DWORD report_service_state(DWORD *state);

/* "running", "not installed". */
const char *report_state_name(DWORD state);

/* status.json of this computer as it is now, to be freed by json_value_free(); NULL and GetLastError() when there is
 * none, or it cannot be read. */
struct json_value *report_read(void);

/* Members of a report that are strings; "" when they lack. */
const char *report_string(const struct json_value *object, const char *key);
bool report_bool(const struct json_value *object, const char *key);

/* The host of that name in a report, or NULL. */
const struct json_value *report_host(const struct json_value *told, const char *name);

/* "just now", "3 minutes ago", "in 14 minutes": an instant as seen from another. */
void report_age(struct text *t, int64_t utc_ms, int64_t now_utc_ms);

/* The reply of a node, or what happened instead, wrapped after `indent` spaces. Of a program that said more than a
 * line: how it ended, and its last `most` lines. Nothing when there is nothing to say. */
void report_reply(const struct json_value *node, unsigned indent, unsigned most);

/* News of status.json. */
struct report_watch {
    HANDLE changes;
};
void report_watch_open(struct report_watch *w);

/* Waits until a file of the service's folder changes, that folder appears, or `or_event` (may be NULL) is set, at most
 * `ms`. */
void report_watch_wait(struct report_watch *w, HANDLE or_event, DWORD ms);
void report_watch_close(struct report_watch *w);

#endif
