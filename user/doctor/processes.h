/* The processes of a cgroup and of all below it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Until `visit` returns false. Those that this process cannot see, in another process namespace, are 0. 0; or
 * -errno where not all could be read: those that could be were visited. */
int processes_visit(const char *cgroup, bool (*visit)(void *arg, pid_t pid), void *arg);
