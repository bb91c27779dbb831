#include "publish.h"

#include "clock.h"
#include "win/eventlog.h"
#include "win/file.h"
#include "win/folder.h"

#include <stdlib.h>

enum {
    DELAY_MS = 100,        /* collects changes into one write */
    RETRY_MOST_MS = 10000, /* longest delay between retries: the file may be in use, or the disk full */
    SHARE = 20             /* writing takes at most 1/SHARE of the time */
};

static DWORD write_file(struct publish *p, const struct json *j)
{
    if (j->out.failed)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!p->path)
        p->path = folder_path(FOLDER_DATA, L"status.json");
    DWORD error = p->path ? folder_make(FOLDER_DATA) : GetLastError();
    return error ? error : file_replace(p->path, j->out.data, j->out.length);
}

static void failed(struct publish *p, DWORD error)
{
    if (error != p->reported && p->retry_ms) {
        event_write_error(EVENT_CANNOT_WRITE, "status.json", error);
        p->reported = error;
    }
    p->retry_ms = clock_backoff(p->retry_ms, DELAY_MS, RETRY_MOST_MS);
    loop_set_timer(p->loop, &p->timer, loop_now_ms() + p->retry_ms);
}

void publish_now(struct publish *p)
{
    int64_t began_ms = loop_now_ms();
    struct json j;
    p->content(p->owner, &j);
    DWORD error = write_file(p, &j);
    if (error) {
        failed(p, error);
    } else {
        p->reported = 0;
        p->retry_ms = 0;
    }
    json_free(&j);
    p->least_ms = loop_now_ms() + (loop_now_ms() - began_ms) * SHARE;
}

static void due(struct loop_timer *timer)
{
    publish_now(CONTAINING_RECORD(timer, struct publish, timer));
}

void publish_soon(struct publish *p)
{
    int64_t due_ms = loop_now_ms() + DELAY_MS;
    if (!p->timer.set)
        loop_set_timer(p->loop, &p->timer, due_ms > p->least_ms ? due_ms : p->least_ms);
}

void publish_init(struct publish *p, struct loop *loop, publish_content *content, void *owner)
{
    *p = (struct publish){.loop = loop, .content = content, .owner = owner, .timer = {.fire = due}};
}

void publish_free(struct publish *p)
{
    free(p->path);
}
