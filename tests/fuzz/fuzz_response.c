/* Any bytes as a LoadStatsResponse: what is accepted keeps the promises of response.h. */
#include <stdlib.h>
#include <string.h>

#include "report/response.h"

static const struct response_limits limits = {
    .min_us = 100000, .max_us = 3600000000, .unset_us = 1000000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct response response;

    if (response_parse(data, size, &limits, &response))
        return 0;
    if (response.interval_us < limits.min_us || response.interval_us > limits.max_us ||
        response.interval_us % 1000)
        abort();
    for (size_t i = 1; i < response.cluster_count; i++)
        if (strcmp(response.clusters[i - 1], response.clusters[i]) >= 0)
            abort();
    response_clear(&response);
    return 0;
}
