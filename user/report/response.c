#include "report/response.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "envoy/service/load_stats/v3/lrs.pb-c.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsResponse message;

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts, and frees what is there twice. Returns the number left. */
static size_t distinct(char **names, size_t count)
{
    size_t kept = 0;

    if (!count)
        return 0;
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[kept], names[i]))
            names[++kept] = names[i];
        else
            free(names[i]);
    }
    return kept + 1;
}

/* Within a Duration's rules (seconds and nanos of one sign, nanos a fraction) and above zero. */
static bool usable(int64_t seconds, int32_t nanos)
{
    return seconds >= 0 && nanos >= 0 && nanos <= 999999999 && (seconds || nanos);
}

static void set_interval(struct response *response, const struct response_limits *limits)
{
    int64_t seconds = response->asked_seconds;
    int32_t nanos = response->asked_nanos;
    uint64_t asked_us, held_us;

    response->interval_clamped = true;
    response->interval_us = limits->unset_us;
    if (!usable(seconds, nanos))
        return;
    response->interval_us = limits->max_us;
    if ((uint64_t)seconds > limits->max_us / 1000000)
        return;
    asked_us = (uint64_t)seconds * 1000000 + (uint64_t)nanos / 1000000 * 1000;
    held_us = asked_us > limits->max_us   ? limits->max_us
              : asked_us < limits->min_us ? limits->min_us
                                          : asked_us;
    response->interval_us = held_us;
    response->interval_clamped = held_us != asked_us;
}

int response_parse(const uint8_t *bytes, size_t length, const struct response_limits *limits,
                   struct response *out)
{
    struct response response = {0};
    message *from;

    if (length > RESPONSE_SIZE_MAX)
        return -EBADMSG;
    from = envoy__service__load_stats__v3__load_stats_response__unpack(NULL, length, bytes);
    if (!from)
        return -EBADMSG;
    response.cluster_count = distinct(from->clusters, from->n_clusters);
    response.clusters = from->clusters;
    from->clusters = NULL; /* the names are ours now: the default allocator is malloc */
    from->n_clusters = 0;
    if (from->load_reporting_interval) {
        response.asked_seconds = from->load_reporting_interval->seconds;
        response.asked_nanos = from->load_reporting_interval->nanos;
    }
    response.endpoints = from->report_endpoint_granularity;
    response.send_all = from->send_all_clusters;
    set_interval(&response, limits);
    envoy__service__load_stats__v3__load_stats_response__free_unpacked(from, NULL);
    *out = response;
    return 0;
}

void response_clear(struct response *response)
{
    for (size_t i = 0; i < response->cluster_count; i++)
        free(response->clusters[i]);
    free(response->clusters);
    *response = (struct response){0};
}
