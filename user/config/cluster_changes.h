/* What a new configuration changes of the clusters, and the change itself, in place. Pure.
 *
 * A cluster is the same one as before if its name is, a locality group if its priority and locality are
 * (they may be those of several: a report has one entry for all), an endpoint if it stands in the same group
 * with the same host and port. Clusters and groups that stay keep their places; those that are no longer
 * there keep them too, LEAVING, without endpoints. One that LEAVES and comes back gets its own place again, a
 * new one a vacant place or one behind all others. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/clusters.h"

/* An endpoint that came or went, once for each time that it did. */
struct endpoint_change {
    uint32_t cluster, group; /* their places */
    char *host;              /* its own copy; never NULL */
    uint16_t port;
};

/* Bits of what else changed of a cluster. */
enum { CHANGED_COUNTING = 1 /* protocol, health checks */, CHANGED_RESOLVING = 2 /* by DNS */ };

struct cluster_changes {
    struct endpoint_change *added, *dropped; /* in the order of the clusters */
    size_t added_count, dropped_count;
    uint8_t *kinds;       /* by place, of those in both configurations, CHANGED_… */
    size_t cluster_count; /* how many places there are afterwards */
    size_t new_clusters, lost_clusters;

    /* For cluster_changes_make(), by cluster of the new configuration. */
    struct cluster_place *places;
    size_t place_count;
    struct cluster *items; /* room for all places */
};

/* Compares. 0 with `*out`, to be freed by cluster_changes_free(); -ENOMEM. Nothing has changed yet. */
int cluster_changes_find(const struct clusters *from, const struct clusters *to,
                         struct cluster_changes **out);
/* Changes `clusters`, the `from` of cluster_changes_find(), into its `to`, which is empty then. To be called
 * at most once. Cannot fail. */
void cluster_changes_make(struct cluster_changes *changes, struct clusters *clusters,
                          struct clusters *to);
/* The place of the i-th cluster of `to`. */
uint32_t cluster_changes_place(const struct cluster_changes *changes, size_t i);
void cluster_changes_free(struct cluster_changes *changes); /* NULL is fine */
