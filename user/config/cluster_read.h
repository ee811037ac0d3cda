/* A Cluster message -> the clusters model, checked. */
#pragma once

#include "config/clusters.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "message/check.h"

/* Reads the cluster at `path` into the zeroed `*out`. 0, -EINVAL, -ENOMEM; on failure
 * `*out` holds what was read so far (clusters_clear frees it). */
int cluster_read(struct check *check, const Envoy__Config__Cluster__V3__Cluster *from,
                 const struct tree_path *path, struct cluster *out);
