/*
 * Files that are whole at every moment: written beside, flushed to the disk, then put in the place
 * of the old one.
 */
#ifndef OPS_WHOLE_FILE_H
#define OPS_WHOLE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/*
 * `write` writes the content; false: it could not. The file has mode 0644. ERR_IO with errno: it,
 * or the one beside it (its name with .new behind), could not be written, and the old one is as it
 * was; ERR_NOMEM.
 */
MUST_CHECK enum err whole_file_write(const char *path, bool (*write)(FILE *f, const void *ctx),
                                     const void *ctx);

#endif
