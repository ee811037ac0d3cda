/* loadtap's own numbers: the stream, the reports, what all costs. Pure. */
#pragma once

#include <stdio.h>

#include "admin/cost.h"
#include "admin/view.h"
#include "http/server.h"

/* As Prometheus wants them. `beyond`: endpoints that /metrics does not tell apart. */
void own_metrics_write(FILE *out, const struct admin_view *view, const struct admin_cost *cost,
                       const struct http_numbers *http, uint64_t beyond);
/* A line each, as Envoy's /stats: "loadtap.lrs_reports_total: 12". */
void own_stats_write(FILE *out, const struct admin_view *view, const struct admin_cost *cost,
                     const struct http_numbers *http);
/* Their rows of the table of metrics, in markdown. */
void own_metrics_document(FILE *out);
