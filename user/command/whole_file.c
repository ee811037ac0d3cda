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

/* Makes the file that is to get the name of `path`, which leads to `*real` (to be freed; NULL: to itself).
 * `*mode`: what a new one would have; then what it is to have. A descriptor; or -errno. */
static int open_beside(const char *path, bool replaces, mode_t *mode, char **real,
                       char beside[PATH_MAX])
{
    int found, fd;

    *real = realpath(path, NULL);
    if (*real && !replaces)
        return -EEXIST;
    found = find_mode(*real ? *real : path, *mode);
    if (found < 0)
        return found;
    *mode = (mode_t)found;
    if (snprintf(beside, PATH_MAX, "%s.XXXXXX", *real ? *real : path) >= PATH_MAX)
        return -ENAMETOOLONG;
    fd = mkstemp(beside);
    return fd < 0 ? -errno : fd;
}

int whole_file_check(const char *path, bool replaces)
{
    autofree char *target = NULL;
    char beside[PATH_MAX];
    mode_t mode = 0;
    int fd = open_beside(path, replaces, &mode, &target, beside);

    if (fd < 0)
        return fd;
    unlink(beside);
    close(fd);
    return 0;
}

int whole_file_write(const char *path, const void *content, size_t size, mode_t mode, bool replaces)
{
    autofree char *target = NULL;
    char beside[PATH_MAX];
    int fd = open_beside(path, replaces, &mode, &target, beside), result;

    if (fd < 0)
        return fd;
    result = write_all(fd, content, size);
    if (!result && fchmod(fd, mode))
        result = -errno;
    if (close(fd) && !result)
        result = -errno;
    if (!result)
        result = give_name(beside, target ? target : path, replaces);
    if (result)
        unlink(beside);
    return result;
}
