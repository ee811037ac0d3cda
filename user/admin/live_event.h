/* What the live page shows of the daemon: clusters, localities, endpoints, the stream. Pure. [jansson] */
#pragma once

#include <jansson.h>

#include "admin/view.h"

/* A new reference, as http/live.h has it; NULL: no memory. */
json_t *live_event_json(const struct admin_view *view);
