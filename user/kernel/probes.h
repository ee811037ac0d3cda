/* A cluster's HTTP health checks in the form that the kernel compares requests with. Pure. */
#pragma once

#include <stddef.h>

#include "config/clusters.h"

/* Fills the set from the first checks that fit the limits of abi.h; returns how many. */
size_t probes_fill(const struct cluster *cluster, struct probe_set *out);
