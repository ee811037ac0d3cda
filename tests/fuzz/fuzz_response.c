/* Any bytes as a LoadStatsResponse: what is accepted keeps the promises of response.h, and is what
 * protobuf-c finds in it. */
#include <stdlib.h>
#include <string.h>

#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/response.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsResponse message;

static const struct response_limits limits = {
    .min_us = 100000, .max_us = 3600000000, .unset_us = 1000000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* protobuf-c ends a name at its first NUL. */
static void compare_names(struct response *response, const message *other)
{
    struct response_name name;

    for (size_t i = 0; i < other->n_clusters; i++) {
        if (!response_next_name(response, &name))
            abort();
        if (strncmp(name.text, other->clusters[i], name.length) ||
            (name.length > 0 && strnlen(name.text, name.length) != strlen(other->clusters[i])))
            abort();
    }
    if (response_next_name(response, &name))
        abort();
}

/* Where intervals stand several times protobuf-c forgets scalars that only an earlier one has, against
 * protobuf's rule. */
static bool same(int64_t ours, int64_t other)
{
    return ours == other || other == 0;
}

static void compare(struct response *response, const message *other)
{
    const Google__Protobuf__Duration *interval = other->load_reporting_interval;

    if (!same(response->asked_seconds, interval ? interval->seconds : 0) ||
        !same(response->asked_nanos, interval ? interval->nanos : 0))
        abort();
    if (response->endpoints != other->report_endpoint_granularity ||
        response->send_all != other->send_all_clusters)
        abort();
    compare_names(response, other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct response response;
    message *other;

    if (response_parse(data, size, &limits, &response))
        return 0;
    if (response.interval_us < limits.min_us || response.interval_us > limits.max_us ||
        response.interval_us % 1000)
        abort();
    other = envoy__service__load_stats__v3__load_stats_response__unpack(NULL, size, data);
    if (!other)
        abort();
    compare(&response, other);
    envoy__service__load_stats__v3__load_stats_response__free_unpacked(other, NULL);
    return 0;
}
