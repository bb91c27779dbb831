#include "report.h"

#include "../service/core/outcome.h"
#include "../service/win/file.h"
#include "../service/win/folder.h"
#include "../service/win/manager.h"
#include "machine.h"
#include "output.h"

#include <stdlib.h>

DWORD report_service_state(DWORD *state)
{
    struct manager m;
    SERVICE_STATUS status = {0};
    DWORD error = manager_open(&m, machine_name(), TEXT(SERVICE_NAME), SERVICE_QUERY_STATUS);
    if (!error) {
        error = QueryServiceStatus(m.service, &status) ? 0 : GetLastError();
        manager_close(&m);
    }
    *state = status.dwCurrentState;
    return error == ERROR_SERVICE_DOES_NOT_EXIST ? 0 : error;
}

const char *report_state_name(DWORD state)
{
    static const char *const names[] = {"not installed", "stopped",           "starting", "stopping",
                                        "running",       "about to continue", "pausing",  "paused"};
    return state < ARRAYSIZE(names) ? names[state] : "in an unknown state";
}

struct json_value *report_read(void)
{
    size_t size;
    wchar_t *path = folder_path(FOLDER_DATA, L"status.json");
    char *text = path ? file_read(path, &size) : NULL;
    DWORD error = text ? 0 : GetLastError();
    struct json_value *value = text ? json_read(text, size) : NULL;
    if (text && !value)
        error = ERROR_INVALID_DATA; /* the service always writes a complete file: memory was short, or another program
                                       wrote it */
    free(text);
    free(path);
    SetLastError(error);
    return value;
}

void report_age(struct text *t, int64_t utc_ms, int64_t now_utc_ms)
{
    static const struct unit {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    int64_t seconds = (now_utc_ms - utc_ms) / 1000;
    int64_t distance = seconds < 0 ? -seconds : seconds;
    size_t unit = 0;
    while (unit < 3 && distance < units[unit].seconds * 2)
        unit++;
    if (distance == 0) {
        text_add(t, "just now");
        return;
    }
    int64_t count = (distance + units[unit].seconds / 2) / units[unit].seconds;
    text_add(t, "%s%lld %s%s%s", seconds < 0 ? "in " : "", (long long)count, units[unit].name, count == 1 ? "" : "s",
             seconds < 0 ? "" : " ago");
}

const char *report_string(const struct json_value *object, const char *key)
{
    const char *string = json_member(object, key)->string;
    return string ? string : "";
}

bool report_bool(const struct json_value *object, const char *key)
{
    return json_member(object, key)->boolean;
}

const struct json_value *report_host(const struct json_value *told, const char *name)
{
    for (const struct json_value *host = json_member(told, "hosts")->first; host; host = host->next)
        if (text_same(report_string(host, "name"), name))
            return host;
    return NULL;
}

/* Returns the last `most` lines of `text`; `*cut` is set if there were more. */
static const char *last_lines(const char *text, unsigned most, bool *cut)
{
    const char *at = text + strlen(text);
    if (at > text && at[-1] == '\n')
        at--;
    while (at > text && (at[-1] != '\n' || --most > 0))
        at--;
    *cut = at > text;
    return at;
}

/* Wraps each line separately; skips empty lines. */
static void print_lines(const char *lines, unsigned indent)
{
    while (*lines) {
        TEXT_SCRATCH(line, 400);
        size_t length = strcspn(lines, "\n");
        text_add(&line, "%.*s", (int)length, lines);
        if (length > 0)
            out_wrapped(indent, line.data);
        lines += length + (lines[length] == '\n');
    }
}

void report_reply(const struct json_value *node, unsigned indent, unsigned most)
{
    const char *text = report_string(node, "text");
    const char *output = report_string(node, "output");
    const char *end = strchr(output, '\n');
    bool program = text_same(report_string(node, "outcome"), outcome_name(OUTCOME_PROGRAM_FAILED));
    TEXT_SCRATCH(ended, 80);
    bool cut;
    if (!program || !end || !end[1]) {
        if (*text)
            out_wrapped(indent, text);
        return;
    }
    const char *lines = last_lines(output, most, &cut);
    text_add(&ended, "%.*s%s:", (int)strcspn(text, ":"), text, cut ? ", last lines of output" : "");
    out_wrapped(indent, ended.data);
    print_lines(lines, indent + 2);
    if (cut)
        out_wrapped(indent, "For more of the output: etrnctl status --json");
}

void report_watch_open(struct report_watch *w)
{
    wchar_t *folder = folder_path(FOLDER_DATA, NULL);
    DWORD filter = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_LAST_WRITE;
    w->changes = folder ? FindFirstChangeNotificationW(folder, FALSE, filter) : INVALID_HANDLE_VALUE;
    free(folder);
}

void report_watch_close(struct report_watch *w)
{
    if (w->changes != INVALID_HANDLE_VALUE)
        FindCloseChangeNotification(w->changes);
    w->changes = INVALID_HANDLE_VALUE;
}

/* The folder does not exist until the service has first started. When it appears, there may already be a change in it.
 */
static void wait_for_folder(struct report_watch *w, HANDLE or_event, DWORD ms)
{
    enum { STEP_MS = 500 };
    for (DWORD waited = 0; waited < ms && w->changes == INVALID_HANDLE_VALUE; waited += STEP_MS) {
        DWORD step_ms = ms - waited < STEP_MS ? ms - waited : STEP_MS;
        if (!or_event)
            Sleep(step_ms);
        else if (WaitForSingleObject(or_event, step_ms) == WAIT_OBJECT_0)
            return;
        report_watch_open(w);
    }
}

void report_watch_wait(struct report_watch *w, HANDLE or_event, DWORD ms)
{
    HANDLE handles[] = {w->changes, or_event};
    if (w->changes == INVALID_HANDLE_VALUE) {
        wait_for_folder(w, or_event, ms);
        return;
    }
    if (WaitForMultipleObjects(or_event ? 2 : 1, handles, FALSE, ms) != WAIT_OBJECT_0)
        return;
    if (!FindNextChangeNotification(w->changes))
        report_watch_close(w);
    Sleep(20); /* the first change is status.json.new, and status.json cannot be replaced while it is open */
}
