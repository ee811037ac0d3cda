/* Where the cgroup v2 hierarchy is mounted: /sys/fs/cgroup, or in a hybrid set-up somewhere below.
 */
#pragma once

#include <stddef.h>

#define CGROUP_MOUNTS "/proc/self/mounts" /* also there where /proc shows only processes */

/* Reads a table in the form of /proc/mounts. 0; -ENOENT: no cgroup2 in it; -ENAMETOOLONG; -errno.
 */
int cgroup_root(const char *mounts, char *out, size_t size);

#define CGROUP_PATH_MAX 4096

/* Opens the directory `path`, or, if it is NULL, the root of the hierarchy; which, is in `out` of
 * CGROUP_PATH_MAX bytes. The descriptor; or -errno with a sentence in `error`. */
int cgroup_open(const char *path, char *out, char *error, size_t size);
