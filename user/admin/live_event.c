#include "admin/live_event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/clusters_page.h"
#include "http/live.h"
#include "report/bound.h"

struct event {
    const struct admin_view *view;
    size_t rows, more;
    size_t exact; /* of the endpoints that it has */
};

/* --- endpoints --------------------------------------------------------------------------------- */

static bool is_exact(const struct counters *row)
{
    const struct point nothing = {0};
    struct bound bound;
    struct point now;

    point_of(row, &now);
    bound_between(&nothing.doubts, &now.doubts, &bound);
    return !bound.is_off;
}

static void write_note(const struct admin_view *view, const struct host *host, bool exact,
                       char *out, size_t size)
{
    const char *name = view->name(view->arg, host, 0);
    bool counted = hosts_owner(view->hosts, &host->address) == host;

    snprintf(out, size, "%.128s%s%s%s%s%s", name ? name : "",
             name && (!counted || !host->names || !exact) ? ", " : "",
             counted ? "" : "counted where its address stands first",
             host->names ? "" : "leaving: DNS has it no more",
             (!counted || !host->names) && !exact ? ", " : "", exact ? "" : "not exact");
}

static json_t *endpoint_row(struct event *event, const struct host *host)
{
    char address[ADDRESS_TEXT_MAX], note[256];
    struct counters row;
    bool exact;

    event->view->read(event->view->arg, host->slot, &row);
    exact = is_exact(&row);
    event->exact += exact;
    write_note(event->view, host, exact, note, sizeof(note));
    const struct live_row shown = {
        .name = address_text(&host->address, address),
        .note = note,
        .faint = !host->names || hosts_owner(event->view->hosts, &host->address) != host,
        .issued = row.rq_issued,
        .success = row.rq_success,
        .error = row.rq_error,
        .active = row.rq_issued - row.rq_finished,
        .connections = row.cx_established - row.cx_closed,
    };

    return live_row_json(&shown);
}

/* "europe-west1 / b, priority 1" */
static void write_label(const struct locality_endpoints *group, char *out, size_t size)
{
    const char *parts[] = {group->locality.region, group->locality.zone, group->locality.sub_zone};
    size_t used = 0;

    out[0] = 0;
    for (size_t i = 0; i < 3 && used < size; i++)
        if (parts[i][0])
            used +=
                (size_t)snprintf(out + used, size - used, "%s%.80s", used ? " / " : "", parts[i]);
    if (group->priority && used < size)
        snprintf(out + used, size - used, "%spriority %" PRIu32, used ? ", " : "", group->priority);
}

static json_t *group_json(struct event *event, uint32_t cluster, uint32_t group)
{
    const struct admin_view *view = event->view;
    const struct host *host;
    json_t *rows = json_array();
    char label[300];

    for (size_t i = 0; (host = hosts_of_group(view->hosts, cluster, group, i)); i++) {
        if (event->rows == LIVE_ROWS) {
            event->more++;
            continue;
        }
        json_array_append_new(rows, endpoint_row(event, host));
        event->rows++;
    }
    write_label(&view->clusters->items[cluster].groups[group], label, sizeof(label));
    return json_pack("{s:s, s:o}", "label", label, "rows", rows);
}

static json_t *card_json(struct event *event, uint32_t index)
{
    const struct cluster *cluster = &event->view->clusters->items[index];
    json_t *groups = json_array(), *tags = json_array();

    json_array_append_new(tags, json_string(discovery_text(cluster->discovery)));
    json_array_append_new(tags, json_string(protocol_text(cluster->protocol)));
    if (!cluster_observed(cluster))
        json_array_append_new(tags, json_string("no socket shows its load"));
    else if (!reporter_reports(event->view->reporter, index))
        json_array_append_new(tags, json_string("not asked for"));
    for (uint32_t g = 0; g < cluster->group_count; g++)
        if (cluster->groups[g].presence != PRESENCE_VACANT)
            json_array_append_new(groups, group_json(event, index, g));
    return json_pack("{s:s, s:o, s:o}", "name", cluster->name, "tags", tags, "groups", groups);
}

/* --- the stream -------------------------------------------------------------------------------- */

static void add_fact(json_t *facts, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_fact(json_t *facts, const char *name, const char *format, ...)
{
    char value[64];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    json_array_append_new(facts, json_pack("[s, s]", name, value));
}

static json_t *facts_json(const struct event *event, const struct reporter_status *status)
{
    json_t *facts = json_array();

    add_fact(facts, "stream", "%" PRIu64, status->stream);
    add_fact(facts, "reports", "%" PRIu64, status->counts.reports);
    add_fact(facts, "sent", "%" PRIu64 " kB", status->counts.bytes / 1000);
    if (status->report)
        add_fact(facts, "confirmed", "%" PRIu64 " of %" PRIu64, status->confirmed, status->report);
    if (status->unsent_us)
        add_fact(facts, "unsent for", "%.1f s",
                 (double)(event->view->now_us - status->unsent_us) / 1e6);
    add_fact(facts, "exact", "%zu of %zu endpoints", event->exact, event->rows);
    return facts;
}

static json_t *status_json(const struct admin_view *view, const struct reporter_status *status)
{
    bool connected = !strcmp(status->state, "connected");
    json_t *object;
    char detail[400];

    snprintf(detail, sizeof(detail), "%s management server %.200s%s", connected ? "to" : "for",
             view->lrs_target,
             connected && !status->wishes.known ? ", which has not answered yet" : "");
    object = json_pack("{s:s, s:b, s:s, s:s, s:f}", "text", status->state, "good",
                       connected && status->wishes.known, "detail", detail, "next_label",
                       connected ? "next report" : "next attempt", "interval",
                       connected ? (double)status->wishes.interval_us / 1e6 : 0.0);
    if (status->due_us != UINT64_MAX)
        json_object_set_new(object, "next",
                            json_real(status->due_us > view->now_us
                                          ? (double)(status->due_us - view->now_us) / 1e6
                                          : 0));
    return object;
}

json_t *live_event_json(const struct admin_view *view)
{
    const struct Envoy__Config__Core__V3__Node *node = view->bootstrap->node;
    struct event event = {.view = view};
    struct reporter_status status;
    json_t *cards = json_array();
    char subtitle[300];

    for (uint32_t c = 0; c < view->clusters->count; c++)
        if (view->clusters->items[c].presence != PRESENCE_VACANT)
            json_array_append_new(cards, card_json(&event, c));
    reporter_status(view->reporter, &status);
    snprintf(subtitle, sizeof(subtitle), "node %.120s, cluster %.120s", node->id, node->cluster);
    return json_pack("{s:s, s:s, s:[s, s, s, s], s:f, s:o, s:o, s:s, s:o, s:I}", "title", "loadtap",
                     "subtitle", subtitle, "links", "/clusters", "/lrs", "/metrics", "/config_dump",
                     "time", (double)view->now_us / 1e6, "status", status_json(view, &status),
                     "facts", facts_json(&event, &status), "row_title", "endpoint", "cards", cards,
                     "more", (json_int_t)event.more);
}
