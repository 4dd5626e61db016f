/* The user we run as. */
#ifndef OPS_IDENTITY_H
#define OPS_IDENTITY_H

#include "base/err.h"

enum { IDENTITY_WHY_MAX = 200 };

/*
 * Could we become `user`? "" and our own name: yes. ERR_NOTFOUND: no such user; ERR_REFUSED: only
 * root can; `why` says so and what to do.
 */
MUST_CHECK enum err identity_check(const char *user, char why[IDENTITY_WHY_MAX]);

/* Becomes it, for good: groups, group, user. The same errors, and ERR_IO. */
MUST_CHECK enum err identity_become(const char *user, char why[IDENTITY_WHY_MAX]);

#endif
