#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define PATH_SIZE 4096
#define MOUNTS "/proc/mounts"

int cgroup_root(const char *mounts, char *out, size_t size)
{
    FILE *table = setmntent(mounts, "re");
    struct mntent *entry;
    int result = -ENOENT;

    if (!table)
        return -errno;
    while (result == -ENOENT && (entry = getmntent(table))) {
        if (strcmp(entry->mnt_type, "cgroup2"))
            continue;
        result = (size_t)snprintf(out, size, "%s", entry->mnt_dir) < size ? 0 : -ENAMETOOLONG;
    }
    endmntent(table);
    return result;
}

int cgroup_open(const char *path, char *error, size_t error_size)
{
    char root[PATH_SIZE];
    int result = cgroup_root(MOUNTS, root, sizeof(root)), fd;
    struct statfs in;

    if (result && !path) {
        snprintf(error, error_size,
                 "no cgroup v2 hierarchy in " MOUNTS ": mount one (mount -t cgroup2 none "
                 "/sys/fs/cgroup) or name a cgroup");
        return result;
    }
    fd = open(path ? path : root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        result = -errno;
        snprintf(error, error_size, "cannot open cgroup %s: %s", path ? path : root,
                 strerror(-result));
        return result;
    }
    if (!fstatfs(fd, &in) && in.f_type == CGROUP2_SUPER_MAGIC)
        return fd;
    close(fd);
    snprintf(error, error_size, "%s is no cgroup v2 directory (cgroup v2 is mounted at %.500s)",
             path, result ? "nowhere" : root);
    return -EINVAL;
}
