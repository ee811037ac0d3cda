#include "daemon/observed.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/cluster_changes.h"

#define SHARED_TOLD_MAX 100 /* at warning; an answer may bring any number */

/* So many hosts a group may have, and for each of its endpoints some more: a name whose answers are
 * other ones each time must not use up what others need. */
#define GROUP_HOSTS 2000
#define ENDPOINT_HOSTS 16

#define TELL_EVERY_US 3600000000

struct observed {
    struct observed_options options;
    struct event *join;
    struct departures *departures;
    uint64_t next_tell_us; /* that a host cannot be added; not sooner */
    unsigned shared_told;
};

static const char *cluster_name(const struct observed *observed, uint32_t cluster)
{
    return observed->options.clusters->items[cluster].name;
}

/* Connections that are open to addresses added since the last time. */
static void on_join(evutil_socket_t fd, short what, void *arg)
{
    const struct observed *observed = arg;
    int result = tap_join(observed->options.tap);

    (void)fd, (void)what;
    if (result)
        log_warning("cannot look for open connections: %s; each is seen at its next packet",
                    strerror(-result));
}

/* --- the interface ------------------------------------------------------------------------------
 */

struct observed *observed_new(const struct observed_options *options)
{
    struct observed *observed = calloc(1, sizeof(*observed));

    if (!observed)
        return NULL;
    observed->options = *options;
    observed->join = event_new(options->base, -1, 0, on_join, observed);
    observed->departures = departures_new(&options->departures);
    if (observed->join && observed->departures)
        return observed;
    observed_free(observed);
    return NULL;
}

void observed_free(struct observed *observed)
{
    if (!observed)
        return;
    if (observed->join)
        event_free(observed->join);
    departures_free(observed->departures);
    free(observed);
}

/* "cluster a (endpoints[1])": the locality group matters where both are in one cluster. */
static void place_text(const struct observed *observed, const struct host *host, char *out,
                       size_t size)
{
    const struct cluster *cluster = &observed->options.clusters->items[host->cluster];

    snprintf(out, size, "cluster %.200s (endpoints[%u])", cluster->name,
             cluster->groups[host->group].rank);
}

static void warn_shared(struct observed *observed, const struct host *owner, const struct host *one,
                        const struct host *two)
{
    char text[ADDRESS_TEXT_MAX], first[256], second[256];

    place_text(observed, owner, first, sizeof(first));
    place_text(observed, owner == one ? two : one, second, sizeof(second));
    log_write(observed->shared_told++ < SHARED_TOLD_MAX ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
              "%s stands in %s and in %s: its traffic counts for the former, which stands first "
              "in the configuration",
              address_text(&owner->address, text), first, second);
}

static int tell_kernel(const struct observed *observed, const struct host *owner)
{
    const struct observed_options *options = &observed->options;

    return tap_observe(options->tap, &owner->address, owner->slot,
                       &options->clusters->items[owner->cluster]);
}

/* The kernel side counts an address for its owner, which was `before`. */
static int follow_owner(struct observed *observed, const struct address *address,
                        const struct host *before)
{
    const struct host *owner = hosts_owner(observed->options.hosts, address);
    char text[ADDRESS_TEXT_MAX];

    if (owner == before)
        return 0;
    log_debug("cluster %s: observing %s", cluster_name(observed, owner->cluster),
              address_text(address, text));
    event_active(observed->join, EV_TIMEOUT, 0);
    return tell_kernel(observed, owner);
}

static bool group_is_full(const struct observed *observed, uint32_t cluster, uint32_t group)
{
    const struct observed_options *options = &observed->options;
    size_t endpoints = options->clusters->items[cluster].groups[group].endpoint_count;

    return hosts_of_group(options->hosts, cluster, group, GROUP_HOSTS + ENDPOINT_HOSTS * endpoints);
}

static int add_host(struct observed *observed, uint32_t cluster, uint32_t group,
                    const struct address *address)
{
    const struct host *host, *owner, *other;
    int result;

    result = hosts_add(observed->options.hosts, cluster, group, address, &host, &owner, &other);
    if (result)
        return result;
    if (other && other->names)
        warn_shared(observed, owner, host, other);
    result = follow_owner(observed, address, other);
    if (!result)
        return 0;
    hosts_release(observed->options.hosts, host->slot); /* it has not counted anything */
    hosts_remove(observed->options.hosts, host->slot);
    return result;
}

