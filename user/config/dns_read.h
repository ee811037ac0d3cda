/* When a DNS cluster's names are resolved again: the same four fields in Cluster and in DnsCluster. */
#pragma once

#include "config/clusters.h"
#include "google/protobuf/duration.pb-c.h"
#include "message/check.h"

/* The fields as they stand in the message; NULL where unset. */
struct dns_fields {
    const Google__Protobuf__Duration *rate, *jitter;
    bool has_failure_rate;
    const Google__Protobuf__Duration *failure_base, *failure_max;
    bool respect_ttl;
};

/* Reads the fields of the message at `path`, by Envoy's rules. 0 or -EINVAL. */
int dns_refresh_read(const struct check *check, const struct dns_fields *from,
                     const struct tree_path *path, struct dns_refresh *out);
/* A note for each field of the message at `path` that says by which servers names shall be resolved: loadtap
 * has those of the system. -ENOMEM, else 0. */
int dns_note_servers(struct check *check, const struct tree_path *path);
