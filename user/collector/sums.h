/* What was reported in all, per node and cluster. Pure. Names are foreign input, so their number
 * and size are bounded: what does not fit is added to one row for all the rest, and no count is
 * lost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "envoy/config/endpoint/v3/load_report.pb-c.h"

struct sums_row {
    bool rest; /* the row of all that went beyond the bounds; its names are "" */
    const char *node_id, *node_cluster, *cluster;
    uint64_t reports; /* ClusterStats entries */
    /* Growing; a sum that would overflow stays at UINT64_MAX. Localities added up. */
    uint64_t issued, success, error, dropped, new_connections, failed_connections;
    /* Gauges, as the last report has them. In the row `rest` of any last report: no meaning. */
    uint64_t in_progress, active_connections;
};

struct sums;

/* At most `max_rows` node and cluster pairs, their names together at most `max_text` bytes.
 * NULL: out of memory. */
struct sums *sums_new(size_t max_rows, size_t max_text);
void sums_free(struct sums *sums);

/* True where the counts went to the row `rest` (bounds reached, or out of memory). */
bool sums_add(struct sums *sums, const char *node_id, const char *node_cluster,
              const Envoy__Config__Endpoint__V3__ClusterStats *stats);

typedef void sums_row_fn(void *arg, const struct sums_row *row);
/* Rows by node id, node cluster, cluster; then `rest`, if anything went there. */
void sums_each(const struct sums *sums, sums_row_fn *on_row, void *arg);
