#include "admin/own_metrics.h"

#include <inttypes.h>

#include "base/version.h"
#include "http/metric.h"

/* The order is the page's. */
#define OWN_METRICS(X)                                                                             \
    X(LRS_CONNECTED, "lrs_connected", GAUGE, ONE,                                                  \
      "Whether the stream to the management server is up: 1 or 0.")                                \
    X(LRS_STREAMS, "lrs_streams_total", COUNTER, ONE, "Streams that came up.")                     \
    X(LRS_STREAMS_FAILED, "lrs_streams_failed_total", COUNTER, ONE,                                \
      "Attempts to open a stream that failed.")                                                    \
    X(LRS_STREAMS_ENDED, "lrs_streams_ended_total", COUNTER, ONE,                                  \
      "Streams that ended after they came up.")                                                    \
    X(LRS_REPORTS, "lrs_reports_total", COUNTER, ONE, "Reports that were sent.")                   \
    X(LRS_REPORTS_FAILED, "lrs_reports_failed_total", COUNTER, ONE,                                \
      "Reports that could not be queued; a later one covers their time.")                          \
    X(LRS_REPORTS_CONFIRMED, "lrs_confirmations_total", COUNTER, ONE,                              \
      "Confirmations, each of a report and all before it.")                                        \
    X(LRS_SENT_AGAIN, "lrs_unconfirmed_ends_total", COUNTER, ONE,                                  \
      "Streams that ended with something unconfirmed, which the next one sends again.")            \
    X(LRS_MESSAGES, "lrs_messages_total", COUNTER, ONE, "Messages of the reports.")                \
    X(LRS_MESSAGE_BYTES, "lrs_message_bytes_total", COUNTER, BYTES, "Bytes of these messages.")    \
    X(LRS_RESPONSES, "lrs_responses_total", COUNTER, ONE, "LoadStatsResponses that came.")         \
    X(LRS_RESPONSES_MALFORMED, "lrs_responses_malformed_total", COUNTER, ONE,                      \
      "Messages of the management server that are no LoadStatsResponse.")                          \
    X(LRS_CLUSTERS, "lrs_clusters", GAUGE, ONE, "Clusters that are asked for.")                    \
    X(LRS_INTERVAL, "lrs_interval_seconds", GAUGE, SECONDS,                                        \
      "The load reporting interval that is asked for; 0 before the first response.")               \
    X(LRS_UNSENT_AGE, "lrs_unsent_age_seconds", GAUGE, SECONDS,                                    \
      "Since when there is something counted that no report has.")                                 \
    X(REPORT_SECONDS, "report_duration_seconds_total", COUNTER, SECONDS,                           \
      "Time taken by making and queueing reports.")                                                \
    X(REPORT_LAST_SECONDS, "report_last_duration_seconds", GAUGE, SECONDS,                         \
      "Time taken by the last report.")                                                            \
    X(BPF_SECONDS, "bpf_run_seconds_total", COUNTER, SECONDS,                                      \
      "Run time of the BPF programs while kernel.bpf_stats_enabled was 1; only if it was.")        \
    X(BPF_RUNS, "bpf_runs_total", COUNTER, ONE, "Runs of the BPF programs in that time.")          \
    X(SLOTS, "endpoint_slots", GAUGE, ONE, "Endpoints for which there is room in the kernel.")     \
    X(SLOTS_USED, "endpoint_slots_used", GAUGE, ONE, "Endpoints that have a place there.")         \
    X(OVERFLOW, "endpoint_label_sets_overflow", GAUGE, ONE,                                        \
      "Endpoints beyond metrics_label_sets, which are counted together as overflow=\"true\".")     \
    X(UNDIALLED, "undialled_endpoints", GAUGE, ONE,                                                \
      "Endpoints that nobody has dialled for undialled_endpoint_time.")                            \
    X(CPU, "cpu_seconds_total", COUNTER, SECONDS, "Processor time of the daemon.")                 \
    X(RESIDENT, "resident_memory_bytes", GAUGE, BYTES, "Memory that the daemon occupies.")         \
    X(STARTED, "start_time_seconds", GAUGE, SECONDS, "When the daemon started, since 1970.")       \
    X(HTTP_CLIENTS_NOW, "admin_clients", GAUGE, ONE, "Clients of the admin interface now.")        \
    X(HTTP_ACCEPTED, "admin_connections_total", COUNTER, ONE,                                      \
      "Connections to the admin interface.")                                                       \
    X(HTTP_CLOSED, "admin_connections_closed_total", COUNTER, ONE,                                 \
      "Those that were closed: too slow, or too many.")                                            \
    X(HTTP_REQUESTS, "admin_requests_total", COUNTER, ONE, "Requests to it that were answered.")

enum own {
#define X(id, name, kind, unit, help) OWN_##id,
    OWN_METRICS(X)
#undef X
        OWN_COUNT
};

