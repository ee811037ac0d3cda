#include "daemon/upstreams.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "upstream/resolver.h"

#define RETRY_SECONDS 5 /* Envoy's default dns_refresh_rate */
#define HOSTS_PER_NAME 16
#define HOSTS_MIN 4096

/* A name of the configuration that has to be resolved. */
struct lookup {
    struct upstreams *upstreams;
    const struct endpoint *endpoint;
    uint32_t cluster, group;
    bool answered; /* at least once, with whatever outcome */
    struct event *retry;
};

struct upstreams {
    struct upstreams_options options;
    struct resolver *resolver;
    struct lookup *lookups;
    size_t lookup_count, answered_count;
    bool added; /* an address, since the last look for open connections */
    struct event *ready;
};

typedef int visit_fn(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                     const struct endpoint *endpoint);

static int visit_group(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                       const struct locality_endpoints *endpoints, visit_fn *visit)
{
    int result = 0;

    for (size_t i = 0; i < endpoints->endpoint_count && !result; i++) {
        if (endpoints->endpoints[i].host)
            result = visit(upstreams, cluster, group, &endpoints->endpoints[i]);
    }
    return result;
}

/* Visits every endpoint that can be observed, in the configuration's order; stops at an error. */
static int visit_endpoints(const struct clusters *clusters, visit_fn *visit,
                           struct upstreams *upstreams)
{
    int result = 0;

    for (uint32_t c = 0; c < clusters->count; c++) {
        for (uint32_t g = 0; g < clusters->items[c].group_count && !result; g++)
            result = visit_group(upstreams, c, g, &clusters->items[c].groups[g], visit);
    }
    return result;
}

static bool is_name(const struct endpoint *endpoint)
{
    struct address ignored;

    return address_parse(endpoint->host, endpoint->port, &ignored) != 0;
}

size_t upstreams_estimate(const struct clusters *clusters)
{
    size_t count = HOSTS_MIN;

    for (size_t c = 0; c < clusters->count; c++)
        for (size_t g = 0; g < clusters->items[c].group_count; g++) {
            bool named = clusters->items[c].discovery != DISCOVERY_STATIC;

            count += clusters->items[c].groups[g].endpoint_count * (named ? HOSTS_PER_NAME : 1);
        }
    return count;
}

size_t upstreams_checked(const struct clusters *clusters)
{
    size_t count = 0;

    for (size_t c = 0; c < clusters->count; c++)
        count += clusters->items[c].health_check_count > 0;
    return count;
}

/* "cluster a (endpoints[1])": the locality group matters where both are in one cluster. */
static void place_text(const struct upstreams *upstreams, const struct host *host, char *out,
                       size_t size)
{
    snprintf(out, size, "cluster %.200s (endpoints[%u])",
             upstreams->options.clusters->items[host->cluster].name, host->group);
}

static void warn_shared(const struct upstreams *upstreams, const struct host *owner,
                        const struct host *one, const struct host *two)
{
    char text[ADDRESS_TEXT_MAX], first[256], second[256];

    place_text(upstreams, owner, first, sizeof(first));
    place_text(upstreams, owner == one ? two : one, second, sizeof(second));
    log_warning("%s stands in %s and in %s: its traffic counts for the former, which stands first "
                "in the configuration",
                address_text(&owner->address, text), first, second);
}

static int add_host(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                    const struct address *address)
{
    const struct upstreams_options *options = &upstreams->options;
    const struct host *host, *owner, *other;
    char text[ADDRESS_TEXT_MAX];
    int result = hosts_add(options->hosts, cluster, group, address, &host, &owner, &other);

    if (result == -EEXIST)
        return 0;
    if (result)
        return result;
    if (other)
        warn_shared(upstreams, owner, host, other);
    if (owner != host)
        return 0;
    upstreams->added = true;
    log_debug("cluster %s: observing %s", options->clusters->items[cluster].name,
              address_text(address, text));
    return tap_observe(options->tap, address, host->slot, &options->clusters->items[cluster]);
}

/* Connections that are open to addresses added since the last time. */
static void join_open(struct upstreams *upstreams)
{
    int result = upstreams->added ? tap_join(upstreams->options.tap) : 0;

    upstreams->added = false;
    if (result)
        log_warning("cannot look for open connections: %s; each is seen at its next packet",
                    strerror(-result));
}

/* --- names ------------------------------------------------------------------------------ */

static void start_lookup(struct lookup *lookup);

static void mark_answered(struct lookup *lookup)
{
    struct upstreams *upstreams = lookup->upstreams;

    if (lookup->answered)
        return;
    lookup->answered = true;
    if (++upstreams->answered_count == upstreams->lookup_count)
        event_active(upstreams->ready, EV_TIMEOUT, 0);
}

