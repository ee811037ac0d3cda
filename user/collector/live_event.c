#include "collector/live_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/live.h"

/* Rows come sorted by node, so a node's card is complete when the next one begins. */
struct event {
    json_t *cards, *rows; /* rows: of the card that is being filled */
    char node[256];
    size_t count, nodes, more;
};

static void node_text(const struct sums_row *row, char *out, size_t size)
{
    if (row->rest)
        snprintf(out, size, "all others");
    else
        snprintf(out, size, "%.200s", *row->node_id ? row->node_id : "(no node id)");
}

static void begin_card(struct event *event, const struct sums_row *row, const char *node)
{
    json_t *tags = json_array();

    if (*row->node_cluster)
        json_array_append_new(tags, json_string(row->node_cluster));
    event->rows = json_array();
    json_array_append_new(event->cards,
                          json_pack("{s:s, s:o, s:[{s:s, s:o}]}", "name", node, "tags", tags,
                                    "groups", "label", "", "rows", event->rows));
    snprintf(event->node, sizeof(event->node), "%s", node);
    event->nodes++;
}

static void add_row(void *arg, const struct sums_row *row)
{
    struct event *event = arg;
    const struct live_row shown = {
        .name = row->rest ? "beyond the bounds" : row->cluster,
        .note = "",
        .issued = row->issued,
        .success = row->success,
        .error = row->error,
        .active = row->rest ? 0 : row->in_progress,
        .connections = row->rest ? 0 : row->active_connections,
    };
    char node[256];

    if (event->count == LIVE_ROWS) {
        event->more++;
        return;
    }
    node_text(row, node, sizeof(node));
    if (!event->rows || strcmp(node, event->node))
        begin_card(event, row, node);
    json_array_append_new(event->rows, live_row_json(&shown));
    event->count++;
}

static json_t *fact(const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    return json_pack("[s, s]", name, text);
}

json_t *live_event_json(const struct service *service, const struct server_numbers *server,
                        uint64_t interval_us, int64_t now_ms)
{
    struct event event = {.cards = json_array()};

    sums_each(service->sums, add_row, &event);
    return json_pack(
        "{s:s, s:s, s:[s], s:f, s:f, s:{s:s, s:b, s:s}, s:[o, o, o, o, o, o], s:s, s:o, "
        "s:I}",
        "title", "loadtap-collector", "subtitle", "", "links", "/metrics", "time",
        (double)now_ms / 1e3, "spread", (double)interval_us / 1e6, "status", "text", "listening",
        "good", 1, "detail", "", "facts", fact("nodes", event.nodes),
        fact("streams open", service->open), fact("connections", server->connections),
        fact("reports", service->messages), fact("refused", service->refused),
        fact("kB", service->message_bytes / 1000), "row_title", "cluster", "cards", event.cards,
        "more", (json_int_t)event.more);
}
