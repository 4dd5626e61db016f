#include "ops/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err sync_folder(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return ERR_NOMEM;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return ERR_IO;
    (void)fsync(fd); /* not every file system can */
    close(fd);
    return OK;
}

static enum err write_to(int fd, bool (*write)(FILE *f, const void *ctx), const void *ctx)
{
    FILE *f = fdopen(fd, "w");
    if (!f) {
        close(fd);
        return ERR_IO;
    }
    bool good = write(f, ctx) && fflush(f) == 0 && !ferror(f) && fsync(fileno(f)) == 0;
    int why = errno;
    good = fclose(f) == 0 && good;
    errno = why;
    return good ? OK : ERR_IO;
}

enum err whole_file_write(const char *path, bool (*write)(FILE *f, const void *ctx),
                          const void *ctx)
{
    size_t size = strlen(path) + sizeof ".new";
    char *beside = malloc(size);
    if (!beside)
        return ERR_NOMEM;
    snprintf(beside, size, "%s.new", path);
    unlink(beside); /* half written, perhaps by another user */
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    enum err e = fd >= 0 ? write_to(fd, write, ctx) : ERR_IO;
    if (e == OK && rename(beside, path) != 0)
        e = ERR_IO;
    int why = errno;
    if (e != OK && fd >= 0)
        unlink(beside);
    free(beside);
    errno = why;
    return e == OK ? sync_folder(path) : e;
}
