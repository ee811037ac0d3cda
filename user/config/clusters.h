/* The neutral model in the middle: what the bootstrap says of its clusters. The reader of the
 * configuration writes it, cluster_changes.h keeps it up to date; everything after only reads it. Pure
 * data.
 *
 * All else knows a cluster by its place in the list, and a locality group by its place in the cluster.
 * A place is one's own until nothing is counted there any more, also when the configuration that
 * brought it has been replaced:
 *
 *   VACANT --a configuration brings it--> LIVE --the next one does not--> LEAVING --all is told--> VACANT
 *                                          ^-------- one does again ---------+
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "abi.h"

enum presence {
    PRESENCE_LIVE,    /* stands in the configuration */
    PRESENCE_LEAVING, /* no longer, and has no endpoints; its hosts go on counting */
    PRESENCE_VACANT,  /* nothing is here: of a cluster no other member means anything */
};

struct locality {
    char *region, *zone, *sub_zone; /* "" where unset; NULL only in a vacant group */
};

/* One lb_endpoint as written. */
struct endpoint {
    char *host; /* IP literal, or in STRICT_DNS a name; NULL where not observed */
    uint16_t port;
    const char *not_observed; /* NULL, or why no socket of it can be counted: "pipe", "UDP", …
                                 (static text) */
};

/* One locality_lb_endpoints entry. */
struct locality_endpoints {
    struct locality locality;
    uint32_t priority;
    enum presence presence;
    uint32_t rank;              /* of the live ones of a cluster: the configuration's order */
    struct endpoint *endpoints; /* and behind them, in the same memory, the texts of their hosts */
    size_t endpoint_count;
};

/* An HTTP or gRPC health check that the cluster itself describes. */
struct health_check {
    char *path, *host; /* host "" : any */
};

enum discovery {
    DISCOVERY_STATIC,
    DISCOVERY_STRICT_DNS,
    DISCOVERY_LOGICAL_DNS,
    DISCOVERY_EDS,
    DISCOVERY_ORIGINAL_DST,
    DISCOVERY_OTHER, /* cluster_type extensions */
};

/* Envoy's DnsLookupFamily, same numbers. */
enum dns_family {
    DNS_FAMILY_AUTO, /* IPv6 addresses, or where there are none IPv4 */
    DNS_FAMILY_V4_ONLY,
    DNS_FAMILY_V6_ONLY,
    DNS_FAMILY_V4_PREFERRED, /* IPv4 addresses, or where there are none IPv6 */
    DNS_FAMILY_ALL,          /* both */
};

/* When the names of a DNS cluster are resolved again. */
struct dns_refresh {
    uint64_t rate_ms; /* after an answer */
    /* After a failure: more and more, from the one to the other; 0: rate_ms. */
    uint64_t failure_base_ms, failure_max_ms;
    uint64_t jitter_ms; /* up to so much is added after an answer */
    bool respect_ttl;   /* an answer's time to live, where it has one, is taken for rate_ms */
};

struct cluster {
    char *name;
    enum presence presence;
    uint32_t rank;      /* of the live ones: the configuration's order */
    char *service_name; /* eds_cluster_config.service_name; "" where unset */
    enum discovery discovery;
    enum dns_family dns_family; /* this and the next: of the two DNS discoveries */
    struct dns_refresh dns_refresh;
    uint64_t connect_timeout_us; /* 0: unset */
    enum protocol protocol; /* PROTOCOL_OPAQUE where the cluster speaks TLS, unless `tcp` is set */
    struct locality_endpoints *groups;
    size_t group_count;
    struct health_check *health_checks;
    size_t health_check_count;
};

struct clusters {
    struct cluster *items;
    size_t count;
};

/* Can sockets show this live cluster's load? Not where its endpoints are not known (EDS, extensions), or
 * none of those it has is a TCP socket. ORIGINAL_DST has no endpoints for Envoy either. */
bool cluster_observed(const struct cluster *cluster);

/* Is DNS asked for its endpoints? */
bool cluster_has_names(const struct cluster *cluster);

/* Of two groups that are not vacant. */
bool locality_equal(const struct locality *a, const struct locality *b);

/* A live one; NULL where there is none. O(count). */
const struct cluster *clusters_find(const struct clusters *clusters, const char *name);
size_t clusters_live(const struct clusters *clusters); /* how many are */

/* Each frees what it holds, not the struct, and leaves it empty: a vacant cluster, a vacant group. */
void locality_endpoints_clear(struct locality_endpoints *group);
void cluster_clear(struct cluster *cluster);
void clusters_clear(struct clusters *clusters);
