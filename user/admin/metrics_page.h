/* /metrics: what Prometheus scrapes. Pure. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "admin/cost.h"
#include "admin/view.h"
#include "http/server.h"

/* A text of `*length` bytes, to be freed; NULL: no memory. */
char *metrics_page(const struct admin_view *view, const struct admin_cost *cost,
                   const struct http_numbers *http, size_t *length);

/* The rows of the table of metrics, in markdown. */
void metrics_document(FILE *out);
