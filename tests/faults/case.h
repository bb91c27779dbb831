/* case: one case as cases.py prints it: a behaviour of a host, step by step, and what is to come of it. */
#ifndef ETRN_FAULTS_CASE_H
#define ETRN_FAULTS_CASE_H

#include "settings.h"

#include <stdint.h>
#include <stdio.h>

enum { NODES = 128, STEPS = 64 };

enum step_kind {
    STEP_SAY,     /* the host sends `data`, in one segment */
    STEP_COMMAND, /* the host is to get this command: "EHLO", "ETRN a.example" */
    STEP_WAIT,    /* `ms` pass */
    STEP_DRIP,    /* the host sends `data` an octet at a time, `ms` apart */
    STEP_CLOSE,
    STEP_RESET,
    STEP_TLS /* the handshake: "good", "unverified: ..." or "fail: ..." in `data` */
};

struct step {
    enum step_kind kind;
    int64_t ms;
    char *data; /* NUL-terminated besides */
    size_t length;
};

struct expected {
    char outcome[32];
    int code;
    char words[160];
};

struct fault_case {
    char id[64];
    bool force_etrn, in_clear;
    char user[64], password[64]; /* "" where none are given */
    enum tls_mode tls;
    char *nodes[NODES];
    size_t node_count;
    struct step steps[STEPS];
    size_t step_count;
    struct expected results[NODES];
    size_t result_count;
};

/* Reads the next case into `c`, to be freed with case_free(). False at the end. A line that is not understood ends the
 * program: the cases are our own. */
bool case_read(FILE *file, struct fault_case *c);

void case_free(struct fault_case *c);

#endif
