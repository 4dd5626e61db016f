/*
 * play [-v] [--twice] [--fail-allocation N] [--seed N] [--expect FILE] [--counted NAMES]
 *      FILE-OR-DIRECTORY…
 *
 * Plays replay scenarios; a line a file, then the counts and the trace hash over all. Exit code 0
 * when none failed.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "tests/sim/sweep.h"

enum { FILES_MAX = 20000, FILE_SIZE_MAX = 16 << 20, COLUMN = 64, DEPTH_MAX = 16 };

struct session {
    struct play_options options;
    bool twice;
    bool sweeping;
    struct sweep sweep;
    const char *counted; /* of --counted; NULL: none */
    struct counters sum; /* over all files */
    char *expected;      /* the text of --expect; NULL: none */
    char *files[FILES_MAX];
    size_t file_count;
    unsigned passed, failed, skipped;
    XXH64_state_t *hash;
};

static void usage(FILE *to)
{
    fputs("usage: play [-v] [--twice] [--fail-allocation N] [--seed N] [--expect FILE] "
          "[--counted NAMES] FILE-OR-DIRECTORY...\n"
          "  -v             the whole conversation\n"
          "  --twice        each file twice: the traces must be the same\n"
          "  --fail-allocation N  plays each again with an allocation failing, N of them (0: all) "
          "in turn\n"
          "  --seed N       of the generator the resolver draws from (default 1)\n"
          "  --expect FILE  names of files that are expected to differ, one a line or table row\n"
          "  --counted NAMES  these counters must move in some file\n",
          to);
}

/* ---- files ----------------------------------------------------------------------------------- */

static char *read_whole(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = malloc(FILE_SIZE_MAX + 1);
    *size = text ? fread(text, 1, FILE_SIZE_MAX + 1, f) : 0;
    bool bad = !text || ferror(f) || *size > FILE_SIZE_MAX;
    fclose(f);
    if (bad) {
        free(text);
        return NULL;
    }
    text[*size] = '\0';
    char *fitted = realloc(text, *size + 1);
    return fitted ? fitted : text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool add_file(struct session *s, const char *path)
{
    if (s->file_count == FILES_MAX)
        return false;
    s->files[s->file_count] = strdup(path);
    return s->files[s->file_count] && ++s->file_count;
}

static bool add_path(struct session *s, const char *path, unsigned depth);

/* All *.rpl below it, in the order of their names. */
static bool add_directory(struct session *s, const char *path, unsigned depth)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    bool fine = n >= 0;
    for (int i = 0; i < n; i++) {
        char below[4096];
        const char *name = entries[i]->d_name;
        int length = snprintf(below, sizeof below, "%s/%s", path, name);
        struct stat st;
        if (fine && *name != '.' && length > 0 && (size_t)length < sizeof below &&
            stat(below, &st) == 0 && (S_ISDIR(st.st_mode) || ends_with(name, ".rpl")))
            fine = add_path(s, below, depth + 1);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return fine;
}

static bool add_path(struct session *s, const char *path, unsigned depth)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "play: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode))
        return add_file(s, path);
    return depth < DEPTH_MAX && add_directory(s, path, depth);
}

/* Is it a word of the text? Backquotes, table bars and blanks part words. */
static bool is_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text; p && (p = strstr(p, word)); p += n) {
        bool begins = p == text || strchr(" \t\n`|*-", p[-1]);
        if (begins && (p[n] == '\0' || strchr(" \t\r\n`|:,", p[n])))
            return true;
    }
    return false;
}

/* Is the file one of the list's? */
static bool is_expected(const struct session *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    return is_word(s->expected, slash ? slash + 1 : path);
}

/* ---- playing --------------------------------------------------------------------------------- */

/* The next line of a text, cut to `size`, tabs as blanks; NULL at the end. */
static const char *take_line(const char *text, char *out, size_t size)
{
    size_t n = strcspn(text, "\n");
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), text);
    return text[n] ? text + n + 1 : text + n;
}

static void print_side_by_side(const char *left, const char *right)
{
    char a[1024], b[1024];
    left = left ? left : "(nothing)";
    right = right ? right : "(nothing)";
    printf("    %-*s | %s\n", COLUMN, "expected", "got");
    while (*left || *right) {
        left = take_line(left, a, sizeof a);
        right = take_line(right, b, sizeof b);
        printf("    %-*s | %s\n", COLUMN, a, b);
    }
}

static void report(struct session *s, const char *path, struct play_result *r)
{
    char step[32] = "";
    if (r->step > 0)
        snprintf(step, sizeof step, "step %u: ", r->step);
    bool expected = is_expected(s, path);
    if (expected && r->verdict == PLAY_FAIL) {
        printf("SKIP %s: expected to differ: %s%s\n", path, step, r->what);
        s->skipped++;
        return;
    }
    switch (r->verdict) {
    case PLAY_OK:
        if (expected) {
            printf("FAIL %s: expected to differ, but it passes: take it off the list\n", path);
            s->failed++;
            return;
        }
        printf("ok %s\n", path);
        s->passed++;
        return;
    case PLAY_SKIP:
        printf("SKIP %s: %s\n", path, r->what);
        s->skipped++;
        return;
    case PLAY_FAIL:
        printf("FAIL %s: %s%s\n", path, step, r->what);
        if (r->expected || r->got)
            print_side_by_side(r->expected, r->got);
        s->failed++;
        return;
    }
}

