/* /lrs: the stream to the management server, and what the next report holds. Pure. [jansson, protobuf-c] */
#pragma once

#include <jansson.h>

#include "admin/view.h"

/* A text of `*length` bytes, to be freed; NULL: no memory. */
char *lrs_text(const struct admin_view *view, size_t *length);
/* New references; NULL: no memory. Times are seconds, null where there is none. */
json_t *lrs_json(const struct admin_view *view);
/* The LoadStatsRequests that the next report would be made of now, in protobuf's JSON; only what concerns
 * `cluster`, unless it is NULL. */
json_t *lrs_next_json(const struct admin_view *view, const char *cluster);
