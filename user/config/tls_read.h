/* The transport socket of the cluster that reports go to -> TLS settings, checked. */
#pragma once

#include "config/tls_settings.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "message/check.h"

/* `path` is that of the cluster. `*out` stays NULL where it speaks plain TCP. 0, -EINVAL, -ENOMEM;
 * on failure `*out` holds what was read so far. */
int tls_read(struct check *check, const Envoy__Config__Cluster__V3__Cluster *from,
             const struct tree_path *path, struct tls_settings **out);
