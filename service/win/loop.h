/* loop: the one event loop, an I/O completion port and one thread that waits on it. Completions of sockets, messages
 * from other threads and timers all arrive there, so that nothing else needs a lock. Timers are the time-out of the
 * wait: a loop with nothing to do makes no system call at all. What arrived before a timer came due is handed over
 * before that timer fires. */
#ifndef ETRN_LOOP_H
#define ETRN_LOOP_H

#include "../core/must_check.h"
#include "win.h"

/* One overlapped operation or message. It must stay in place until `done` was called, which happens in the loop's
 * thread. */
struct loop_op {
    OVERLAPPED overlapped; /* zeroed by the caller before each use */
    void (*done)(struct loop_op *op, DWORD error, DWORD bytes);
};

struct loop_timer {
    void (*fire)(struct loop_timer *timer); /* in the loop's thread; the timer is then no longer set */
    int64_t due_ms;                         /* on loop_now_ms()'s clock */
    bool set;
    struct loop_timer *earlier, *later;
};

struct loop;

/* A new loop, or NULL and GetLastError(). It lasts as long as the process: threads of the system's pool, and the one
 * that waits for a name or an echo, may post to it at any time, also after loop_run() has returned. What they post then
 * is never handled, and what it belongs to must stay in place as well. */
MUST_CHECK struct loop *loop_open(void);

/* Has the completions of a socket or file arrive here; each of its operations is a struct loop_op. Returns 0 or a Win32
 * error. */
MUST_CHECK DWORD loop_attach(struct loop *loop, HANDLE handle);

/* From any thread: `op->done` is called in the loop's thread with error 0 and `bytes`. Returns 0, or a Win32 error when
 * the system took no message for a second. */
DWORD loop_post(struct loop *loop, struct loop_op *op, DWORD bytes);

/* Sets the timer, or changes it. INT64_MAX clears it. */
void loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t due_ms);

/* Runs until loop_end(), or a fault of the port itself, which is returned. */
MUST_CHECK DWORD loop_run(struct loop *loop);
void loop_end(struct loop *loop);

/* Milliseconds since the system started, time asleep included (GetTickCount64). */
int64_t loop_now_ms(void);

#endif
