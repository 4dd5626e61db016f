#include "ops/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* NULL with `why` filled, and *e the error; NULL and OK: nothing is to be done. */
static const struct passwd *find(const char *user, char why[IDENTITY_WHY_MAX], enum err *e)
{
    *e = OK;
    if (user[0] == '\0')
        return NULL;
    const struct passwd *found = getpwnam(user);
    if (!found) {
        snprintf(why, IDENTITY_WHY_MAX,
                 "there is no user '%.60s': create it or name another, or remove the option", user);
        *e = ERR_NOTFOUND;
        return NULL;
    }
    if (found->pw_uid == geteuid())
        return NULL;
    if (geteuid() != 0) {
        snprintf(why, IDENTITY_WHY_MAX,
                 "only root can become '%.60s': start as root or remove the option", user);
        *e = ERR_REFUSED;
        return NULL;
    }
    return found;
}

enum err identity_check(const char *user, char why[IDENTITY_WHY_MAX])
{
    enum err e;
    (void)find(user, why, &e);
    return e;
}

enum err identity_become(const char *user, char why[IDENTITY_WHY_MAX])
{
    enum err e;
    const struct passwd *to = find(user, why, &e);
    if (!to)
        return e;
    if (initgroups(user, to->pw_gid) == 0 && setgid(to->pw_gid) == 0 && setuid(to->pw_uid) == 0)
        return OK;
    snprintf(why, IDENTITY_WHY_MAX, "cannot become '%.60s': %s", user, strerror(errno));
    return ERR_IO;
}
