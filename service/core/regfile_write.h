/* regfile_write: the writing of what regfile reads. */
#ifndef ETRN_REGFILE_WRITE_H
#define ETRN_REGFILE_WRITE_H

#include "regfile.h"

/* Writes the file as regedit does: UTF-16LE, byte order mark, CRLF, long values folded. From malloc; NULL when there is
 * no memory, or a line end in a key's name, which the format cannot say. */
MUST_CHECK void *regfile_write(const struct regfile *file, size_t *size);

#endif