static int hold_host(struct observed *observed, const struct host *host)
{
    const struct host *before = hosts_owner(observed->options.hosts, &host->address);
    char text[ADDRESS_TEXT_MAX];
    int result;

    hosts_hold(observed->options.hosts, host->slot);
    result = follow_owner(observed, &host->address, before);
    if (result) {
        hosts_release(observed->options.hosts, host->slot);
        return result;
    }
    log_debug("cluster %s: a name more has %s", cluster_name(observed, host->cluster),
              address_text(&host->address, text));
    departures_remove(observed->departures, host->slot);
    return 0;
}

static void tell_failure(struct observed *observed, uint32_t cluster, const struct address *address,
                         int error)
{
    uint64_t now_us = observed->options.departures.now_us();
    bool told = now_us < observed->next_tell_us;
    char text[ADDRESS_TEXT_MAX];

    log_write(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
              "cluster %s: %s is not observed: %s (tried again; others are not told for an hour)",
              cluster_name(observed, cluster), address_text(address, text),
              error == -ENOSPC ? "there are as many endpoints as can be" : strerror(-error));
    if (!told)
        observed->next_tell_us = now_us + TELL_EVERY_US;
}

static int try_add(struct observed *observed, uint32_t cluster, uint32_t group,
                   const struct address *address, enum observed_by by)
{
    const struct host *host = hosts_find(observed->options.hosts, cluster, group, address);

    if (host)
        return hold_host(observed, host);
    if (by == OBSERVED_BY_NAME && group_is_full(observed, cluster, group))
        return -ENOSPC;
    return add_host(observed, cluster, group, address);
}

int observed_add(struct observed *observed, uint32_t cluster, uint32_t group,
                 const struct address *address, enum observed_by by)
{
    int result = try_add(observed, cluster, group, address, by);

    if (result == -ENOSPC && departures_make_room(observed->departures))
        result = try_add(observed, cluster, group, address, by);
    if (result)
        tell_failure(observed, cluster, address, result);
    return result;
}

void observed_drop(struct observed *observed, uint32_t cluster, uint32_t group,
                   const struct address *address)
{
    struct hosts *hosts = observed->options.hosts;
    const struct host *host = hosts_find(hosts, cluster, group, address);
    const struct host *before = hosts_owner(hosts, address);
    char text[ADDRESS_TEXT_MAX];
    int result;

    if (!host)
        return;
    hosts_release(hosts, host->slot);
    log_debug("cluster %s: a name less has %s", cluster_name(observed, cluster),
              address_text(address, text));
    result = follow_owner(observed, address, before);
    if (result)
        log_warning("cluster %s: %s still counts for its earlier owner: %s",
                    cluster_name(observed, cluster), address_text(address, text),
                    strerror(-result));
    if (!host->names)
        departures_add(observed->departures, host->slot);
}

/* What the new order of the configuration moves to another host. */
static void on_moved(void *arg, const struct host *from, const struct host *to)
{
    struct observed *observed = arg;
    int result = follow_owner(observed, &to->address, from);
    char text[ADDRESS_TEXT_MAX];

    if (result)
        log_warning("cluster %s: %s still counts for its earlier owner: %s",
                    cluster_name(observed, to->cluster), address_text(&to->address, text),
                    strerror(-result));
}

static void tell_again(const struct observed *observed, const struct host *host)
{
    int result = tell_kernel(observed, host);
    char text[ADDRESS_TEXT_MAX];

    if (result)
        log_warning("cluster %s: connections to %s are still read as before: %s",
                    cluster_name(observed, host->cluster), address_text(&host->address, text),
                    strerror(-result));
}

void observed_clusters_changed(struct observed *observed, const uint8_t *kinds)
{
    const struct hosts *hosts = observed->options.hosts;

    hosts_choose_owners(observed->options.hosts, on_moved, observed);
    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++) {
        const struct host *host = hosts_at(hosts, slot);

        if (host && kinds[host->cluster] & CHANGED_COUNTING &&
            hosts_owner(hosts, &host->address) == host)
            tell_again(observed, host);
    }
}

void observed_set_idle(struct observed *observed, uint64_t idle_us)
{
    departures_set_idle(observed->departures, idle_us);
}
