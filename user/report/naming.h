/* Which clusters a response names. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/clusters.h"
#include "report/response.h"

struct naming;

/* Borrows the clusters, which do not change while the daemon runs. NULL: out of memory. */
struct naming *naming_new(const struct clusters *clusters);
void naming_free(struct naming *naming); /* NULL is fine */

/* Takes the names of a response, in the place of those before. Returns how many of them no cluster
 * has, and in `*unknown` one of those, borrowed: such a name can never be reported and is not kept. */
size_t naming_apply(struct naming *naming, const struct response *response,
                    struct response_name *unknown);
/* Does the response name the cluster, or want all? */
bool naming_wants(const struct naming *naming, uint32_t cluster);
