#include "collector/metrics_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum type {
    COUNTER,
    GAUGE,
};

/* --- what was reported ------------------------------------------------------------------ */

struct family {
    const char *name, *help;
    enum type type;
    enum totals_kind kind; /* of the rows that have it; the overflow row has all */
    size_t offset;         /* in a row, of an uint64_t */
};

#define IN_ROW(member) offsetof(struct totals_row, member)

/* Names are those of the fields of UpstreamLocalityStats and ClusterStats. */
static const struct family families[] = {
    {"issued_requests_total", "Requests that were begun.", COUNTER, TOTALS_LOCALITY,
     IN_ROW(counts.issued)},
    {"successful_requests_total", "Requests that ended well.", COUNTER, TOTALS_LOCALITY,
     IN_ROW(counts.success)},
    {"error_requests_total", "Requests that failed.", COUNTER, TOTALS_LOCALITY,
     IN_ROW(counts.error)},
    {"requests_in_progress", "Requests under way, of all nodes that are connected.", GAUGE,
     TOTALS_LOCALITY, IN_ROW(in_progress)},
    {"new_connections_total", "Connections that were opened.", COUNTER, TOTALS_LOCALITY,
     IN_ROW(counts.new_connections)},
    {"fail_connections_total", "Connections that could not be opened.", COUNTER, TOTALS_LOCALITY,
     IN_ROW(counts.failed_connections)},
    {"active_connections", "Connections that are open, of all nodes that are connected.", GAUGE,
     TOTALS_LOCALITY, IN_ROW(active_connections)},
    {"dropped_requests_total", "Requests that were dropped before a locality was chosen.", COUNTER,
     TOTALS_CLUSTER, IN_ROW(counts.dropped)},
};

static void write_head(FILE *out, const char *name, const char *help, enum type type)
{
    fprintf(out, "# HELP loadtap_%s %s\n# TYPE loadtap_%s %s\n", name, help, name,
            type == COUNTER ? "counter" : "gauge");
}

/* Any text as a label's value ("Text format details": \, " and line feed are escaped). */
static void write_label(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            fputc('\\', out);
        fputc(*value == '\n' ? 'n' : *value, out);
    }
    fputc('"', out);
}

static void write_labels(FILE *out, const struct totals_row *row)
{
    if (row->kind == TOTALS_OVERFLOW) {
        write_label(out, "overflow", "true");
        return;
    }
    write_label(out, "node_cluster", row->node_cluster);
    write_label(out, ",cluster", row->cluster);
    if (row->kind == TOTALS_CLUSTER)
        return;
    write_label(out, ",region", row->region);
    write_label(out, ",zone", row->zone);
    write_label(out, ",sub_zone", row->sub_zone);
    fprintf(out, ",priority=\"%" PRIu32 "\"", row->priority);
}

struct page {
    FILE *out;
    const struct family *family;
};

static void write_row(void *arg, const struct totals_row *row)
{
    const struct page *page = arg;
    const struct family *family = page->family;

    if (row->kind != family->kind && row->kind != TOTALS_OVERFLOW)
        return;
    fprintf(page->out, "loadtap_%s{", family->name);
    write_labels(page->out, row);
    fprintf(page->out, "} %" PRIu64 "\n", *(const uint64_t *)((const char *)row + family->offset));
}

static void write_families(FILE *out, const struct totals *totals)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        struct page page = {out, &families[i]};

        write_head(out, families[i].name, families[i].help, families[i].type);
        totals_each(totals, write_row, &page);
    }
}

/* --- the collector itself ------------------------------------------------------------------ */

static void write_own(FILE *out, const struct service *service, const struct server_numbers *server)
{
    const struct totals_numbers totals = totals_numbers(service->totals);
    const struct {
        const char *name, *help;
        enum type type;
        uint64_t value;
    } own[] = {
        {"collector_connections", "Connections of clients now.", GAUGE, server->connections},
        {"collector_connections_total", "Connections that were accepted.", COUNTER,
         server->accepted},
        {"collector_connections_refused_total", "Connections closed as too many were open.",
         COUNTER, server->refused},
        {"collector_streams", "Streams that are open now.", GAUGE, service->open},
        {"collector_streams_total", "Streams that were opened.", COUNTER, service->streams},
        {"collector_messages_total", "LoadStatsRequests that came.", COUNTER, service->messages},
        {"collector_message_bytes_total", "Bytes of them.", COUNTER, service->message_bytes},
        {"collector_messages_refused_total", "LoadStatsRequests that were not counted.", COUNTER,
         service->refused},
        {"collector_label_sets", "Sets of labels that are kept apart.", GAUGE, totals.rows},
        {"collector_overflow_total",
         "Reports of a locality or of drops that were counted under overflow=\"true\".", COUNTER,
         totals.overflowed},
        {"collector_gauges_missed_total",
         "Reports of a locality that the gauges leave out, as there are too many.", COUNTER,
         totals.gauges_missed},
    };

    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        write_head(out, own[i].name, own[i].help, own[i].type);
        fprintf(out, "loadtap_%s %" PRIu64 "\n", own[i].name, own[i].value);
    }
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
