/* Are the endpoints what the processes of the cgroup dial? */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"
#include "doctor/names.h"

/* By the connections that are open now, in the network namespaces of the cgroup's processes; those to
 * loopback addresses only in this process's own, as they count (kernels before 5.15 count them all:
 * machine.h). */
void dialled_check(struct findings *findings, const struct bootstrap *bootstrap,
                   const struct named_addresses *addresses, const char *cgroup);
