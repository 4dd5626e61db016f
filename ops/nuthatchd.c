/* nuthatchd: the command line. */
#include <ares.h>
#include <getopt.h>
#include <ldns/ldns.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>
#include <yaml.h>

#include <cyaml/cyaml.h>
#ifdef NUTHATCH_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "base/log.h"
#include "net/loop.h"
#include "ops/check_anchors.h"
#include "ops/generation.h"
#include "ops/server.h"
#include "ops/trust.h"

#ifdef NUTHATCH_JEMALLOC
/* Freed pages go back to the system in a second, not in ten: buffers that grow leave so many behind
 * that connections nobody reads from once made the process twice as large as work.size. */
const char *malloc_conf = "dirty_decay_ms:1000";
#endif

#define DEFAULT_FILE "/etc/nuthatch/nuthatch.yaml"

enum mode { MODE_RUN, MODE_CHECK, MODE_PRINT, MODE_ANCHOR, MODE_VERSION, MODE_HELP };

struct arguments {
    enum mode mode;
    const char *file; /* NULL: none was named */
};

static const char help[] =
    "usage: nuthatchd [-c FILE] [--check-config | --print-config | --check-anchor]\n"
    "\n"
    "Nuthatch is a caching recursive DNS resolver. It runs in the foreground and logs to\n"
    "standard error.\n"
    "\n"
    "  -c, --config FILE   read this file; without it " DEFAULT_FILE "\n"
    "                      if that exists, else all defaults hold\n"
    "      --check-config  say what is wrong with the file, if anything, and end\n"
    "      --print-config  print the configuration in force and end\n"
    "      --check-anchor  say what is trusted, by which keys, and whether they are of use\n"
    "  -V, --version       name this program and the libraries it uses\n"
    "  -h, --help          this text\n"
    "\n"
    "Signals: SIGTERM and SIGINT end, SIGHUP reads the file again, SIGUSR1 logs figures.\n"
    "See nuthatchd(8) and nuthatch.yaml(5).\n";

/* False: what the command line says is not understood, and standard error has been told so. */
static bool read_arguments(struct arguments *a, int argc, char **argv)
{
    static const struct option names[] = {{"config", required_argument, NULL, 'c'},
                                          {"check-config", no_argument, NULL, MODE_CHECK},
                                          {"print-config", no_argument, NULL, MODE_PRINT},
                                          {"check-anchor", no_argument, NULL, MODE_ANCHOR},
                                          {"version", no_argument, NULL, MODE_VERSION},
                                          {"help", no_argument, NULL, MODE_HELP},
                                          {NULL, 0, NULL, 0}};
    int got;
    while ((got = getopt_long(argc, argv, "c:hV", names, NULL)) != -1) {
        if (got == 'c')
            a->file = optarg;
        else if (got == 'h' || got == 'V')
            a->mode = got == 'h' ? MODE_HELP : MODE_VERSION;
        else if (got != '?')
            a->mode = (enum mode)got;
        else {
            fputs("Try nuthatchd --help.\n", stderr);
            return false;
        }
    }
    if (optind == argc)
        return true;
    fprintf(stderr,
            "nuthatchd: '%s' is no option: a configuration file is named with -c. Try nuthatchd "
            "--help.\n",
            argv[optind]);
    return false;
}

static void print_version(void)
{
    unsigned xxh = XXH_versionNumber();
    printf("nuthatchd %s\n", NUTHATCH_VERSION);
    printf("%s\n", net_library_version());
    printf("ldns %s\n", ldns_version());
    printf("c-ares %s\n", ares_version(NULL));
    printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    printf("libcyaml %s\n", cyaml_version_str);
    printf("libyaml %s\n", yaml_get_version_string());
    printf("xxHash %u.%u.%u\n", xxh / 10000, xxh / 100 % 100, xxh % 100);
#ifdef NUTHATCH_JEMALLOC
    const char *jemalloc = "";
    size_t size = sizeof jemalloc;
    mallctl("version", (void *)&jemalloc, &size, NULL, 0);
    printf("jemalloc %s\n", jemalloc);
#endif
}

static int fail(const struct config_report *report, enum err e)
{
    for (size_t i = 0; i < report->count && i < REPORT_LINES; i++)
        fprintf(stderr, "%s\n", report->lines[i]);
    if (report->count > REPORT_LINES)
        fprintf(stderr, "and %zu more\n", report->count - REPORT_LINES);
    if (report->count == 0)
        fprintf(stderr, "nuthatchd: cannot start: %s\n", err_text(e));
    return 1;
}

/* Takes the config. Builds all that a start would build, short of opening sockets. */
static int check(struct config *config, enum mode mode)
{
    static struct config_report report;
    struct generation *g = NULL;
    struct trust_state *trust = NULL;
    enum err e = trust_load(&trust, config, &report);
    struct discoveries found = {.trust = trust};
    if (e == OK)
        e = generation_new(&g, config, &config->server.listen, &found, &report);
    if (e != OK) {
        trust_free(trust);
        config_free(config);
        return fail(&report, e);
    }
    bool good = true;
    if (mode == MODE_PRINT)
        config_print(stdout, config);
    else if (mode == MODE_ANCHOR)
        good = check_anchors(&g->options, config, trust);
    else
        printf("%s: no errors\n", config->file ? config->file : "defaults");
    generation_free(g);
    trust_free(trust);
    return fflush(stdout) == 0 && good ? 0 : 1;
}

/* Each message under way has a socket of its own: as many as we may have, not what shells begin
 * with. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct config *config)
{
    static struct config_report report;
    struct server *server = NULL;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    enum err e = server_new(&server, config, &report);
    if (e != OK)
        return fail(&report, e);
    e = server_run(server);
    server_free(server);
    return e == OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct config_report report;
    struct arguments arguments = {.mode = MODE_RUN};
    struct config *config = NULL;
    if (!read_arguments(&arguments, argc, argv))
        return 1;
    if (arguments.mode == MODE_HELP || arguments.mode == MODE_VERSION) {
        if (arguments.mode == MODE_HELP)
            fputs(help, stdout);
        else
            print_version();
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (!arguments.file && access(DEFAULT_FILE, F_OK) == 0)
        arguments.file = DEFAULT_FILE;
    enum err e = config_load(&config, arguments.file, &report);
    if (e != OK)
        return fail(&report, e);
    return arguments.mode == MODE_RUN ? run(config) : check(config, arguments.mode);
}
