/* cluster_manager.load_stats_config -> where and how reports are sent. */
#pragma once

#include "config/bootstrap.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "message/check.h"

/* Fills the lrs_ members of `out`, whose clusters are read already and stand in the same order as
 * in `from`. 0, -EINVAL, -ENOMEM; on failure `out` holds what was read so far. */
int lrs_read(struct check *check, const Envoy__Config__Bootstrap__V3__Bootstrap *from,
             struct bootstrap *out);