static const struct metric own_metrics[OWN_COUNT] = {
#define X(id, name, kind, unit, help) [OWN_##id] = {name, help, METRIC_##kind, METRIC_##unit},
    OWN_METRICS(X)
#undef X
};

static const struct metric build_info = {"build_info", "Always 1; the label says which version.",
                                         METRIC_GAUGE, METRIC_ONE};

static void fill_lrs(const struct admin_view *view, uint64_t *values)
{
    struct reporter_status status;
    const struct reporter_counts *counts = &status.counts;

    reporter_status(view->reporter, &status);
    values[OWN_LRS_CONNECTED] = counts->streams > counts->streams_ended;
    values[OWN_LRS_STREAMS] = counts->streams;
    values[OWN_LRS_STREAMS_FAILED] = counts->streams_failed;
    values[OWN_LRS_STREAMS_ENDED] = counts->streams_ended;
    values[OWN_LRS_REPORTS] = counts->reports;
    values[OWN_LRS_REPORTS_FAILED] = counts->reports_failed;
    values[OWN_LRS_REPORTS_CONFIRMED] = counts->confirmations;
    values[OWN_LRS_SENT_AGAIN] = counts->unconfirmed_ends;
    values[OWN_LRS_MESSAGES] = counts->messages;
    values[OWN_LRS_MESSAGE_BYTES] = counts->bytes;
    values[OWN_LRS_RESPONSES] = counts->responses;
    values[OWN_LRS_RESPONSES_MALFORMED] = counts->responses_malformed;
    values[OWN_LRS_CLUSTERS] = status.clusters;
    values[OWN_LRS_INTERVAL] = status.wishes.interval_us;
    values[OWN_LRS_UNSENT_AGE] = status.unsent_us ? view->now_us - status.unsent_us : 0;
}

static void fill_cost(const struct admin_cost *cost, uint64_t *values)
{
    values[OWN_REPORT_SECONDS] = cost->report_us;
    values[OWN_REPORT_LAST_SECONDS] = cost->report_last_us;
    values[OWN_BPF_SECONDS] = cost->bpf_us;
    values[OWN_BPF_RUNS] = cost->bpf_runs;
    values[OWN_SLOTS] = cost->slots;
    values[OWN_SLOTS_USED] = cost->slots_used;
    values[OWN_CPU] = cost->cpu_us;
    values[OWN_RESIDENT] = cost->resident_bytes;
    values[OWN_STARTED] = cost->started_us;
}

static void fill_http(const struct http_numbers *http, uint64_t *values)
{
    values[OWN_HTTP_CLIENTS_NOW] = http->clients;
    values[OWN_HTTP_ACCEPTED] = http->accepted;
    values[OWN_HTTP_CLOSED] = http->closed;
    values[OWN_HTTP_REQUESTS] = http->answered;
}

static uint64_t undialled(const struct admin_view *view)
{
    uint64_t count = 0;

    for (uint32_t slot = 0; slot < hosts_count(view->hosts); slot++) {
        const struct host *host = hosts_at(view->hosts, slot);

        count += host && view->undialled(view->arg, host);
    }
    return count;
}

static void fill(uint64_t *values, const struct admin_view *view, const struct admin_cost *cost,
                 const struct http_numbers *http, uint64_t beyond)
{
    fill_lrs(view, values);
    fill_cost(cost, values);
    fill_http(http, values);
    values[OWN_OVERFLOW] = beyond;
    values[OWN_UNDIALLED] = undialled(view);
}

static bool is_known(size_t metric, const struct admin_cost *cost)
{
    return cost->has_bpf || (metric != OWN_BPF_SECONDS && metric != OWN_BPF_RUNS);
}

static void write_build(FILE *out)
{
    static const struct metric_label version = {"version", VERSION};

    metric_head(out, &build_info);
    metric_sample(out, &build_info, &version, 1, 1);
}

void own_metrics_write(FILE *out, const struct admin_view *view, const struct admin_cost *cost,
                       const struct http_numbers *http, uint64_t beyond)
{
    uint64_t values[OWN_COUNT] = {0};

    fill(values, view, cost, http, beyond);
    write_build(out);
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (is_known(i, cost))
            metric_single(out, &own_metrics[i], values[i]);
}

void own_stats_write(FILE *out, const struct admin_view *view, const struct admin_cost *cost,
                     const struct http_numbers *http)
{
    uint64_t values[OWN_COUNT] = {0};

    fill(values, view, cost, http, 0);
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (is_known(i, cost) && i != OWN_OVERFLOW)
            fprintf(out, "loadtap.%s: %" PRIu64 "\n", own_metrics[i].name,
                    own_metrics[i].unit == METRIC_SECONDS ? values[i] / 1000000 : values[i]);
}

void own_metrics_document(FILE *out)
{
    metric_document(out, &build_info, "`version`");
    for (size_t i = 0; i < OWN_COUNT; i++)
        metric_document(out, &own_metrics[i], "");
}
