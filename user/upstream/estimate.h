/* What room a configuration is likely to want in the kernel. Pure. */
#pragma once

#include <stddef.h>

#include "config/clusters.h"

/* How many hosts the configuration is likely to make: one for each endpoint, several for a name. */
size_t estimate_hosts(const struct clusters *clusters);

/* How many clusters describe health checks. */
size_t estimate_checked(const struct clusters *clusters);
