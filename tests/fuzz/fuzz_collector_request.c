/* Foreign LoadStatsRequests: what the check lets through must decode without harm, and what decodes
 * must become JSON. */
#include <stdlib.h>

#include "collector/message_check.h"
#include "collector/sums.h"
#include "collector/totals.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "message/message_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_sums(const Envoy__Service__LoadStats__V3__LoadStatsRequest *request)
{
    struct sums *sums = sums_new(4, 100);

    for (size_t i = 0; i < request->n_cluster_stats; i++)
        sums_add(sums, request->node ? request->node->id : "", "", request->cluster_stats[i]);
    sums_free(sums);
}

static void add_totals(const Envoy__Service__LoadStats__V3__LoadStatsRequest *request)
{
    static const struct totals_limits limits = {.rows = 4, .text = 100, .gauges = 4};
    struct totals *totals = totals_new(&limits);
    struct totals_gauges gauges = {0};

    for (size_t i = 0; i < request->n_cluster_stats; i++)
        totals_add(totals, &gauges, "", request->cluster_stats[i]);
    totals_forget(totals, &gauges);
    totals_free(totals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct message_limits limits = {100, 100000};
    Envoy__Service__LoadStats__V3__LoadStatsRequest *request;
    size_t unknown = 0;
    json_t *json;

    if (message_check(&envoy__service__load_stats__v3__load_stats_request__descriptor, data, size,
                      &limits))
        return 0;
    request = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, size, data);
    if (!request)
        return 0;
    json = message_json(&request->base, NULL, &unknown);
    if (!json)
        abort();
    json_decref(json);
    add_sums(request);
    add_totals(request);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(request, NULL);
    return 0;
}
