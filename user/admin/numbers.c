#include "admin/numbers.h"

#include <string.h>

#include "base/mem.h"

#define NOTHING sizeof(struct counters)

#define COUNTS(name_, envoy_, unit_, counter, help_)                                               \
    {                                                                                              \
        .name = (name_), .envoy = (envoy_), .plus = offsetof(struct counters, counter),            \
        .minus = NOTHING, .metric = {                                                              \
            "endpoint_" name_ "_total",                                                            \
            help_,                                                                                 \
            METRIC_COUNTER,                                                                        \
            unit_                                                                                  \
        }                                                                                          \
    }
#define IS(name_, envoy_, begun, ended, help_)                                                     \
    {                                                                                              \
        .name = (name_), .envoy = (envoy_), .plus = offsetof(struct counters, begun),              \
        .minus = offsetof(struct counters, ended), .metric = {                                     \
            "endpoint_" name_,                                                                     \
            help_,                                                                                 \
            METRIC_GAUGE,                                                                          \
            METRIC_ONE                                                                             \
        }                                                                                          \
    }

const struct number numbers[] = {
    COUNTS("issued_requests", "rq_total", METRIC_ONE, rq_issued,
           "Requests that were begun; with protocol tcp, sessions."),
    COUNTS("successful_requests", "rq_success", METRIC_ONE, rq_success,
           "Requests with a final status below 500; gRPC by its status."),
    COUNTS(
        "error_requests", "rq_error", METRIC_ONE, rq_error,
        "Requests that failed: 5xx, reset by the upstream, bad framing; and each HTTP connection "
        "that could not be opened."),
    COUNTS("failed_connect_errors", NULL, METRIC_ONE, cx_failed_error,
           "The part of error_requests that are connections which could not be opened."),
    COUNTS("no_result_requests", NULL, METRIC_ONE, rq_no_result,
           "Requests that the proxy ended before they had a result."),
    COUNTS("health_check_requests", NULL, METRIC_ONE, rq_probes,
           "Health checks; they are in none of the others."),
    IS("requests_in_progress", "rq_active", rq_issued, rq_finished, "Requests under way."),
    COUNTS("new_connections", "cx_total", METRIC_ONE, cx_established,
           "Connections that were opened."),
    COUNTS("fail_connections", "cx_connect_fail", METRIC_ONE, cx_failed,
           "Connections that could not be opened."),
    COUNTS("closed_connections", NULL, METRIC_ONE, cx_closed, "Connections that have ended."),
    COUNTS("session_connections", NULL, METRIC_ONE, cx_sessions,
           "Connections that carry no HTTP, where that was not said by the protocol: no requests."),
    IS("active_connections", "cx_active", cx_established, cx_closed, "Connections that are open."),
    COUNTS("unclassified_requests", NULL, METRIC_ONE, rq_unclassified,
           "Error bound: issued requests whose result could not be told."),
    COUNTS(
        "untracked_requests", NULL, METRIC_ONE, rq_untracked,
        "Error bound: the part of unclassified_requests beyond the streams that can be followed."),
    COUNTS("gap_bytes", NULL, METRIC_BYTES, gap_bytes,
           "Error bound: bytes that went by unseen inside heads or framing."),
    COUNTS(
        "overrun_packets", NULL, METRIC_ONE, overruns,
        "Error bound: packets with more in them than may be looked at; the rest is in gap_bytes."),
    COUNTS("opaque_connections", NULL, METRIC_ONE, cx_opaque,
           "Error bound: connections that cannot be read (TLS, broken HTTP): no requests."),
    IS("active_opaque_connections", NULL, cx_opaque, cx_opaque_closed,
       "Opaque connections that are open."),
    COUNTS("untracked_connections", NULL, METRIC_ONE, cx_untracked,
           "Error bound: connections for which the kernel had no memory, in none of the others."),
    COUNTS("joined_connections", NULL, METRIC_ONE, cx_joined,
           "Error bound: connections that were open before loadtap saw them."),
};

const size_t number_count = ARRAY_SIZE(numbers);

static uint64_t counter_at(const struct counters *row, size_t offset)
{
    uint64_t value = 0;

    if (offset != NOTHING)
        memcpy(&value, (const char *)row + offset, sizeof(value));
    return value;
}

uint64_t number_of(const struct number *number, const struct counters *row)
{
    return counter_at(row, number->plus) - counter_at(row, number->minus);
}
