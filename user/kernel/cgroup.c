#include "kernel/cgroup.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

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
