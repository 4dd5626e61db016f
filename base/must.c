#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void must_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: fault in the program: %s does not hold\n", file, line, what);
    fflush(stderr);
    abort();
}
