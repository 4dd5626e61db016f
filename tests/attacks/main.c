/*
 * attacks [--full] [--list] [NAME…]: plays the attacks and prints a line a figure: attack, what was
 * measured, figure, bound, ok or FAIL. Without names all that are READY. Exit code 0 when every
 * figure is within its bound.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "tests/attacks/attack.h"

struct attack {
    const char *name;
    const char *state;
    const char *text;
    attack_fn *run;
};

static const struct attack attacks[] = {
#define X(name, state, text) {#name, #state, text, attack_##name},
#include "tests/attacks/attacks.def"
#undef X
};
enum { ATTACKS = sizeof attacks / sizeof attacks[0] };

static bool play(const struct attack *a, bool full)
{
    struct report r = {.attack = a->name, .full = full};
    a->run(&r);
    fflush(stdout);
    if (r.lines == 0)
        printf("%-14s  %s: measured nothing\n", a->name, a->text);
    return r.lines > 0 && r.failed == 0;
}

static int list(void)
{
    for (unsigned i = 0; i < ATTACKS; i++)
        printf("%s\t%s\t%s\n", attacks[i].name, attacks[i].state, attacks[i].text);
    return 0;
}

static const struct attack *find(const char *name)
{
    for (unsigned i = 0; i < ATTACKS; i++)
        if (strcmp(attacks[i].name, name) == 0)
            return &attacks[i];
    return NULL;
}

/* Where freed memory waits in quarantine (address sanitizer) each run touches fresh pages, and what
 * is measured is the kernel. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

int main(int argc, char **argv)
{
    bool full = false, fine = true;
    unsigned named = 0;
    /* Memory that is given back to the system and taken anew would be in the figures of work. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return list();
        full = full || strcmp(argv[i], "--full") == 0;
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        const struct attack *a = find(argv[i]);
        if (!a) {
            fprintf(stderr, "attacks: there is no '%s'; --list names them\n", argv[i]);
            return 2;
        }
        fine = play(a, full) && fine;
        named++;
    }
    for (unsigned i = 0; named == 0 && i < ATTACKS; i++)
        if (strcmp(attacks[i].state, "READY") == 0)
            fine = play(&attacks[i], full) && fine;
    return fine ? 0 : 1;
}
