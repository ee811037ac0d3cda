#include "daemon/upstreams.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "daemon/names.h"
#include "daemon/observed.h"

struct upstreams {
    struct upstreams_options options;
    struct observed *observed;
    struct names *names;
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

static int add_endpoint(struct upstreams *upstreams, uint32_t cluster, uint32_t group,
                        const struct endpoint *endpoint)
{
    struct address address;

    if (!endpoint->host)
        return 0;
    if (address_parse(endpoint->host, endpoint->port, &address))
        return names_add(upstreams->names, cluster, group, endpoint);
    return observed_add(upstreams->observed, cluster, group, &address);
}

static int add_cluster(struct upstreams *upstreams, uint32_t index)
{
    const struct cluster *cluster = &upstreams->options.clusters->items[index];
    int result = 0;

    for (uint32_t group = 0; group < cluster->group_count; group++)
        for (size_t i = 0; i < cluster->groups[group].endpoint_count && !result; i++)
            result = add_endpoint(upstreams, index, group, &cluster->groups[group].endpoints[i]);
    return result;
}

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
    if (!upstreams->observed || !upstreams->names)
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

void upstreams_free(struct upstreams *upstreams)
{
    if (!upstreams)
        return;
    names_free(upstreams->names);
    observed_free(upstreams->observed);
    free(upstreams);
}
