/* protolog: the protocol log in the format of Exchange's (#Fields: date-time,connector-id,...), which its readers and
 * LogParser know: the rows, the files' names, and when a file begins and is given up. Pure: the caller has the disk. */
#ifndef ETRN_PROTOLOG_H
#define ETRN_PROTOLOG_H

#include "must_check.h"
#include "text.h"

#include <stdint.h>

enum {
    PROTOLOG_ROW_LIMIT = 4096,        /* octets of a row; what does not fit is cut, and ends in "..." */
    PROTOLOG_HEAD_LIMIT = 512,        /* octets of what a file begins with */
    PROTOLOG_FILE_LIMIT = 10 << 20,   /* octets, of a file ... */
    PROTOLOG_TOTAL_LIMIT = 100 << 20, /* ... and of all files */
    PROTOLOG_DAYS = 30                /* that a file is kept */
};

enum protolog_event {
    PROTOLOG_CONNECT = '+',
    PROTOLOG_DISCONNECT = '-',
    PROTOLOG_SEND = '>',
    PROTOLOG_RECEIVE = '<',
    PROTOLOG_INFORMATION = '*'
};

struct protolog_row {
    int64_t utc_ms;
    const char *connector; /* the host's name in the settings */
    uint64_t session;
    uint32_t sequence;          /* of the rows of a session, from 0 */
    const char *local, *remote; /* address:port, "" before there is one */
    enum protolog_event event;
    const char *data; /* raw, of `length` octets: control characters are escaped */
    size_t length;
    const char *context; /* our own words */
};

/* Appends a row, CRLF included. A field with a comma, a quotation mark or a blank at its ends is quoted (RFC 4180). */
void protolog_add(struct text *t, const struct protolog_row *row);

/* Appends what a file begins with. */
void protolog_add_head(struct text *t, int64_t utc_ms, const char *version);

/* A file: the `number`th of a day (UTC, since 1970), from 1. */
struct protolog_file {
    int64_t day;
    uint32_t number;
    uint64_t size;
};

/* Appends its name: ETRN20261121-1.LOG. */
void protolog_add_name(struct text *t, const struct protolog_file *file);

/* Reads a name; false if it is not one of ours. */
MUST_CHECK bool protolog_read_name(const char *name, struct protolog_file *file);

/* Whether `more` octets at that time belong into another file than `file`, which is then the next one, of size 0. Also
 * of a zeroed struct, when there is no file yet. */
bool protolog_turn(struct protolog_file *file, int64_t utc_ms, size_t more);

/* Sorts the files there are from the oldest on, and returns how many of the first are to be deleted, so that with one
 * more of full size the bounds are kept. */
size_t protolog_surplus(struct protolog_file *files, size_t count, int64_t utc_ms);

#endif
