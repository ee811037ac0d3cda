#include "report/packing.h"

#include <errno.h>

#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/endpoint_list.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request_message;
typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_message;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_message;

/* Of a submessage beside its content: tag and length. */
#define ENVELOPE 6

/* Parts of a message packed one after the other are the message (protobuf's encoding guide, "last
 * one wins" and concatenation of repeated fields). */
static int append(struct packing *packing, const request_message *part, size_t length)
{
    struct grpc_messages *messages = &packing->messages;

    if (grpc_messages_reserve(messages, length))
        return -ENOMEM;
    messages->length += envoy__service__load_stats__v3__load_stats_request__pack(
        part, messages->bytes + messages->length);
    return 0;
}

static int begin_message(struct packing *packing)
{
    request_message head = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;

    if (grpc_messages_begin(&packing->messages))
        return -ENOMEM;
    head.node = packing->node;
    packing->has_clusters = false;
    packing->node_size = envoy__service__load_stats__v3__load_stats_request__get_packed_size(&head);
    return append(packing, &head, packing->node_size);
}

int packing_init(struct packing *packing, Envoy__Config__Core__V3__Node *node, size_t max,
                 size_t expected)
{
    int error;

    *packing = (struct packing){.node = node, .max = max};
    (void)grpc_messages_reserve(&packing->messages, expected); /* less may do */
    error = begin_message(packing);
    if (packing->node_size > max / 2)
        packing->max = packing->node_size + max / 2;
    return error;
}

void packing_clear(struct packing *packing)
{
    grpc_messages_clear(&packing->messages);
}

int packing_end(struct packing *packing)
{
    return grpc_messages_end(&packing->messages);
}

/* The bytes that one more cluster may have in the message at hand. */
static size_t room_left(const struct packing *packing)
{
    size_t used = grpc_messages_size(&packing->messages);

    return used < packing->max ? packing->max - used : 0;
}

/* What one cluster's entry is of a message. Good while `*cluster` is. */
static request_message entry_of(cluster_message **cluster)
{
    request_message entry = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;

    entry.n_cluster_stats = 1;
    entry.cluster_stats = cluster;
    return entry;
}

/* Adds an entry as it is: to this message, or to the next if this one has no room, or has a part of the
 * same cluster. */
static int add_whole(struct packing *packing, const request_message *entry, size_t length)
{
    int error = 0;

    if (packing->has_clusters && (packing->is_parted || length > room_left(packing))) {
        error = packing_end(packing);
        if (!error)
            error = begin_message(packing);
    }
    if (!error)
        error = append(packing, entry, length);
    packing->has_clusters = true;
    packing->is_parted = !entry->cluster_stats[0]->load_report_interval;
    return error;
}

static size_t locality_size(const locality_message *locality)
{
    return ENVELOPE +
           envoy__config__endpoint__v3__upstream_locality_stats__get_packed_size(locality);
}

/* One part of a cluster: some localities. */
static int add_part(struct packing *packing, const cluster_message *cluster,
                    locality_message **localities, size_t count, bool is_last)
{
    cluster_message part = *cluster, *list[] = {&part};
    request_message entry = entry_of(list);

    part.upstream_locality_stats = localities;
    part.n_upstream_locality_stats = count;
    if (!is_last)
        part.load_report_interval = NULL;
    return add_whole(packing, &entry,
                     envoy__service__load_stats__v3__load_stats_request__get_packed_size(&entry));
}

/* Parts of one locality, each with some of its endpoints, and at least with one. */
static int split_locality(struct packing *packing, const cluster_message *cluster,
                          const locality_message *locality, size_t room, bool is_last)
{
    locality_message rest = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    locality_message part = *locality, *list[] = {&part};
    ProtobufCMessageUnknownField endpoints = *locality->base.unknown_fields, others;
    int error;

    rest.locality = locality->locality;
    rest.priority = locality->priority;
    do {
        size_t used;

        part.base.n_unknown_fields = 0;
        used = locality_size(&part) + 1; /* and the tag of the first endpoint */
        others = endpoint_list_split(&endpoints, room > used ? room - used : 0);
        part.base.n_unknown_fields = 1;
        part.base.unknown_fields = &endpoints;
        error = add_part(packing, cluster, list, 1, is_last && !others.len);
        part = rest;
        endpoints = others;
    } while (!error && endpoints.len);
    return error;
}

static int split_cluster(struct packing *packing, const cluster_message *cluster)
{
    size_t count = cluster->n_upstream_locality_stats, overhead, room;
    cluster_message bare = *cluster;
    int error = 0;

    bare.n_upstream_locality_stats = 0;
    overhead = packing->node_size + ENVELOPE +
               envoy__config__endpoint__v3__cluster_stats__get_packed_size(&bare);
    room = overhead < packing->max ? packing->max - overhead : 0;
    for (size_t first = 0, next; !error && first < count; first = next) {
        locality_message **localities = cluster->upstream_locality_stats;
        size_t used = 0;

        for (next = first; next < count; next++) {
            used += locality_size(localities[next]);
            if (used > room)
                break;
        }
        if (next == first && !localities[first]->base.n_unknown_fields)
            next++; /* that has no endpoints */
        if (next > first)
            error = add_part(packing, cluster, localities + first, next - first, next == count);
        else
            error = split_locality(packing, cluster, localities[next++], room, first + 1 == count);
    }
    return error;
}

int packing_add(struct packing *packing, cluster_message *cluster)
{
    request_message entry = entry_of(&cluster);
    size_t length = envoy__service__load_stats__v3__load_stats_request__get_packed_size(&entry);

    if (cluster->n_upstream_locality_stats && packing->node_size + length > packing->max)
        return split_cluster(packing, cluster);
    return add_whole(packing, &entry, length);
}
