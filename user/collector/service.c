#include "collector/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/message_check.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request_message;

int service_init(struct service *service, FILE *output, const struct settings *settings)
{
    *service = (struct service){.settings = settings};
    output_begin(&service->output, output);
    service->sums = sums_new(SERVICE_SUMS_ROWS, SERVICE_SUMS_TEXT);
    return service->sums ? 0 : -ENOMEM;
}

void service_clear(struct service *service)
{
    sums_free(service->sums);
    *service = (struct service){0};
}

static void forget_node(struct service_peer *peer)
{
    free(peer->node_id);
    free(peer->node_cluster);
    peer->node_id = NULL;
    peer->node_cluster = NULL;
}

void service_peer_clear(struct service *service, struct service_peer *peer)
{
    forget_node(peer);
    parts_clear(&peer->parts);
    if (service->totals)
        totals_forget(service->totals, &peer->gauges);
}

static const char *id_of(const struct service_peer *peer)
{
    return peer->node_id ? peer->node_id : "";
}

static const char *cluster_of(const struct service_peer *peer)
{
    return peer->node_cluster ? peer->node_cluster : "";
}

struct answer *service_answer(const struct service *service, const struct service_peer *peer)
{
    return settings_answer(service->settings, id_of(peer), cluster_of(peer));
}

static enum grpc_status refuse(const struct service_peer *peer, enum grpc_status status,
                               const char *why)
{
    log_warning("stream %llu from %s: message %llu refused: %s", (unsigned long long)peer->stream,
                peer->address, (unsigned long long)peer->messages, why);
    return status;
}

static const char *check_text(int err)
{
    switch (err) {
    case -ELOOP:
        return "messages nest too deep";
    case -E2BIG:
        return "more fields than the collector holds";
    case -EILSEQ:
        return "a string that is not UTF-8, or has a NUL";
    default:
        return "not a LoadStatsRequest";
    }
}

/* Keeps the newest node that the stream named. */
static enum grpc_status keep_node(struct service_peer *peer, const request_message *request)
{
    autofree char *id = NULL, *cluster = NULL;

    if (!request->node)
        return GRPC_OK;
    if (strlen(request->node->id) > SERVICE_NODE_TEXT_MAX ||
        strlen(request->node->cluster) > SERVICE_NODE_TEXT_MAX)
        return refuse(peer, GRPC_INVALID_ARGUMENT, "node id or cluster longer than 4096 bytes");
    if (peer->node_id && !strcmp(peer->node_id, request->node->id) &&
        !strcmp(peer->node_cluster, request->node->cluster))
        return GRPC_OK;
    id = strdup(request->node->id);
    cluster = strdup(request->node->cluster);
    if (!id || !cluster)
        return refuse(peer, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    forget_node(peer);
    peer->node_id = TAKE(id);
    peer->node_cluster = TAKE(cluster);
    peer->renamed = true;
    return GRPC_OK;
}

static void add_sums(struct service *service, const struct service_peer *peer,
                     const request_message *request)
{
    bool rest = false;

    for (size_t i = 0; i < request->n_cluster_stats; i++)
        if (sums_add(service->sums, id_of(peer), cluster_of(peer), request->cluster_stats[i]))
            rest = true;
    if (rest && !service->sums_full) {
        service->sums_full = true;
        log_warning("sums: more pairs of node and cluster than are kept apart (%d pairs, %zu bytes "
                    "of names); all further ones are added up in one line",
                    SERVICE_SUMS_ROWS, SERVICE_SUMS_TEXT);
    }
}

/* Each message is a whole report: what it does not name has nothing in progress any more (grpc-go
 * leaves out clusters without load). But for loadtap's, which may go on with the one before. */
static void add_totals(struct service *service, struct service_peer *peer,
                       const request_message *request, size_t length)
{
    bool goes_on = peer->origin.run[0] && parts_go_on(&peer->parts, request, length);

    if (!goes_on)
        totals_forget(service->totals, &peer->gauges);
    totals_begin(service->totals, &peer->origin, peer->messages);
    for (size_t i = 0; i < request->n_cluster_stats; i++)
        totals_add(service->totals, &peer->gauges, cluster_of(peer), request->cluster_stats[i]);
    totals_end(service->totals);
}

/* The first line that cannot be written is said here; each report of which that is true, by refuse. */
static void note_output(struct service *service, int err)
{
    if (!err || service->output_error)
        return;
    service->output_error = err;
    log_error("output: %s; what cannot be written is not taken",
              err == -EAGAIN ? "nobody reads it" : strerror(-err));
}

/* A report that is not written down must not seem to be: its sender may have another place for it. */
static enum grpc_status write_down(struct service *service, const struct service_peer *peer,
                                   const request_message *request)
{
    struct output_request line = {.peer = peer->address,
                                  .stream = peer->stream,
                                  .message = peer->messages,
                                  .origin = &peer->origin,
                                  .node_id = peer->node_id,
                                  .node_cluster = peer->node_cluster,
                                  .request = &request->base};
    int err;

    clock_gettime(CLOCK_REALTIME, &line.received);
    err = output_request(&service->output, &line);
    note_output(service, err);
    return err ? refuse(peer, GRPC_UNAVAILABLE, "it cannot be written down") : GRPC_OK;
}

static enum grpc_status take_request(struct service *service, struct service_peer *peer,
                                     const request_message *request, size_t length)
{
    enum grpc_status status = keep_node(peer, request);

    if (status != GRPC_OK)
        return status;
    if (peer->messages == 1)
        log_info("stream %llu from %s: node '%.99s' of cluster '%.99s'",
                 (unsigned long long)peer->stream, peer->address, id_of(peer), cluster_of(peer));
    status = write_down(service, peer, request);
    if (status != GRPC_OK)
        return status;
    add_sums(service, peer, request);
    if (service->totals)
        add_totals(service, peer, request, length);
    return GRPC_OK;
}

static enum grpc_status take_message(struct service *service, struct service_peer *peer,
                                     const uint8_t *bytes, size_t length)
{
    static const struct message_limits limits = {SERVICE_NESTING, SERVICE_FIELDS};
    int err = message_check(&envoy__service__load_stats__v3__load_stats_request__descriptor, bytes,
                            length, &limits);
    enum grpc_status status;
    request_message *request;

    if (err)
        return refuse(peer, err == -E2BIG ? GRPC_RESOURCE_EXHAUSTED : GRPC_INTERNAL,
                      check_text(err));
    request = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);
    if (!request)
        return refuse(peer, GRPC_INTERNAL, check_text(-EPROTO));
    status = take_request(service, peer, request, length);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(request, NULL);
    return status;
}

enum grpc_status service_message(struct service *service, struct service_peer *peer,
                                 const uint8_t *bytes, size_t length)
{
    enum grpc_status status;

    peer->messages++;
    peer->renamed = false;
    service->messages++;
    service->message_bytes += length;
    status = take_message(service, peer, bytes, length);
    service->refused += status != GRPC_OK;
    return status;
}

static void write_row(void *arg, const struct sums_row *row)
{
    struct service *service = arg;
    int err = output_sums(&service->output, row);

    note_output(service, err);
    service->sums_lost += err != 0;
}

int service_finish(struct service *service)
{
    sums_each(service->sums, write_row, service);
    if (service->sums_lost)
        log_error("sums: %zu lines are not written", service->sums_lost);
    return service->output_error;
}
