#include "doctor/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "base/mem.h"
#include "base/version.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/wishes.h"
#include "stream/transport.h"

#define PATIENCE_SECONDS 10
#define CHECK "management"

/* CONNECTING --up--> ASKED --message--> answered; down or the time's end: not. */
struct handshake {
    struct findings *findings;
    struct event_base *base;
    const struct bootstrap *bootstrap;
    struct lrs_client *client;
    struct timespec began;
    bool asked, told;
};

static void tell_failure(struct handshake *handshake, const char *fix, const char *reason)
{
    char peer[ADDRESS_TEXT_MAX] = "";

    if (handshake->client && lrs_client_peer(handshake->client))
        address_text(lrs_client_peer(handshake->client), peer);
    findings_add(handshake->findings, VERDICT_FAIL, CHECK, fix, "%s%s%s", peer, *peer ? ": " : "",
                 reason);
    handshake->told = true;
    event_base_loopbreak(handshake->base);
}

static int send_node(struct handshake *handshake)
{
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    struct grpc_messages messages = {0};
    size_t size;
    autofree uint8_t *bytes = NULL;
    int result;

    request.node = handshake->bootstrap->node;
    size = envoy__service__load_stats__v3__load_stats_request__get_packed_size(&request);
    bytes = malloc(size + 1);
    if (!bytes)
        return -ENOMEM;
    envoy__service__load_stats__v3__load_stats_request__pack(&request, bytes);
    result = grpc_messages_add(&messages, bytes, size);
    if (!result)
        result = lrs_client_send(handshake->client, &messages, false);
    grpc_messages_clear(&messages); /* what was not taken */
    return result;
}

static void on_up(void *arg)
{
    struct handshake *handshake = arg;
    int result = send_node(handshake);

    handshake->asked = true;
    if (result)
        tell_failure(handshake, "more memory", strerror(-result));
}

static unsigned elapsed_ms(const struct handshake *handshake)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)((now.tv_sec - handshake->began.tv_sec) * 1000 +
                      (now.tv_nsec - handshake->began.tv_nsec) / 1000000);
}

static void tell_answer(struct handshake *handshake, struct response *response)
{
    char peer[ADDRESS_TEXT_MAX], which[64] = "all clusters";
    struct response_name name;
    size_t count = 0;

    while (!response->send_all && response_next_name(response, &name))
        count++;
    if (!response->send_all)
        snprintf(which, sizeof(which), "%zu clusters", count);
    findings_ok(handshake->findings, CHECK, "%s answered in %u ms: it wants %s, every %.3f s%s",
                address_text(lrs_client_peer(handshake->client), peer), elapsed_ms(handshake),
                which, (double)response->interval_us / 1e6,
                response->endpoints ? ", with endpoints" : "");
    handshake->told = true;
    event_base_loopbreak(handshake->base);
}

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    struct handshake *handshake = arg;
    struct response response;

    if (response_parse(message, length, &wishes_limits, &response))
        tell_failure(handshake, "is it a load reporting server?",
                     "sent something that is no LoadStatsResponse");
    else
        tell_answer(handshake, &response);
}

static void on_confirmed(void *arg)
{
    (void)arg;
}

static void on_down(void *arg, const char *reason)
{
    tell_failure(arg,
                 "does it listen there, with TLS or without as configured, and serve "
                 "StreamLoadStats?",
                 reason);
}

static void on_passed_over(void *arg, const char *reason)
{
    struct handshake *handshake = arg;

    findings_add(handshake->findings, VERDICT_WARN, CHECK, "the next address is tried", "%s",
                 reason);
}

/* The LRS cluster's addresses; how many. */
static size_t choose(const struct bootstrap *bootstrap, const struct named_addresses *all,
                     struct address *out)
{
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].cluster ==
            (bootstrap->lrs_host ? NAMES_NO_CLUSTER : (uint32_t)bootstrap->lrs_cluster))
            out[count++] = all->items[i].address;
    return count;
}

static int open_stream(struct handshake *handshake, const struct address *addresses, size_t count)
{
    const struct bootstrap *bootstrap = handshake->bootstrap;
    autofree struct lrs_metadata *metadata =
        calloc(bootstrap->lrs_metadata_count + 1, sizeof(*metadata));
    const struct lrs_client_options options = {
        .base = handshake->base,
        .addresses = addresses,
        .address_count = count,
        .tls = bootstrap->lrs_tls,
        .authority = bootstrap->lrs_authority,
        .user_agent = "loadtap-doctor/" VERSION,
        .metadata = metadata,
        .metadata_count = bootstrap->lrs_metadata_count,
        .events = {on_up, on_message, on_confirmed, on_down, on_passed_over, handshake},
    };

    if (!metadata)
        return -ENOMEM;
    for (size_t i = 0; i < bootstrap->lrs_metadata_count; i++)
        metadata[i] =
            (struct lrs_metadata){bootstrap->lrs_metadata[i].key, bootstrap->lrs_metadata[i].value};
    return lrs_client_open(&options, &handshake->client);
}

static int run(struct handshake *handshake, const struct address *addresses, size_t count)
{
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int result = open_stream(handshake, addresses, count);

    if (result)
        return result;
    if (event_base_loopexit(handshake->base, &patience) || event_base_dispatch(handshake->base) < 0)
        return -ENOMEM;
    if (!handshake->told)
        tell_failure(handshake,
                     handshake->asked ? "does the server know this node (node.id, node.cluster)?"
                                      : "is a firewall in between?",
                     handshake->asked ? "connected, but no LoadStatsResponse came in 10 s: nothing "
                                        "would be reported"
                                      : "no connection in 10 s");
    return 0;
}

void handshake_check(struct findings *findings, const struct bootstrap *bootstrap,
                     const struct named_addresses *addresses)
{
    struct handshake handshake = {.findings = findings, .bootstrap = bootstrap};
    autofree struct address *chosen = calloc(addresses->count + 1, sizeof(*chosen));
    size_t count = chosen ? choose(bootstrap, addresses, chosen) : 0;
    int result;

    if (!count) {
        findings_add(findings, VERDICT_FAIL, CHECK, "its name has to resolve", "it has no address");
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &handshake.began);
    handshake.base = event_base_new();
    result = handshake.base ? run(&handshake, chosen, count) : -ENOMEM;
    if (result)
        findings_add(findings, VERDICT_FAIL, CHECK, "fewer initial_metadata, or more memory", "%s",
                     strerror(-result));
    lrs_client_free(handshake.client);
    if (handshake.base)
        event_base_free(handshake.base);
}
