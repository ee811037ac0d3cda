/* Builds LoadStatsRequests from the window, by the rules of Envoy. Pure; the one writer
 * of report messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/messages.h"
#include "report/emission.h"
#include "report/window.h"

struct Envoy__Config__Core__V3__Node;

/* All borrowed. */
struct report {
    const struct Envoy__Config__Core__V3__Node *node; /* in every message, as it is */
    const struct clusters *clusters;
    const struct hosts *hosts;
    struct window *window; /* after window_look() */
    uint64_t now_us;       /* end of the intervals */
    bool endpoints;        /* report_endpoint_granularity */
    bool omit_connections; /* leave out fields 9 to 11, which Envoy never fills */
    enum emission_rules emission;
    bool is_last;       /* no other one follows: nothing is held back for it */
    size_t message_max; /* of a message, in bytes: PACKING_MAX */
    size_t expected;    /* of the whole report, in bytes; any number will do */
    bool error_bound;   /* add the error bound as load_metric_stats, where not zero */
};

/* Packs the report. Rules:
 * - Each cluster of the window's set, and one that has left it with something unconfirmed
 *   (window_reports), has an entry, idle ones too: cluster_name,
 *   cluster_service_name unless empty, load_report_interval.
 *   Left out, where they have no locality entry, are those whose load no socket shows (endpoints unknown
 *   or no TCP sockets; TLS without connection fields and error bound), and those that have left the
 *   configuration; their interval goes on.
 * - Groups of one priority and locality are one locality entry. It is there where issued, success,
 *   error or in progress is not zero, or, unless left out, a connection field (now active, newly
 *   established, failed) is not zero, or, if wanted, a part of the error bound is not zero.
 *   `locality` is always set, if only to an empty message.
 *   By older rules than Envoy 1.39's (emission.h) only where they show it, whatever else is not zero;
 *   what they do not show is held back in the window, unless `is_last`, or some of it was sent before on
 *   a stream that ended. They may allow no endpoints at all.
 * - Order of entries: by priority; in it the node's own locality, then by region, zone, sub_zone.
 * - Endpoint entries, only with `endpoints`: hosts with a request number, or a wanted part of the
 *   error bound, that is not zero, in the order of the groups and their hosts; IP and port_value.
 * - The error bound, if wanted: in a locality's and an endpoint's load_metric_stats an entry for each
 *   kind that is not zero. metric_name: bound_metric(); total_metric_value: how many came up in the
 *   interval; num_requests_finished_with_metric: the same where it is a number of requests, else 0,
 *   as connections, bytes and packets belong to no request.
 * - Clusters are in the order of the configuration (Envoy's order is random).
 * - One message, if it is not larger than `message_max`; else as packing.h says.
 * 0 with `*out` (the caller's now), `*sum` the loads in it of all clusters; -ENOMEM; -EMSGSIZE: a
 * message of over 4 GiB. */
int report_encode(const struct report *report, struct grpc_messages *out, struct window_load *sum);
