#include "command/whole_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int write_all(int fd, const char *content, size_t size)
{
    while (size) {
        ssize_t written = write(fd, content, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        content += written;
        size -= (size_t)written;
    }
    return fsync(fd) ? -errno : 0;
}

/* Without `replaces` a file that appeared meanwhile stays: link() does not replace. */
static int give_name(const char *beside, const char *path, bool replaces)
{
    if (replaces)
        return rename(beside, path) ? -errno : 0;
    if (link(beside, path))
        return -errno;
    unlink(beside);
    return 0;
}

/* That of the file that is there; else `mode`, as open() would have it. -errno: it is no file. */
static int find_mode(const char *path, mode_t mode)
{
    mode_t mask = umask(0);
    struct stat before;

    umask(mask);
    if (stat(path, &before))
        return errno == ENOENT ? (int)(mode & ~mask) : -errno;
    return S_ISREG(before.st_mode) ? (int)(before.st_mode & 07777) : -EINVAL;
}

int whole_file_write(const char *path, const void *content, size_t size, mode_t mode, bool replaces)
{
    autofree char *target = realpath(path, NULL);
    const char *real = target ? target : path;
    char beside[PATH_MAX];
    int found = find_mode(real, mode), fd, result;

    if (target && !replaces)
        return -EEXIST;
    if (found < 0)
        return found;
    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", real) >= (int)sizeof(beside))
        return -ENAMETOOLONG;
    fd = mkstemp(beside);
    if (fd < 0)
        return -errno;
    result = write_all(fd, content, size);
    if (!result && fchmod(fd, (mode_t)found))
        result = -errno;
    if (close(fd) && !result)
        result = -errno;
    if (!result)
        result = give_name(beside, real, replaces);
    if (result)
        unlink(beside);
    return result;
}
