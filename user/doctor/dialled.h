/* Are the endpoints what the processes of the cgroup dial? */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"
#include "doctor/names.h"

/* By the connections that are open now, in the network namespaces of the cgroup's processes. */
void dialled_check(struct findings *findings, const struct bootstrap *bootstrap,
                   const struct named_addresses *addresses, const char *cgroup);
