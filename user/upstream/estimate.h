/* What room a configuration, and those that come after it, are likely to want in the kernel. Pure. */
#pragma once

#include <stddef.h>

#include "config/clusters.h"

/* How many hosts to provide for: one for each endpoint, several for a name, and some for what later
 * configurations bring. */
size_t estimate_hosts(const struct clusters *clusters);
/* How many lists of health checks, likewise. */
size_t estimate_checked(const struct clusters *clusters);
