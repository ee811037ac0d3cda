/* Packs the entries of clusters into messages, none of which is larger than a server takes. Pure.
 *
 * Where one message has no room for all, clusters go into the next one; where a cluster has no room in one
 * of its own, its localities do, and of a locality its endpoints. Each message has the node. The parts of
 * a cluster, one in a message, add up to its numbers: those of a locality stand in its first part, the
 * others only have more of its endpoints. The last part alone has load_report_interval, so sums are true,
 * and a rate is what came up to an interval, divided by it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "grpc/messages.h"

struct Envoy__Config__Core__V3__Node;
struct Envoy__Config__Endpoint__V3__ClusterStats;

struct packing {
    struct Envoy__Config__Core__V3__Node *node; /* borrowed */
    size_t max, node_size;
    struct grpc_messages messages; /* of which the last one is being filled */
    bool has_clusters;             /* so has that message */
    bool is_parted;                /* more parts of its last cluster follow */
};

/* Begins with a message that has the node only. One that is larger than half of `max` is not counted
 * into it. `expected`: how many bytes there may be in all; room for them is made at once, if it can be had.
 * 0, -ENOMEM. */
int packing_init(struct packing *packing, struct Envoy__Config__Core__V3__Node *node, size_t max,
                 size_t expected);
void packing_clear(struct packing *packing);

/* The endpoints of its localities are a field of each that endpoint_list.h makes. 0; -ENOMEM; -EMSGSIZE: a
 * message of over 4 GiB. */
int packing_add(struct packing *packing, struct Envoy__Config__Endpoint__V3__ClusterStats *cluster);
/* Ends the last message: they are complete. 0, -EMSGSIZE: a node of over 4 GiB. */
int packing_end(struct packing *packing);
