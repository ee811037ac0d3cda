#include "admin/metrics_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/numbers.h"
#include "base/mem.h"
#include "base/version.h"

/* --- endpoints -------------------------------------------------------------------------------- */

#define LABELS 6
#define LABEL_NAMES "`cluster`, `region`, `zone`, `sub_zone`, `priority`, `endpoint`"

struct endpoints {
    const struct admin_view *view;
    struct counters rest; /* of those beyond the bound */
    size_t beyond;
    FILE *out;
};

static void add_row(struct counters *sum, const struct counters *row)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)row;

    for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
        to[i] += from[i];
}

static bool same_labels(const struct locality_endpoints *a, const struct locality_endpoints *b)
{
    return a->priority == b->priority && !strcmp(a->locality.region, b->locality.region) &&
           !strcmp(a->locality.zone, b->locality.zone) &&
           !strcmp(a->locality.sub_zone, b->locality.sub_zone);
}

/* An address may stand in several groups whose labels are the same: that is one set of labels, shown where it
 * stands first. False: it is shown there. */
static bool read_set(const struct admin_view *view, const struct host *host, struct counters *out)
{
    const struct cluster *cluster = &view->clusters->items[host->cluster];
    const struct host *other;
    struct counters row;

    view->read(view->arg, host->slot, out);
    for (uint32_t g = 0; g < cluster->group_count; g++) {
        if (g == host->group || !same_labels(&cluster->groups[g], &cluster->groups[host->group]))
            continue;
        other = hosts_find(view->hosts, host->cluster, g, &host->address);
        if (other && g < host->group)
            return false;
        if (!other)
            continue;
        view->read(view->arg, other->slot, &row);
        add_row(out, &row);
    }
    return true;
}

/* Those beyond the bound. A slot is an endpoint's as long as it is there, so the same ones are told apart in
 * every scrape. */
static void gather_rest(struct endpoints *endpoints)
{
    const struct admin_view *view = endpoints->view;
    struct counters row;

    for (size_t slot = view->label_sets; slot < hosts_count(view->hosts); slot++) {
        const struct host *host = hosts_at(view->hosts, (uint32_t)slot);

        if (!host || !read_set(view, host, &row))
            continue;
        add_row(&endpoints->rest, &row);
        endpoints->beyond++;
    }
}

static void write_endpoint(const struct endpoints *endpoints, const struct number *number,
                           const struct host *host)
{
    const struct cluster *cluster = &endpoints->view->clusters->items[host->cluster];
    const struct locality_endpoints *group = &cluster->groups[host->group];
    char address[ADDRESS_TEXT_MAX], priority[12];
    const struct metric_label labels[LABELS] = {
        {"cluster", cluster->name},     {"region", group->locality.region},
        {"zone", group->locality.zone}, {"sub_zone", group->locality.sub_zone},
        {"priority", priority},         {"endpoint", address_text(&host->address, address)},
    };
    struct counters row;

    snprintf(priority, sizeof(priority), "%" PRIu32, group->priority);
    if (read_set(endpoints->view, host, &row))
        metric_sample(endpoints->out, &number->metric, labels, LABELS, number_of(number, &row));
}

static void write_number(const struct endpoints *endpoints, const struct number *number)
{
    static const struct metric_label overflow = {"overflow", "true"};
    const struct hosts *hosts = endpoints->view->hosts;

    metric_head(endpoints->out, &number->metric);
    for (size_t slot = 0; slot < hosts_count(hosts) && slot < endpoints->view->label_sets; slot++)
        if (hosts_at(hosts, (uint32_t)slot))
            write_endpoint(endpoints, number, hosts_at(hosts, (uint32_t)slot));
    if (endpoints->beyond)
        metric_sample(endpoints->out, &number->metric, &overflow, 1,
                      number_of(number, &endpoints->rest));
}

/* --- loadtap itself ----------------------------------------------------------------------------- */

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
      "Run time of the BPF programs; only where kernel.bpf_stats_enabled is 1.")                   \
    X(BPF_RUNS, "bpf_runs_total", COUNTER, ONE,                                                    \
      "Runs of the BPF programs; only where kernel.bpf_stats_enabled is 1.")                       \
    X(SLOTS, "endpoint_slots", GAUGE, ONE, "Endpoints for which there is room in the kernel.")     \
    X(SLOTS_USED, "endpoint_slots_used", GAUGE, ONE, "Endpoints that have a place there.")         \
    X(OVERFLOW, "endpoint_label_sets_overflow", GAUGE, ONE,                                        \
      "Endpoints beyond metrics_label_sets, which are counted together as overflow=\"true\".")     \
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

static void write_build(FILE *out)
{
    static const struct metric build = {"build_info", "Always 1; the label says which version.",
                                        METRIC_GAUGE, METRIC_ONE};
    static const struct metric_label version = {"version", VERSION};

    metric_head(out, &build);
    metric_sample(out, &build, &version, 1, 1);
}

static void write_own(FILE *out, const struct admin_cost *cost, const uint64_t *values)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (cost->has_bpf || (i != OWN_BPF_SECONDS && i != OWN_BPF_RUNS))
            metric_single(out, &own_metrics[i], values[i]);
}

char *metrics_page(const struct admin_view *view, const struct admin_cost *cost,
                   const struct http_numbers *http, size_t *length)
{
    struct endpoints endpoints = {.view = view};
    uint64_t values[OWN_COUNT] = {0};
    char *text = NULL;

    endpoints.out = open_memstream(&text, length);
    if (!endpoints.out)
        return NULL;
    gather_rest(&endpoints);
    for (size_t i = 0; i < number_count; i++)
        write_number(&endpoints, &numbers[i]);
    fill_lrs(view, values);
    fill_cost(cost, values);
    fill_http(http, values);
    values[OWN_OVERFLOW] = endpoints.beyond;
    write_build(endpoints.out);
    write_own(endpoints.out, cost, values);
    if (ferror(endpoints.out) | fclose(endpoints.out)) {
        free(text);
        return NULL;
    }
    return text;
}
