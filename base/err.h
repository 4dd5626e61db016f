/*
 * Errors of the environment: out of memory, out of space, input that is not of its form.
 *
 * A function that can fail so returns `enum err`, which its caller must look at. What a name server
 * says is not an error but data (struct outcome); a programmer's fault is MUST (base/must.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
    OK = 0,
    ERR_NOMEM,       /* an allocation failed or a memory bound was met */
    ERR_FORMAT,      /* input is not of its form */
    ERR_SPACE,       /* the output does not fit where it was to be written */
    ERR_LIMIT,       /* one of resolver/limits.h was met */
    ERR_BUSY,        /* there is no room for it just now */
    ERR_NOTFOUND,    /* there is no such thing */
    ERR_EXISTS,      /* there is one already */
    ERR_RANGE,       /* a number is outside what is allowed */
    ERR_UNSUPPORTED, /* well-formed, but nothing we do */
    ERR_IO,          /* the system refused; errno says why where the caller documents it */
    ERR_REFUSED,     /* the peer refused the connection or closed it */
};

/* A short lower-case English text for an error, for logs. Never NULL. */
const char *err_text(enum err e);

#endif
