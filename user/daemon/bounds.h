/* An endpoint's error bound, since it is observed, as a line of the log:
 *   error bound: cluster=backend endpoint=10.0.0.1:80 issued=120 unclassified_requests=3 */
#pragma once

#include <stdbool.h>

#include "base/counters.h"
#include "config/clusters.h"
#include "upstream/hosts.h"

/* Returns whether there was one to tell: false, the counts are exact. */
bool bounds_tell(const struct clusters *clusters, const struct host *host,
                 const struct counters *row);
