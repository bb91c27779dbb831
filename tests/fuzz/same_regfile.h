/* same_regfile: that two registry files say the same, for the targets that read back what was written. */
#ifndef ETRN_FUZZ_SAME_REGFILE_H
#define ETRN_FUZZ_SAME_REGFILE_H

#include "fuzz.h"
#include "regfile.h"

#include <string.h>

static void check_same(const struct regfile *a, const struct regfile *b)
{
    MUST(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct regfile_entry *x = &a->entries[i];
        const struct regfile_entry *y = &b->entries[i];
        MUST(x->kind == y->kind && strcmp(x->key, y->key) == 0 && strcmp(x->name, y->name) == 0);
        MUST(x->value.type == y->value.type && x->value.size == y->value.size);
        MUST(x->value.size == 0 || memcmp(x->value.data, y->value.data, x->value.size) == 0);
    }
}

#endif
