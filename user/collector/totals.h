/* What was reported in all, as /metrics shows it: for each node cluster, cluster and locality, so that
 * the nodes of a cluster add up. Pure. Names are foreign input: their number and size are bounded,
 * and what does not fit is counted in one row, so that no count is lost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/origin.h"
#include "envoy/config/endpoint/v3/load_report.pb-c.h"

enum totals_kind {
    TOTALS_LOCALITY,
    TOTALS_CLUSTER,  /* what belongs to no locality: `dropped` alone */
    TOTALS_OVERFLOW, /* all that went beyond the bounds; its names are "" */
};

/* Growing; a sum that would overflow stays at UINT64_MAX. */
struct totals_counts {
    uint64_t issued, success, error, dropped, new_connections, failed_connections;
};

/* Of the message that is being added: for again.c alone. */
struct totals_again {
    struct totals_counts counted; /* before, of what is covered again */
    bool is_named, is_superseded;
};

struct totals_row {
    enum totals_kind kind;
    const char *node_cluster, *cluster;
    const char *region, *zone, *sub_zone; /* of TOTALS_LOCALITY; else "" */
    uint32_t priority;
    struct totals_counts counts;
    struct totals_again again;
    /* Of all streams that are open, as the newest report of each has them. Modulo 2^64. */
    uint64_t in_progress, active_connections;
};

struct totals_limits {
    size_t rows, text; /* and the bytes of their names */
    size_t gauges;     /* pairs of a stream and a row that are not zero */
    size_t again;      /* pairs of a message and a row that may be covered again */
};

struct totals_numbers {
    size_t rows;
    uint64_t overflowed;    /* reports of a locality, or of drops, that the overflow row took */
    uint64_t gauges_missed; /* pairs beyond limits.gauges, which no gauge has */
};

/* One stream's part of the gauges; all zero before its first report. */
struct totals_gauges {
    struct totals_gauge *items;
    size_t count, room;
};

struct totals;

struct totals *totals_new(const struct totals_limits *limits); /* NULL: out of memory */
void totals_free(struct totals *totals);                       /* after all gauges; NULL is fine */

/* A message, the entries of it by totals_add, its end. A count that a report of loadtap covers again is
 * added once. */
void totals_begin(struct totals *totals, const struct origin *origin, uint64_t message);
void totals_end(struct totals *totals);
void totals_add(struct totals *totals, struct totals_gauges *gauges, const char *node_cluster,
                const Envoy__Config__Endpoint__V3__ClusterStats *stats);
/* Takes a stream's part out of the gauges: before its next report, and at its end. */
void totals_forget(struct totals *totals, struct totals_gauges *gauges);

struct totals_numbers totals_numbers(const struct totals *totals);
typedef void totals_row_fn(void *arg, const struct totals_row *row);
/* By node cluster, cluster, locality and priority; then the overflow row, if something is there. */
void totals_each(const struct totals *totals, totals_row_fn *on_row, void *arg);
