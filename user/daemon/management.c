#include "daemon/management.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "upstream/candidates.h"
#include "upstream/resolver.h"

#define PING_INTERVAL_MAX_US 3600000000ULL

struct management {
    struct management_options options;
    struct lrs_client *client; /* NULL while there is none */
    bool answered;             /* a message came by the live connection */
    struct address behind;     /* where the last one ended without */
    bool has_behind;
    struct keepalive_settings keepalive;
    struct resolver *resolver; /* NULL before reports go to a host that is no cluster */
    bool resolving;
    struct delivery delivery; /* of the stream that is being opened */
};

/* --- events -------------------------------------------------------------------------- */

static void on_up(void *arg)
{
    struct management *management = arg;

    management->options.events.up(management->options.events.arg);
}

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    struct management *management = arg;

    management->options.events.message(management->options.events.arg, message, length);
    management->answered = management->client != NULL; /* else it was no good, and closed */
}

static void on_confirmed(void *arg)
{
    struct management *management = arg;

    management->options.events.confirmed(management->options.events.arg);
}

static void on_down(void *arg, const char *reason)
{
    struct management *management = arg;

    management->options.events.down(management->options.events.arg, reason);
}

static void on_passed_over(void *arg, const char *reason)
{
    struct management *management = arg;

    management->options.events.passed_over(management->options.events.arg, reason);
}

/* --- opening ------------------------------------------------------------------------- */

static int keep_out(void *arg, int fd)
{
    struct management *management = arg;

    return tap_ignore_socket(management->options.tap, fd);
}

/* Beside the addresses. */
static struct lrs_client_options client_options(struct management *management)
{
    const struct bootstrap *bootstrap = management->options.bootstrap;

    return (struct lrs_client_options){
        .base = management->options.base,
        .tls = bootstrap->lrs_tls,
        .keepalive = management->keepalive,
        .authority = bootstrap->lrs_authority,
        .user_agent = "loadtap/" VERSION,
        .prepare = keep_out,
        .prepare_arg = management,
        .events = {on_up, on_message, on_confirmed, on_down, on_passed_over, management},
    };
}

#define NUMBER_TEXT 48
#define DELIVERY_HEADERS 3

/* Returns how many headers it has made of it, with their values in `texts`. */
static size_t tell_delivery(const struct delivery *delivery, char texts[][NUMBER_TEXT],
                            struct lrs_metadata *out)
{
    static const char *const names[] = {DELIVERY_RUN, DELIVERY_STREAM, DELIVERY_RESENT};
    size_t count = delivery->resent_stream ? DELIVERY_HEADERS : DELIVERY_HEADERS - 1;

    snprintf(texts[0], NUMBER_TEXT, "%016" PRIx64, delivery->run);
    snprintf(texts[1], NUMBER_TEXT, "%" PRIu64, delivery->stream);
    snprintf(texts[2], NUMBER_TEXT, "%" PRIu64 ".%" PRIu64, delivery->resent_stream,
             delivery->resent_report);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct lrs_metadata){names[i], texts[i]};
    return count;
}

static int open_with(struct management *management, struct lrs_client_options *options)
{
    const struct bootstrap *bootstrap = management->options.bootstrap;
    size_t count = bootstrap->lrs_metadata_count;
    char texts[DELIVERY_HEADERS][NUMBER_TEXT];
    autofree struct lrs_metadata *metadata = calloc(count + DELIVERY_HEADERS, sizeof(*metadata));

    if (!metadata)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        metadata[i].name = bootstrap->lrs_metadata[i].key;
        metadata[i].value = bootstrap->lrs_metadata[i].value;
    }
    options->metadata = metadata;
    options->metadata_count = count + tell_delivery(&management->delivery, texts, metadata + count);
    return lrs_client_open(options, &management->client);
}

static const struct address *behind(const struct management *management)
{
    return management->has_behind ? &management->behind : NULL;
}

