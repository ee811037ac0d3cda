/* What of a bootstrap that is loaded anew is another one, beside its clusters. Pure. */
#pragma once

#include <stdbool.h>

#include "config/bootstrap.h"
#include "config/cluster_changes.h"

/* Does `to` ask for what only a start can do? 0; -EINVAL, with the field, what it is and what it would be
 * in `error`. `file` is for that, and may be NULL. */
int bootstrap_change_check(const struct bootstrap *from, const struct bootstrap *to,
                           const char *file, struct config_error *error);

/* Is the stream to the management server another one: where it goes, how, and what it says of the node?
 * `changes` are those of the clusters, which have not been made yet. */
bool bootstrap_change_stream(const struct bootstrap *from, const struct bootstrap *to,
                             const struct cluster_changes *changes);

/* `bootstrap` becomes `to`, which gets what it was; its clusters are changed by `changes`. Where the stream
 * is not another one, its TLS settings stay where they are, as the stream borrows them. Cannot fail. */
void bootstrap_change_make(struct bootstrap *bootstrap, struct bootstrap *to,
                           struct cluster_changes *changes);
