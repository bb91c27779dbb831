/* protocol: the protocol log's files, below %ProgramData%\EtrnSvc\log. Rows are gathered for a moment and written
 * together; where they cannot be written, that is one event, and the rows are dropped. */
#ifndef ETRN_PROTOCOL_H
#define ETRN_PROTOCOL_H

#include "../core/protolog.h"
#include "loop.h"

struct protocol_log {
    struct loop *loop;
    struct loop_timer soon; /* set while rows wait */
    bool on;
    HANDLE handle;             /* of the file under way, NULL when none is open */
    struct protolog_file file; /* zeroed before the first */
    char *rows;                /* those that wait */
    size_t length;
    uint64_t sessions; /* numbered so far */
    DWORD error;       /* as last reported */
};

/* Off until protocol_follow(). `loop` must stay. */
void protocol_init(struct protocol_log *log, struct loop *loop);

/* Turns it on or off, as ProtocolLog says. */
void protocol_follow(struct protocol_log *log, bool on);

/* Writes what waits, and closes the file. */
void protocol_close(struct protocol_log *log);

/* A number for a session, which no other has, of this start of the service or another. */
uint64_t protocol_session(struct protocol_log *log);

/* Adds a row, with the time of now. Nothing when it is off. */
void protocol_add(struct protocol_log *log, struct protolog_row *row);

#endif