static int open_cluster(struct management *management)
{
    const struct bootstrap *bootstrap = management->options.bootstrap;
    struct lrs_client_options options = client_options(management);
    autofree struct address *addresses = NULL;
    int result = candidates_list(management->options.hosts, &bootstrap->clusters,
                                 (uint32_t)bootstrap->lrs_cluster, behind(management), &addresses,
                                 &options.address_count);

    if (result)
        return result;
    options.connect_timeout_us =
        bootstrap->clusters.items[bootstrap->lrs_cluster].connect_timeout_us;
    options.addresses = addresses;
    return options.address_count ? open_with(management, &options) : -EHOSTUNREACH;
}

/* --- a host that is no cluster ------------------------------------------------------- */

static int open_addresses(struct management *management, const struct address *from, size_t count)
{
    struct lrs_client_options options = client_options(management);
    autofree struct address *addresses = malloc(count * sizeof(*addresses));

    if (!addresses)
        return -ENOMEM;
    memcpy(addresses, from, count * sizeof(*addresses));
    int result = candidates_rotate(addresses, count, behind(management));
    if (result)
        return result;
    options.addresses = addresses;
    options.address_count = count;
    return open_with(management, &options);
}

static void tell_down(struct management *management, const char *format, const char *detail)
{
    char reason[512];

    snprintf(reason, sizeof(reason), format, management->options.bootstrap->lrs_host, detail);
    on_down(management, reason);
}

/* An answer that nobody waits for any more is left. */
static void on_resolved(void *arg, const struct resolver_answer *answer)
{
    struct management *management = arg;

    if (!management->resolving)
        return;
    management->resolving = false;
    if (answer->count == 0) {
        tell_down(management, "cannot resolve %.256s: %s", answer->error);
        return;
    }
    int result = open_addresses(management, answer->addresses, answer->count);
    if (result)
        tell_down(management, "cannot connect to %.256s: %s", strerror(-result));
}

/* A name is resolved for each connection: who it is may change. */
static int open_host(struct management *management)
{
    const struct bootstrap *bootstrap = management->options.bootstrap;
    int result;

    if (!management->resolver)
        management->resolver = resolver_new(management->options.base);
    if (!management->resolver)
        return -ENOMEM;
    result = resolver_lookup(management->resolver, bootstrap->lrs_host, bootstrap->lrs_port,
                             DNS_FAMILY_ALL, on_resolved, management);

    management->resolving = !result;
    return result;
}

int management_open(struct management *management, const struct delivery *delivery)
{
    management->delivery = *delivery;
    return management->options.bootstrap->lrs_host ? open_host(management)
                                                   : open_cluster(management);
}

/* --- the rest ------------------------------------------------------------------------ */

int management_send(struct management *management, struct grpc_messages *messages, bool mark)
{
    return management->client ? lrs_client_send(management->client, messages, mark) : -ENOTCONN;
}

/* As gRPC's own clients do ("Client-side Keepalive"). */
static void ping_less(struct management *management)
{
    uint64_t *interval = &management->keepalive.interval_us;

    if (*interval < PING_INTERVAL_MAX_US)
        *interval *= 2;
    log_info("management server: too many PINGs for it; from now on one in %" PRIu64 " ms",
             *interval / 1000);
}

/* An address that answered was good: the next round begins with the first one again. */
void management_close(struct management *management)
{
    const struct address *peer = management->client ? lrs_client_peer(management->client) : NULL;

    if (peer) {
        management->behind = *peer;
        management->has_behind = !management->answered;
    }
    if (management->client && management->keepalive.interval_us &&
        lrs_client_pinged_too_often(management->client))
        ping_less(management);
    management->answered = management->resolving = false;
    lrs_client_free(TAKE(management->client));
}

/* A name that is being resolved is another one's. */
void management_renew(struct management *management)
{
    management_close(management);
    management->keepalive = management->options.bootstrap->lrs_keepalive;
    management->has_behind = false;
    resolver_free(TAKE(management->resolver));
}

struct management *management_new(const struct management_options *options)
{
    struct management *management = calloc(1, sizeof(*management));

    if (!management)
        return NULL;
    management->options = *options;
    management->keepalive = options->bootstrap->lrs_keepalive;
    return management;
}

void management_free(struct management *management)
{
    if (!management)
        return;
    management_close(management);
    resolver_free(management->resolver);
    free(management);
}
