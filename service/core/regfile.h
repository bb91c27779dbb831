/* regfile: regedit's text format, "Windows Registry Editor Version 5.00": read into a list of what it says to do, in
 * order. Files come as UTF-16LE with a byte order mark, as regedit writes them, or as UTF-8. */
#ifndef ETRN_REGFILE_H
#define ETRN_REGFILE_H

#include "must_check.h"
#include "text.h"
#include "value.h"

#define REGFILE_HEADER "Windows Registry Editor Version 5.00" /* the first line */

enum regfile_kind {
    REGFILE_KEY,         /* [path]: make the key */
    REGFILE_DELETE_KEY,  /* [-path]: delete it with all below */
    REGFILE_VALUE,       /* "name"=...: set the value of the key above */
    REGFILE_DELETE_VALUE /* "name"=- */
};

struct regfile_entry {
    enum regfile_kind kind;
    char *key;  /* full path, "HKEY_LOCAL_MACHINE\SYSTEM\..." */
    char *name; /* of a value; "" is the key's default, written @ */
    struct value value;
};

struct regfile {
    struct regfile_entry *entries;
    size_t count, room;
};

void regfile_free(struct regfile *file);

/* Appends an entry; everything given is copied, a value's data of `value->size` octets too. False when there is no
 * memory. */
MUST_CHECK bool regfile_add(struct regfile *file, enum regfile_kind kind, const char *key, const char *name,
                            const struct value *value);

/* Reads the whole of `data`. False when it is not such a file: `problem` then says in which line and what is wrong;
 * `file` is left empty. To be freed in any case. */
MUST_CHECK bool regfile_read(struct regfile *file, const void *data, size_t size, struct text *problem);

#endif
