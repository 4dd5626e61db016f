/* nuthatch_docs manual|sample: writes what is generated from the schema to standard output. */
#include <string.h>

#include "ops/config.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "manual") == 0)
        config_write_manual(stdout);
    else if (argc == 2 && strcmp(argv[1], "sample") == 0)
        config_write_sample(stdout);
    else {
        fputs("usage: nuthatch_docs manual|sample\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