static void retry_later(struct lookup *lookup, const char *error)
{
    const struct timeval wait = {.tv_sec = RETRY_SECONDS};

    if (!lookup->answered)
        log_warning("cluster %s: cannot resolve %s: %s (tried again every %d s)",
                    lookup->upstreams->options.clusters->items[lookup->cluster].name,
                    lookup->endpoint->host, error, RETRY_SECONDS);
    event_add(lookup->retry, &wait);
}

static void on_resolved(void *arg, const struct address *addresses, size_t count, const char *error)
{
    struct lookup *lookup = arg;

    if (!count)
        retry_later(lookup, error);
    for (size_t i = 0; i < count; i++) {
        int result = add_host(lookup->upstreams, lookup->cluster, lookup->group, &addresses[i]);

        if (!result)
            continue;
        log_error("cannot observe an address of %s: %s", lookup->endpoint->host, strerror(-result));
        break;
    }
    join_open(lookup->upstreams);
    mark_answered(lookup);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    start_lookup(arg);
}

static void start_lookup(struct lookup *lookup)
{
    const struct cluster *cluster = &lookup->upstreams->options.clusters->items[lookup->cluster];
    int result = resolver_lookup(lookup->upstreams->resolver, lookup->endpoint->host,
                                 lookup->endpoint->port, cluster->dns_family, on_resolved, lookup);

    if (!result)
        return;
    retry_later(lookup, strerror(-result));
    mark_answered(lookup);
}

/* --- start ----------------------------------------------------------------------------------- */

static void warn_checks(const struct upstreams *upstreams)
{
    const struct clusters *clusters = upstreams->options.clusters;

    for (size_t i = 0; i < clusters->count; i++) {
        const struct cluster *cluster = &clusters->items[i];
        size_t known = tap_recognised_checks(cluster);

        if (known < cluster->health_check_count)
            log_warning("cluster %s: %zu of its %zu HTTP health checks are told from requests; the "
                        "others are too long or too many and count as requests",
                        cluster->name, known, cluster->health_check_count);
    }
}

static int add_literal(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                       const struct endpoint *endpoint)
{
    struct address address;

    if (address_parse(endpoint->host, endpoint->port, &address))
        return 0;
    return add_host(upstreams, cluster, group, &address);
}

static int count_name(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                      const struct endpoint *endpoint)
{
    (void)cluster, (void)group;
    upstreams->lookup_count += is_name(endpoint);
    return 0;
}

static int add_name(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                    const struct endpoint *endpoint)
{
    struct lookup *lookup = &upstreams->lookups[upstreams->lookup_count];

    if (!is_name(endpoint))
        return 0;
    *lookup = (struct lookup){.upstreams = upstreams,
                              .endpoint = endpoint,
                              .cluster = cluster,
                              .group = group,
                              .retry = evtimer_new(upstreams->options.base, on_retry, lookup)};
    upstreams->lookup_count++;
    return lookup->retry ? 0 : -ENOMEM;
}

static int add_names(struct upstreams *upstreams)
{
    int result;

    visit_endpoints(upstreams->options.clusters, count_name, upstreams);
    upstreams->lookups = calloc(upstreams->lookup_count + 1, sizeof(*upstreams->lookups));
    if (!upstreams->lookups)
        return -ENOMEM;
    upstreams->lookup_count = 0;
    result = visit_endpoints(upstreams->options.clusters, add_name, upstreams);
    if (result)
        return result;
    if (!upstreams->lookup_count)
        event_active(upstreams->ready, EV_TIMEOUT, 0);
    for (size_t i = 0; i < upstreams->lookup_count; i++)
        start_lookup(&upstreams->lookups[i]);
    return 0;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct upstreams *upstreams = arg;

    (void)fd, (void)what;
    upstreams->options.ready(upstreams->options.arg);
}

int upstreams_start(const struct upstreams_options *options, struct upstreams **out)
{
    struct upstreams *upstreams = calloc(1, sizeof(*upstreams));
    int result = -ENOMEM;

    if (!upstreams)
        return -ENOMEM;
    upstreams->options = *options;
    upstreams->resolver = resolver_new(options->base);
    upstreams->ready = evtimer_new(options->base, on_ready, upstreams);
    if (upstreams->resolver && upstreams->ready)
        result = visit_endpoints(options->clusters, add_literal, upstreams);
    if (!result)
        join_open(upstreams);
    if (!result)
        result = add_names(upstreams);
    if (result) {
        upstreams_free(upstreams);
        return result;
    }
    warn_checks(upstreams);
    *out = upstreams;
    return 0;
}

void upstreams_free(struct upstreams *upstreams)
{
    if (!upstreams)
        return;
    resolver_free(upstreams->resolver);
    for (size_t i = 0; i < upstreams->lookup_count; i++)
        if (upstreams->lookups[i].retry)
            event_free(upstreams->lookups[i].retry);
    free(upstreams->lookups);
    if (upstreams->ready)
        event_free(upstreams->ready);
    free(upstreams);
}
