#include "ops/cookies.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/must.h"

static enum err from_text(struct cookie_secrets *out, const struct config *c,
                          struct config_report *report)
{
    if (cookie_secret_read(c->cookies.secret, out->at[0]) == OK) {
        out->count = 1;
        return OK;
    }
    config_complain(report, c->file, c->marks[OPTION_cookies_secret],
                    "cookies.secret: not 32 hex digits: write what `openssl rand -hex 16` prints");
    return ERR_FORMAT;
}

/* One line of the file; false: it is none of its form, or one too many. */
static bool take_line(struct cookie_secrets *out, const char *line)
{
    line += strspn(line, " \t\r\n");
    if (*line == '\0' || *line == '#')
        return true;
    return out->count < COOKIE_SECRETS && cookie_secret_read(line, out->at[out->count++]) == OK;
}

static enum err from_file(struct cookie_secrets *out, const struct config *c,
                          struct config_report *report)
{
    const char *path = c->cookies.secret_file;
    struct mark at = c->marks[OPTION_cookies_secret_file];
    char line[200];
    unsigned number = 0;
    bool fine = true;
    FILE *f = fopen(path, "re");
    if (!f) {
        config_complain(report, c->file, at, "cookies.secret-file: %.120s: %s", path,
                        strerror(errno));
        return ERR_IO;
    }
    while (fine && fgets(line, sizeof line, f)) {
        number++;
        fine = take_line(out, line);
    }
    fclose(f);
    if (fine && out->count > 0)
        return OK;
    config_complain(report, c->file, at,
                    "cookies.secret-file: %.120s: line %u: write one or two lines of 32 hex "
                    "digits, the secret in use first",
                    path, number);
    return ERR_FORMAT;
}

void cookies_draw(uint8_t secret[COOKIE_SECRET])
{
    ssize_t got;
    do
        got = getrandom(secret, COOKIE_SECRET, 0);
    while (got < 0 && errno == EINTR);
    MUST(got == COOKIE_SECRET); /* so few octets come whole */
}

enum err cookies_load(struct cookie_secrets *out, const struct config *c,
                      struct config_report *report)
{
    *out = (struct cookie_secrets){.count = 0};
    if (c->cookies.secret[0] != '\0')
        return from_text(out, c, report);
    if (c->cookies.secret_file[0] != '\0')
        return from_file(out, c, report);
    cookies_draw(out->at[out->count++]);
    return OK;
}

void cookies_roll_over(struct cookie_secrets *next, const struct cookie_secrets *before)
{
    if (next->count < COOKIE_SECRETS && memcmp(next->at[0], before->at[0], COOKIE_SECRET) != 0)
        memcpy(next->at[next->count++], before->at[0], COOKIE_SECRET);
}
