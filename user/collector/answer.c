#include "collector/answer.h"

#include <stdlib.h>
#include <string.h>

#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "grpc/frame.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsResponse response_message;

struct answer *answer_new(const struct ask *ask)
{
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    response_message response = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_RESPONSE__INIT;
    struct answer *answer;
    size_t length;

    interval.seconds = (int64_t)(ask->interval_us / 1000000);
    interval.nanos = (int32_t)(ask->interval_us % 1000000 * 1000);
    response.load_reporting_interval = &interval;
    response.clusters = ask->clusters;
    response.n_clusters = ask->cluster_count;
    response.send_all_clusters = !ask->clusters;
    response.report_endpoint_granularity = ask->endpoints;
    length = envoy__service__load_stats__v3__load_stats_response__get_packed_size(&response);
    answer = malloc(sizeof(*answer) + GRPC_FRAME_PREFIX + length);
    if (!answer)
        return NULL;
    answer->holders = 1;
    answer->length = GRPC_FRAME_PREFIX + length;
    grpc_frame_prefix((uint32_t)length, answer->bytes);
    envoy__service__load_stats__v3__load_stats_response__pack(&response,
                                                              answer->bytes + GRPC_FRAME_PREFIX);
    return answer;
}

struct answer *answer_hold(struct answer *answer)
{
    answer->holders++;
    return answer;
}

void answer_drop(struct answer *answer)
{
    if (answer && --answer->holders == 0)
        free(answer);
}

bool answer_equal(const struct answer *a, const struct answer *b)
{
    return a == b || (a && b && a->length == b->length && !memcmp(a->bytes, b->bytes, a->length));
}
