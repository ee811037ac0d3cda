/* What a cluster's extensions say: those whose messages are read. */
#pragma once

#include <stdbool.h>

#include "config/clusters.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "message/check.h"

/* The message inside, to be freed; NULL where it is of another type, or out of memory. */
void *extension_unpack(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *type);

/* cluster_type, Envoy's newer way to say `type`, of the cluster at `path`: sets discovery, and what it
 * says of DNS. 0 or -EINVAL. */
int cluster_type_read(const struct check *check,
                      const Envoy__Config__Cluster__V3__Cluster__CustomClusterType *from,
                      const struct tree_path *path, struct cluster *out);

/* Does its transport socket encrypt? Then nothing but connections can be seen. */
bool cluster_is_encrypted(const Envoy__Config__Cluster__V3__Cluster *from);

/* Checks the HttpProtocolOptions of the cluster at `path`. 0 or -EINVAL. */
int cluster_http_read(const struct check *check, const Envoy__Config__Cluster__V3__Cluster *from,
                      const struct tree_path *path, bool *is_http3);
