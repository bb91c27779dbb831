/* publish: when status.json is written. Changes that come together are written together, writing takes at most a
 * twentieth of the time, and a file that cannot be written is tried again with growing pauses. */
#ifndef ETRN_PUBLISH_H
#define ETRN_PUBLISH_H

#include "core/json.h"
#include "win/loop.h"

/* Writes the document into `j`, which it begins; publish frees it. */
typedef void publish_content(void *owner, struct json *j);

struct publish {
    struct loop *loop;
    publish_content *content;
    void *owner;
    struct loop_timer timer;
    wchar_t *path;    /* of status.json; NULL before the first is written */
    DWORD reported;   /* the error of the last event; 0 once it was written */
    int64_t retry_ms; /* the pause before the next try; 0 when the last one worked */
    int64_t least_ms; /* no write before, on loop_now_ms()'s clock */
};

/* `loop` must stay. */
void publish_init(struct publish *p, struct loop *loop, publish_content *content, void *owner);

/* Something has changed: it is written in a moment. */
void publish_soon(struct publish *p);

/* Writes now. When that fails it is tried again by itself; the second failure is an event, since the first may only be
 * someone who was reading the file. */
void publish_now(struct publish *p);

void publish_free(struct publish *p);

#endif
