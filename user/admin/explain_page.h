/* /explain: why an address belongs to a cluster and locality, and what a cluster's next report holds. Pure.
 * [jansson] */
#pragma once

#include <jansson.h>

#include "admin/view.h"

/* New references; NULL: no memory. README.md has what is in them. */
json_t *explain_cluster(const struct admin_view *view, uint32_t cluster);
json_t *explain_address(const struct admin_view *view, const struct address *address);
