#include "collector/metrics_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/metric.h"

/* --- what was reported ------------------------------------------------------------------ */

struct family {
    struct metric metric;
    enum totals_kind kind; /* of the rows that have it; the overflow row has all */
    size_t offset;         /* in a row, of an uint64_t */
};

#define IN_ROW(member) offsetof(struct totals_row, member)

/* Names are those of the fields of UpstreamLocalityStats and ClusterStats. */
static const struct family families[] = {
    {{"issued_requests_total", "Requests that were begun.", METRIC_COUNTER, METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(counts.issued)},
    {{"successful_requests_total", "Requests that ended well.", METRIC_COUNTER, METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(counts.success)},
    {{"error_requests_total", "Requests that failed.", METRIC_COUNTER, METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(counts.error)},
    {{"requests_in_progress", "Requests under way, of all nodes that are connected.", METRIC_GAUGE,
      METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(in_progress)},
    {{"new_connections_total", "Connections that were opened.", METRIC_COUNTER, METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(counts.new_connections)},
    {{"fail_connections_total", "Connections that could not be opened.", METRIC_COUNTER,
      METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(counts.failed_connections)},
    {{"active_connections", "Connections that are open, of all nodes that are connected.",
      METRIC_GAUGE, METRIC_ONE},
     TOTALS_LOCALITY,
     IN_ROW(active_connections)},
    {{"dropped_requests_total", "Requests that were dropped before a locality was chosen.",
      METRIC_COUNTER, METRIC_ONE},
     TOTALS_CLUSTER,
     IN_ROW(counts.dropped)},
};

#define LABELS 6

/* Returns how many there are. */
static size_t labels_of(const struct totals_row *row, char priority[12],
                        struct metric_label labels[LABELS])
{
    if (row->kind == TOTALS_OVERFLOW) {
        labels[0] = (struct metric_label){"overflow", "true"};
        return 1;
    }
    snprintf(priority, 12, "%" PRIu32, row->priority);
    labels[0] = (struct metric_label){"node_cluster", row->node_cluster};
    labels[1] = (struct metric_label){"cluster", row->cluster};
    labels[2] = (struct metric_label){"region", row->region};
    labels[3] = (struct metric_label){"zone", row->zone};
    labels[4] = (struct metric_label){"sub_zone", row->sub_zone};
    labels[5] = (struct metric_label){"priority", priority};
    return row->kind == TOTALS_CLUSTER ? 2 : LABELS;
}

struct page {
    FILE *out;
    const struct family *family;
};

static void write_row(void *arg, const struct totals_row *row)
{
    const struct page *page = arg;
    const struct family *family = page->family;
    struct metric_label labels[LABELS];
    char priority[12];

    if (row->kind != family->kind && row->kind != TOTALS_OVERFLOW)
        return;
    metric_sample(page->out, &family->metric, labels, labels_of(row, priority, labels),
                  *(const uint64_t *)((const char *)row + family->offset));
}

static void write_families(FILE *out, const struct totals *totals)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        struct page page = {out, &families[i]};

        metric_head(out, &families[i].metric);
        totals_each(totals, write_row, &page);
    }
}

/* --- the collector itself ------------------------------------------------------------------ */

static const struct metric own_metrics[] = {
    {"collector_connections", "Connections of clients now.", METRIC_GAUGE, METRIC_ONE},
    {"collector_connections_total", "Connections that were accepted.", METRIC_COUNTER, METRIC_ONE},
    {"collector_connections_refused_total", "Connections closed as too many were open.",
     METRIC_COUNTER, METRIC_ONE},
    {"collector_streams", "Streams that are open now.", METRIC_GAUGE, METRIC_ONE},
    {"collector_streams_total", "Streams that were opened.", METRIC_COUNTER, METRIC_ONE},
    {"collector_messages_total", "LoadStatsRequests that came.", METRIC_COUNTER, METRIC_ONE},
    {"collector_message_bytes_total", "Bytes of them.", METRIC_COUNTER, METRIC_BYTES},
    {"collector_messages_refused_total", "LoadStatsRequests that were not counted.", METRIC_COUNTER,
     METRIC_ONE},
    {"collector_label_sets", "Sets of labels that are kept apart.", METRIC_GAUGE, METRIC_ONE},
    {"collector_overflow_total",
     "Reports of a locality or of drops that were counted under overflow.", METRIC_COUNTER,
     METRIC_ONE},
    {"collector_gauges_missed_total",
     "Reports of a locality that the gauges leave out, as there are too many.", METRIC_COUNTER,
     METRIC_ONE},
};

static void write_own(FILE *out, const struct service *service, const struct server_numbers *server)
{
    const struct totals_numbers totals = totals_numbers(service->totals);
    /* In the order of the table. */
    const uint64_t values[] = {
        server->connections, server->accepted,  server->refused,        service->open,
        service->streams,    service->messages, service->message_bytes, service->refused,
        totals.rows,         totals.overflowed, totals.gauges_missed,
    };

    _Static_assert(ARRAY_SIZE(values) == ARRAY_SIZE(own_metrics), "a value for each");
    for (size_t i = 0; i < ARRAY_SIZE(own_metrics); i++)
        metric_single(out, &own_metrics[i], values[i]);
}

char *metrics_page(const struct service *service, const struct server_numbers *server,
                   size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    if (!out)
        return NULL;
    write_families(out, service->totals);
    write_own(out, service, server);
    if (ferror(out) | fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

void metrics_document(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        metric_document(
            out, &families[i].metric,
            families[i].kind == TOTALS_CLUSTER
                ? "`node_cluster`, `cluster`"
                : "`node_cluster`, `cluster`, `region`, `zone`, `sub_zone`, `priority`");
    for (size_t i = 0; i < ARRAY_SIZE(own_metrics); i++)
        metric_document(out, &own_metrics[i], "");
}
