#include "daemon/upstreams.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/missing.h"
#include "daemon/names.h"
#include "daemon/observed.h"

#define AGAIN_SECONDS 5 /* until an endpoint that could not be observed is tried again */

struct upstreams {
    struct upstreams_options options;
    struct observed *observed;
    struct names *names;
    struct missing missing; /* since a later configuration; at the start it is an error */
    struct event *again;    /* pending while there are any */
};

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

static int add(struct upstreams *upstreams, const struct endpoint_change *endpoint)
{
    struct address address;

    if (address_parse(endpoint->host, endpoint->port, &address))
        return names_add(upstreams->names, endpoint->cluster, endpoint->group, endpoint->host,
                         endpoint->port);
    return observed_add(upstreams->observed, endpoint->cluster, endpoint->group, &address,
                        OBSERVED_BY_ADDRESS);
}

static int add_group(struct upstreams *upstreams, uint32_t cluster, uint32_t index)
{
    const struct cluster *of = &upstreams->options.clusters->items[cluster];
    const struct locality_endpoints *group = &of->groups[index];
    int result = 0;

    for (size_t i = 0; i < group->endpoint_count && !result; i++) {
        const struct endpoint *endpoint = &group->endpoints[i];
        const struct endpoint_change added = {cluster, index, endpoint->host, endpoint->port};

        result = endpoint->host ? add(upstreams, &added) : 0;
    }
    return result;
}

static int add_cluster(struct upstreams *upstreams, uint32_t index)
{
    const struct cluster *cluster = &upstreams->options.clusters->items[index];
    int result = 0;

    for (uint32_t group = 0; group < cluster->group_count && !result; group++)
        result = add_group(upstreams, index, group);
    return result;
}

/* --- another configuration -----------------------------------------------------------------------*/

/* What cannot be observed is tried again. */
static void add_later(struct upstreams *upstreams, const struct endpoint_change *endpoint)
{
    static const struct timeval wait = {.tv_sec = AGAIN_SECONDS};

    if (!add(upstreams, endpoint))
        return;
    if (missing_add(&upstreams->missing, endpoint))
        log_warning("cluster %s: %s is not observed: out of memory",
                    upstreams->options.clusters->items[endpoint->cluster].name, endpoint->host);
    event_add(upstreams->again, &wait);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct upstreams *upstreams = arg;
    struct missing missing = upstreams->missing;

    (void)fd, (void)what;
    upstreams->missing = (struct missing){.items = NULL};
    for (size_t i = 0; i < missing.count; i++)
        add_later(upstreams, &missing.items[i]);
    missing_clear(&missing);
}

static void drop(struct upstreams *upstreams, const struct endpoint_change *endpoint)
{
    struct address address;

    if (missing_take(&upstreams->missing, endpoint))
        return;
    if (address_parse(endpoint->host, endpoint->port, &address))
        names_drop(upstreams->names, endpoint->cluster, endpoint->group, endpoint->host,
                   endpoint->port);
    else
        observed_drop(upstreams->observed, endpoint->cluster, endpoint->group, &address);
}

/* A dropped host goes on counting until another one takes its address: so there is no gap where what is
 * dropped goes first. */
void upstreams_change(struct upstreams *upstreams, const struct cluster_changes *changes)
{
    observed_clusters_changed(upstreams->observed, changes->kinds);
    for (size_t i = 0; i < changes->dropped_count; i++)
        drop(upstreams, &changes->dropped[i]);
    for (uint32_t i = 0; i < changes->cluster_count; i++)
        if (changes->kinds[i] & CHANGED_RESOLVING)
            names_refresh(upstreams->names, i);
    for (size_t i = 0; i < changes->added_count; i++) /* is looked up at once anyway */
        add_later(upstreams, &changes->added[i]);
    warn_checks(upstreams);
}

/* Of an address that is new to its group: the group, and the address. */
struct new_host {
    uint32_t cluster, group;
    struct address address;
};

static int compare_new(const void *left, const void *right)
{
    const struct new_host *a = left, *b = right;
    int order = memcmp(a->address.ip, b->address.ip, sizeof(a->address.ip));

    if (order)
        return order;
    if (a->cluster != b->cluster)
        return a->cluster < b->cluster ? -1 : 1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->address.port - b->address.port;
}

int upstreams_new_hosts(const struct upstreams *upstreams, const struct cluster_changes *changes,
                        size_t *out)
{
    autofree struct new_host *fresh = calloc(changes->added_count + 1, sizeof(*fresh));
    size_t count = 0;

    if (!fresh)
        return -ENOMEM;
    for (size_t i = 0; i < changes->added_count; i++) {
        const struct endpoint_change *added = &changes->added[i];
        struct new_host *host = &fresh[count];

        host->cluster = added->cluster;
        host->group = added->group;
        count += !address_parse(added->host, added->port, &host->address) &&
                 !hosts_find(upstreams->options.hosts, host->cluster, host->group, &host->address);
    }
    qsort(fresh, count, sizeof(*fresh), compare_new);
    *out = 0;
    for (size_t i = 0; i < count; i++)
        *out += i == 0 || compare_new(&fresh[i - 1], &fresh[i]) != 0;
    return 0;
}

void upstreams_set_idle(struct upstreams *upstreams, uint64_t idle_us)
{
    observed_set_idle(upstreams->observed, idle_us);
}

/* --- the interface -------------------------------------------------------------------------------*/

static struct departures_options departures_options(const struct upstreams_options *from)
{
    return (struct departures_options){.base = from->base,
                                       .clusters = from->clusters,
                                       .hosts = from->hosts,
                                       .tap = from->tap,
                                       .idle_us = from->removed_idle_us,
                                       .owes = from->owes,
                                       .now_us = from->now_us,
                                       .arg = from->arg};
}

static int start(struct upstreams *upstreams)
{
    const struct upstreams_options *options = &upstreams->options;
    const struct observed_options observed = {.base = options->base,
                                              .clusters = options->clusters,
                                              .hosts = options->hosts,
                                              .tap = options->tap,
                                              .departures = departures_options(options)};
    struct names_options names = {.base = options->base,
                                  .clusters = options->clusters,
                                  .ready = options->ready,
                                  .arg = options->arg};
    int result = 0;

    upstreams->observed = observed_new(&observed);
    names.observed = upstreams->observed;
    upstreams->names = names_new(&names);
    upstreams->again = evtimer_new(options->base, on_again, upstreams);
    if (!upstreams->observed || !upstreams->names || !upstreams->again)
        return -ENOMEM;
    for (uint32_t i = 0; i < options->clusters->count && !result; i++)
        result = add_cluster(upstreams, i);
    if (!result)
        names_start(upstreams->names);
    return result;
}

int upstreams_start(const struct upstreams_options *options, struct upstreams **out)
{
    struct upstreams *upstreams = calloc(1, sizeof(*upstreams));
    int result;

    if (!upstreams)
        return -ENOMEM;
    upstreams->options = *options;
    result = start(upstreams);
    if (result) {
        upstreams_free(upstreams);
        return result;
    }
    warn_checks(upstreams);
    *out = upstreams;
    return 0;
}

const struct endpoint *upstreams_name(const struct upstreams *upstreams, const struct host *host,
                                      size_t i)
{
    return names_of(upstreams->names, host, i);
}

void upstreams_free(struct upstreams *upstreams)
{
    if (!upstreams)
        return;
    names_free(upstreams->names);
    observed_free(upstreams->observed);
    missing_clear(&upstreams->missing);
    if (upstreams->again)
        event_free(upstreams->again);
    free(upstreams);
}
