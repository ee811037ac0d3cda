/* The ClusterLoadAssignment of a cluster -> groups of endpoints, checked. */
#pragma once

#include "config/clusters.h"
#include "envoy/config/core/v3/address.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"
#include "message/check.h"

/* Reads into `cluster`, whose name and discovery are set. `path` is that of the assignment. 0,
 * -EINVAL, -ENOMEM; on failure `cluster` holds what was read so far. */
int endpoints_read(struct check *check,
                   const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *from,
                   const struct tree_path *path, struct cluster *cluster);

/* Can a resolver take it? Not an address, nor what is almost one. */
bool host_name_is_valid(const char *text);

/* 0 where a socket address has an IP literal and a port; any port, where `any_port`. */
int socket_address_check(const struct check *check,
                         const Envoy__Config__Core__V3__SocketAddress *from,
                         const struct tree_path *path, bool is_name_allowed, bool any_port);
