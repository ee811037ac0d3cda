/* What /metrics shows, in Prometheus' text format. Pure. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "collector/server.h"
#include "collector/service.h"

/* `service` has totals. A text of `*length` bytes, to be freed; NULL: out of memory. */
char *metrics_page(const struct service *service, const struct server_numbers *server,
                   size_t *length);

/* The rows of the table of metrics, in markdown. */
void metrics_document(FILE *out);
