/* Whose sockets are watched: a path, the own pod, or all -> an open cgroup v2 directory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Where the hierarchy is mounted, by a table in the form of /proc/self/mountinfo: the first mount of those
 * that show most of it, so in a container the host's tree comes before the container's own. 0; -ENOENT: no
 * cgroup2 in the table; -ENAMETOOLONG; -errno. */
int cgroup_root(const char *mountinfo, char *out, size_t size);

/* Is the directory the root of the whole hierarchy, and not only of the part that a container is shown? The
 * real one alone has no file "cgroup.events" (cgroup-v2.rst of the kernel). */
bool cgroup_is_whole(const char *path);

/* Opens `path`; where that is NULL, the cgroup of the own pod (pod_cgroup.h), or else the root. A
 * descriptor, which the caller closes, and its path in `out`; or -errno and a sentence in `error`. */
int cgroup_open(const char *path, bool own_pod, char *out, size_t out_size, char *error,
                size_t error_size);
