/* connection_keepalive of the cluster that reports go to -> keepalive settings, checked. */
#pragma once

#include "config/keepalive_settings.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "message/check.h"

/* `path` is that of the cluster, whose HttpProtocolOptions are checked already. `*out` stays as it is
 * where there is none. 0, -EINVAL. */
int keepalive_read(const struct check *check, const Envoy__Config__Cluster__V3__Cluster *from,
                   const struct tree_path *path, struct keepalive_settings *out);
