#include "base/err.h"

const char *err_text(enum err e)
{
    switch (e) {
    case OK:
        return "ok";
    case ERR_NOMEM:
        return "out of memory";
    case ERR_FORMAT:
        return "malformed";
    case ERR_SPACE:
        return "does not fit";
    case ERR_LIMIT:
        return "limit reached";
    case ERR_BUSY:
        return "busy";
    case ERR_NOTFOUND:
        return "not found";
    case ERR_EXISTS:
        return "exists already";
    case ERR_RANGE:
        return "out of range";
    case ERR_UNSUPPORTED:
        return "not supported";
    case ERR_IO:
        return "input or output failed";
    case ERR_REFUSED:
        return "connection refused";
    }
    return "unknown error";
}
