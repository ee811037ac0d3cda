/* /stats: the numbers of each cluster, by Envoy's names, and loadtap's own. Pure. */
#pragma once

#include <stddef.h>

#include "admin/cost.h"
#include "admin/view.h"
#include "http/server.h"

/* A text of `*length` bytes, to be freed; NULL: no memory. */
char *stats_page(const struct admin_view *view, const struct admin_cost *cost,
                 const struct http_numbers *http, size_t *length);
