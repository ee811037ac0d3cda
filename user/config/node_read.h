/* The bootstrap's node -> the node of every report. */
#pragma once

#include "config/bootstrap.h"
#include "message/check.h"

/* Completes `*node` (NULL: makes an empty one first): flags win over what it says, and who sends
 * the reports is us, not the program whose configuration this is. -ENOMEM, else 0. */
int node_complete(struct check *check, const struct bootstrap_source *source,
                  Envoy__Config__Core__V3__Node **node);
