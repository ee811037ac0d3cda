#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

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

static int open_it(const char *path, char *error, size_t size)
{
    char root[CGROUP_PATH_MAX];
    struct statfs in;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = errno;

    if (fd < 0) {
        snprintf(error, size, "cannot open cgroup %s: %s", path, strerror(failed));
        return -failed;
    }
    if (!fstatfs(fd, &in) && in.f_type == CGROUP2_SUPER_MAGIC)
        return fd;
    close(fd);
    if (cgroup_root(CGROUP_MOUNTS, root, sizeof(root)))
        snprintf(root, sizeof(root), "nowhere");
    snprintf(error, size, "%s is no cgroup v2 directory (cgroup v2 is mounted at %.500s)", path,
             root);
    return -EINVAL;
}

int cgroup_open(const char *path, char *out, char *error, size_t size)
{
    int result = 0;

    if (path)
        snprintf(out, CGROUP_PATH_MAX, "%s", path);
    else
        result = cgroup_root(CGROUP_MOUNTS, out, CGROUP_PATH_MAX);
    if (!result)
        return open_it(out, error, size);
    snprintf(error, size,
             "no cgroup v2 hierarchy in " CGROUP_MOUNTS ": mount one (mount -t cgroup2 none "
             "/sys/fs/cgroup) or name a cgroup (cgroup_path)");
    return result;
}
