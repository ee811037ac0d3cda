/* The difference of two lists of endpoints, which may have any order and the same one several times.
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/clusters.h"

/* Sets `gone[i]` for each endpoint that only `from` has, and `come[i]` for each that only `to` has; those
 * that are not observed are in neither. `gone` and `come` are all false before. 0, -ENOMEM. */
int endpoint_difference(const struct locality_endpoints *from, const struct locality_endpoints *to,
                        bool *gone, bool *come);