static void play_file(struct session *s, const char *path)
{
    size_t size;
    struct play_result result = {0}, again;
    s->options.path = path;
    char *text = read_whole(path, &size);
    struct arena arena;
    arena_init(&arena, NULL);
    if (!text) {
        result.verdict = PLAY_FAIL;
        snprintf(result.what, sizeof result.what, "the file cannot be read");
    } else if (s->sweeping) {
        struct sweep_file f = {.path = path, .text = text, .size = size};
        sweep_file(&s->sweep, &f, &s->options, &result);
    } else {
        play_text(&arena, text, size, &s->options, &result);
    }
    if (text && s->twice) {
        struct play_options quiet = {.seed = s->options.seed, .path = path};
        struct arena second;
        arena_init(&second, NULL);
        play_text(&second, text, size, &quiet, &again);
        if (again.trace_hash != result.trace_hash && result.verdict == PLAY_OK) {
            result.verdict = PLAY_FAIL;
            snprintf(result.what, sizeof result.what, "played twice, the traces differ");
        }
        arena_deinit(&second);
    }
    report(s, path, &result);
#define X(name, text) s->sum.name += result.counted.name;
#include "resolver/counters.def"
#undef X
    XXH64_update(s->hash, &result.trace_hash, sizeof result.trace_hash);
    arena_deinit(&arena);
    free(text);
}

/* Says which counters never moved; how many. */
static unsigned still(const struct session *s)
{
    unsigned count = 0;
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
#define X(name, text) {#name, s->sum.name},
#include "resolver/counters.def"
#undef X
    };
    for (size_t i = 0; s->counted && i < sizeof all / sizeof *all; i++) {
        if (!is_word(s->counted, all[i].name) || all[i].value > 0)
            continue;
        printf("FAIL no file moves the counter %s\n", all[i].name);
        count++;
    }
    return count;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Takes an option at argv[*i]; false when it is a wrong one. */
static bool take_option(struct session *s, char **argv, int *i)
{
    const char *arg = argv[*i];
    char *end;
    size_t size;
    if (strcmp(arg, "-v") == 0) {
        s->options.verbose = true;
        return true;
    }
    if (strcmp(arg, "--twice") == 0) {
        s->twice = true;
        return true;
    }
    const char *value = argv[*i + 1];
    if (!value)
        return false;
    ++*i;
    if (strcmp(arg, "--seed") == 0) {
        s->options.seed = strtoull(value, &end, 10);
        return *end == '\0' && end != value;
    }
    if (strcmp(arg, "--fail-allocation") == 0) {
        s->sweeping = true;
        s->sweep.points = (unsigned)strtoul(value, &end, 10);
        return *end == '\0' && end != value;
    }
    if (strcmp(arg, "--counted") == 0) {
        s->counted = value;
        return true;
    }
    if (strcmp(arg, "--expect") != 0)
        return false;
    free(s->expected);
    s->expected = read_whole(value, &size);
    if (!s->expected)
        fprintf(stderr, "play: %s: %s\n", value, strerror(errno));
    return s->expected != NULL;
}

static bool take_arguments(struct session *s, char **argv)
{
    for (int i = 1; argv[i]; i++) {
        bool fine = argv[i][0] == '-' ? take_option(s, argv, &i) : add_path(s, argv[i], 0);
        if (!fine) {
            usage(stderr);
            return false;
        }
    }
    if (s->file_count == 0)
        fprintf(stderr, "play: no scenario was given or found\n");
    return s->file_count > 0;
}

int main(int argc, char **argv)
{
    static struct session s;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        usage(stdout);
        return 0;
    }
    s.options.seed = 1;
    s.hash = XXH64_createState();
    bool fine = s.hash && XXH64_reset(s.hash, 0) == XXH_OK && take_arguments(&s, argv);
    for (size_t i = 0; fine && i < s.file_count; i++)
        play_file(&s, s.files[i]);
    if (fine) {
        s.failed += still(&s);
        printf("trace hash %016" PRIx64 "\n", (uint64_t)XXH64_digest(s.hash));
        if (s.sweeping)
            printf("allocations that failed: %" PRIu64 "; steps as written: %" PRIu64
                   ", otherwise: %" PRIu64 "\n",
                   s.sweep.failures, s.sweep.served, s.sweep.differing);
        printf("%u passed, %u failed, %u skipped\n", s.passed, s.failed, s.skipped);
    }
    for (size_t i = 0; i < s.file_count; i++)
        free(s.files[i]);
    free(s.expected);
    XXH64_freeState(s.hash);
    return fine && s.failed == 0 ? 0 : fine ? 1 : 2;
}
