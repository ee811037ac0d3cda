#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "kernel/cgroup_mounts.h"
#include "kernel/pod_cgroup.h"

#define MOUNTINFO "/proc/self/mountinfo"

/* How many levels above the own part a mount's root lies; below zero: below it, or elsewhere. */
static int height(const char *root)
{
    int up = 0, down = 0;

    while (*root == '/' && root[1]) {
        size_t size = strcspn(root + 1, "/");

        if (size == 2 && root[1] == '.' && root[2] == '.')
            up++;
        else
            down++;
        root += 1 + size;
    }
    return down ? -down : up;
}

int cgroup_root(const char *mountinfo, char *out, size_t size)
{
    FILE *table = fopen(mountinfo, "re");
    struct cgroup_mount mount;
    int result = -ENOENT, highest = INT_MIN;

    if (!table)
        return -errno;
    while (cgroup_mounts_next(table, &mount)) {
        if (height(mount.root) <= highest)
            continue;
        highest = height(mount.root);
        result = (size_t)snprintf(out, size, "%s", mount.point) < size ? 0 : -ENAMETOOLONG;
    }
    fclose(table);
    return result;
}

bool cgroup_is_whole(const char *path)
{
    char file[CGROUP_PATH_MAX + sizeof("/cgroup.events")];

    snprintf(file, sizeof(file), "%s/cgroup.events", path);
    return access(file, F_OK) != 0;
}

static int failure(char *error, size_t size, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int failure(char *error, size_t size, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return code;
}

static int open_directory(const char *path, char *error, size_t size)
{
    char root[CGROUP_PATH_MAX];
    struct statfs in;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return failure(error, size, -errno, "cannot open cgroup %s: %s", path, strerror(errno));
    if (!fstatfs(fd, &in) && in.f_type == CGROUP2_SUPER_MAGIC)
        return fd;
    close(fd);
    if (cgroup_root(MOUNTINFO, root, sizeof(root)))
        snprintf(root, sizeof(root), "nowhere");
    return failure(error, size, -EINVAL,
                   "%s is no cgroup v2 directory (cgroup v2 is mounted at %.500s)", path, root);
}

static int choose_pod(char *out, size_t out_size, char *error, size_t size)
{
    int result = pod_cgroup_find(MOUNTINFO, getpid(), out, out_size);

    return !result
               ? 0
               : failure(error, size, result,
                         "pod_cgroup: this process is in no pod (pod<UID>) of any cgroup v2 mount: "
                         "in a container, have the host's /sys/fs/cgroup mounted too (hostPath, "
                         "read-only); where kubelet did not make the cgroup, set cgroup_path");
}

static int choose_root(char *out, size_t out_size, char *error, size_t size)
{
    int result = cgroup_root(MOUNTINFO, out, out_size);

    return !result ? 0
                   : failure(error, size, result,
                             "no cgroup v2 hierarchy in " MOUNTINFO
                             ": mount one (mount -t cgroup2 none "
                             "/sys/fs/cgroup) or set cgroup_path");
}

int cgroup_open(const char *path, bool own_pod, char *out, size_t out_size, char *error,
                size_t error_size)
{
    int result = 0;

    if (!path && own_pod)
        result = choose_pod(out, out_size, error, error_size);
    else if (!path)
        result = choose_root(out, out_size, error, error_size);
    else if ((size_t)snprintf(out, out_size, "%s", path) >= out_size)
        result = failure(error, error_size, -ENAMETOOLONG, "cgroup_path %.200s…: too long", path);
    return result ? result : open_directory(out, error, error_size);
}
