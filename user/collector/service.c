#include "collector/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/message_check.h"
#include "collector/output.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "grpc/frame.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request_message;
typedef Envoy__Service__LoadStats__V3__LoadStatsResponse response_message;

static int build_answer(struct service *service, const struct service_settings *settings)
{
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    response_message response = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_RESPONSE__INIT;
    size_t length;

    interval.seconds = (int64_t)(settings->interval_us / 1000000);
    interval.nanos = (int32_t)(settings->interval_us % 1000000 * 1000);
    response.load_reporting_interval = &interval;
    response.clusters = settings->clusters;
    response.n_clusters = settings->cluster_count;
    response.send_all_clusters = !settings->clusters;
    response.report_endpoint_granularity = settings->endpoints;
    length = envoy__service__load_stats__v3__load_stats_response__get_packed_size(&response);
    service->answer = malloc(GRPC_FRAME_PREFIX + length);
    if (!service->answer)
        return -ENOMEM;
    grpc_frame_prefix((uint32_t)length, service->answer);
    envoy__service__load_stats__v3__load_stats_response__pack(&response,
                                                              service->answer + GRPC_FRAME_PREFIX);
    service->answer_length = GRPC_FRAME_PREFIX + length;
    return 0;
}

int service_init(struct service *service, FILE *output, const struct service_settings *settings)
{
    *service = (struct service){.output = output};
    service->sums = sums_new(SERVICE_SUMS_ROWS, SERVICE_SUMS_TEXT);
    if (service->sums && !build_answer(service, settings))
        return 0;
    service_clear(service);
    return -ENOMEM;
}

void service_clear(struct service *service)
{
    sums_free(service->sums);
    free(service->answer);
    *service = (struct service){0};
}

void service_peer_clear(struct service_peer *peer)
{
    free(peer->node_id);
    free(peer->node_cluster);
    peer->node_id = NULL;
    peer->node_cluster = NULL;
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
    service_peer_clear(peer);
    peer->node_id = TAKE(id);
    peer->node_cluster = TAKE(cluster);
    return GRPC_OK;
}

static void add_sums(struct service *service, const struct service_peer *peer,
                     const request_message *request)
{
    const char *id = peer->node_id ? peer->node_id : "";
    const char *cluster = peer->node_cluster ? peer->node_cluster : "";
    bool rest = false;

    for (size_t i = 0; i < request->n_cluster_stats; i++)
        if (sums_add(service->sums, id, cluster, request->cluster_stats[i]))
            rest = true;
    if (rest && !service->sums_full) {
        service->sums_full = true;
        log_warning("sums: more pairs of node and cluster than are kept apart (%d pairs, %zu bytes "
                    "of names); all further ones are added up in one line",
                    SERVICE_SUMS_ROWS, SERVICE_SUMS_TEXT);
    }
}

/* A line that cannot be written is said once; the sums go on. */
static void note_output(struct service *service, int err)
{
    if (!err || service->output_error)
        return;
    service->output_error = err;
    log_error("output: %s; lines are being lost", strerror(-err));
}

static enum grpc_status take_request(struct service *service, struct service_peer *peer,
                                     const request_message *request)
{
    struct output_request line = {.peer = peer->address,
                                  .stream = peer->stream,
                                  .message = peer->messages,
                                  .origin = &peer->origin,
                                  .request = &request->base};
    enum grpc_status status = keep_node(peer, request);

    if (status != GRPC_OK)
        return status;
    if (peer->messages == 1)
        log_info("stream %llu from %s: node '%.99s' of cluster '%.99s'",
                 (unsigned long long)peer->stream, peer->address,
                 peer->node_id ? peer->node_id : "", peer->node_cluster ? peer->node_cluster : "");
    clock_gettime(CLOCK_REALTIME, &line.received);
    note_output(service, output_request(service->output, &line));
    add_sums(service, peer, request);
    return GRPC_OK;
}

enum grpc_status service_message(struct service *service, struct service_peer *peer,
                                 const uint8_t *bytes, size_t length)
{
    static const struct message_limits limits = {SERVICE_NESTING, SERVICE_FIELDS};
    int err = message_check(&envoy__service__load_stats__v3__load_stats_request__descriptor, bytes,
                            length, &limits);
    enum grpc_status status;
    request_message *request;

    peer->messages++;
    if (err)
        return refuse(peer, err == -E2BIG ? GRPC_RESOURCE_EXHAUSTED : GRPC_INTERNAL,
                      check_text(err));
    request = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);
    if (!request)
        return refuse(peer, GRPC_INTERNAL, check_text(-EPROTO));
    status = take_request(service, peer, request);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(request, NULL);
    return status;
}

static void write_row(void *arg, const struct sums_row *row)
{
    struct service *service = arg;

    note_output(service, output_sums(service->output, row));
}

int service_finish(struct service *service)
{
    sums_each(service->sums, write_row, service);
    return service->output_error;
}
