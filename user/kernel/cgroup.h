/* Where the cgroup v2 hierarchy is mounted: /sys/fs/cgroup, or in a hybrid set-up somewhere below.
 */
#pragma once

#include <stddef.h>

/* Reads a table in the form of /proc/mounts. 0; -ENOENT: no cgroup2 in it; -ENAMETOOLONG; -errno.
 */
int cgroup_root(const char *mounts, char *out, size_t size);

/* Opens the directory of a cgroup; NULL: of the root of the hierarchy. A descriptor; or -errno with a
 * sentence in `error`. */
int cgroup_open(const char *path, char *error, size_t error_size);
