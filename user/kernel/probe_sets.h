/* The rows of health check patterns in the kernel: one for each set of patterns that observed addresses
 * have, whichever clusters they are of. Row 0 means none.
 *
 * A connection keeps the row that its address had when it was opened, for all of its life: so a row that
 * no address has any more keeps its patterns for as long as there are others to take. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/clusters.h"

struct probe_sets;

/* `count` rows, 0 included. NULL: no memory. */
struct probe_sets *probe_sets_new(uint32_t count);
void probe_sets_free(struct probe_sets *sets); /* NULL is fine */

/* The row of the cluster's patterns, which one address more has: written into the map, where it was not
 * there. -ENOSPC: all are in use; -errno. */
int probe_sets_take(struct probe_sets *sets, int map, const struct cluster *cluster);
/* One address less has the row. */
void probe_sets_give(struct probe_sets *sets, uint32_t row);
uint32_t probe_sets_used(const struct probe_sets *sets); /* how many addresses have */
uint32_t probe_sets_room(const struct probe_sets *sets); /* the others */
