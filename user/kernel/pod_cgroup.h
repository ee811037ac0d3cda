/* The cgroup of the Kubernetes pod that a process runs in: it has those of all containers of the pod in it,
 * and nothing else. In a container it shows only where the host's tree is mounted beside the container's
 * own. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* How much of a path leads to the innermost pod, by kubelet's names: "pod<UID>", or where systemd keeps the
 * cgroups "…-pod<UID>.slice" with "_" for "-" in the UID. 0: it leads through none. */
size_t pod_cgroup_length(const char *path);

/* Looks for the process in all cgroup v2 mounts of a table (/proc/self/mountinfo): the cgroup whose
 * cgroup.procs has it, and the pod above. That needs no mount of the container's own cgroup, by whose inode
 * it could be found too, and which hybrid hosts do not give to a container; and the kernel shows process ids
 * of the reader's own namespace, so none of another container can be meant.
 * 0; -ENOENT: it is seen in no pod; -ENAMETOOLONG; -errno. */
int pod_cgroup_find(const char *mountinfo, pid_t pid, char *out, size_t size);
