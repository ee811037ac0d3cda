/* What the live page shows of the collector: each node, and in it its clusters. Pure. [jansson] */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "collector/server.h"
#include "collector/service.h"

/* A new reference, as http/live.h has it; NULL: no memory. `interval_us` is what most nodes
 * are asked for; `now_ms` is of any clock. */
json_t *live_event_json(const struct service *service, const struct server_numbers *server,
                        uint64_t interval_us, int64_t now_ms);
