/* /clusters: every cluster, locality and endpoint with its numbers. README.md has the JSON, which is an
 * interface. Pure. [jansson] */
#pragma once

#include <jansson.h>

#include "admin/view.h"

/* As Envoy's /clusters: "cluster::127.0.0.1:80::rq_total::12". A text of `*length` bytes, to be freed; NULL:
 * no memory. */
char *clusters_text(const struct admin_view *view, size_t *length);
/* New references; NULL: no memory. */
json_t *clusters_json(const struct admin_view *view);
json_t *cluster_json(const struct admin_view *view, uint32_t cluster);
json_t *endpoint_json(const struct admin_view *view, const struct host *host);
json_t *locality_json(const struct locality *locality);

/* As the configuration names them; "OTHER" for extensions. */
const char *discovery_text(enum discovery discovery);
const char *protocol_text(enum protocol protocol);
