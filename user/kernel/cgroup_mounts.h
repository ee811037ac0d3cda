/* Mounts of cgroup v2 in a table in the form of /proc/self/mountinfo. */
#pragma once

#include <stdio.h>

#define CGROUP_PATH_MAX 4096

struct cgroup_mount {
    /* What part of the hierarchy it shows, seen from the own cgroup namespace: "/" is the namespace's own
     * part, "/../.." what lies two levels above it. */
    char root[CGROUP_PATH_MAX];
    char point[CGROUP_PATH_MAX]; /* where */
};

/* The next one of the table: 1 and `out`, or 0 at its end. Longer paths than the kernel takes are passed
 * over. */
int cgroup_mounts_next(FILE *table, struct cgroup_mount *out);
