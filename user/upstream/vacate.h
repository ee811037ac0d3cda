/* Clusters and locality groups that have left the configuration, and of which nothing counts any more.
 * Pure. */
#pragma once

#include <stdint.h>

#include "upstream/hosts.h"

/* Makes vacant whatever leaves and has no host. `forget` is called for each such cluster before. */
typedef void vacate_forget_fn(void *arg, uint32_t cluster);
void vacate(struct clusters *clusters, const struct hosts *hosts, vacate_forget_fn *forget,
            void *arg);
