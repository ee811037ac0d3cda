/* Which clusters a response names. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/clusters.h"
#include "report/response.h"

struct naming;

/* Borrows the clusters. NULL: out of memory. */
struct naming *naming_new(const struct clusters *clusters);
void naming_free(struct naming *naming); /* NULL is fine */

/* The clusters change: room for as many places before they do (0, -ENOMEM), and to be told behind it. What
 * a response named is forgotten then. */
int naming_reserve(struct naming *naming, size_t count);
void naming_refresh(struct naming *naming);
/* A cluster's place is about to be vacant. */
void naming_forget(struct naming *naming, uint32_t cluster);

/* Takes the names of a response, in the place of those before. Returns how many of them no cluster
 * has; `unknown` is called for each, which it borrows. */
typedef void naming_unknown_fn(void *arg, const struct response_name *name);
size_t naming_apply(struct naming *naming, const struct response *response,
                    naming_unknown_fn *unknown, void *arg);
/* Does the response name the cluster, or want all? */
bool naming_wants(const struct naming *naming, uint32_t cluster);
