#include "admin/metrics_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/numbers.h"
#include "admin/own_metrics.h"

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
    return a->presence != PRESENCE_VACANT && a->priority == b->priority &&
           locality_equal(&a->locality, &b->locality);
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

    for (size_t slot = view->bootstrap->metrics_label_sets; slot < hosts_count(view->hosts);
         slot++) {
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
    for (size_t slot = 0;
         slot < hosts_count(hosts) && slot < endpoints->view->bootstrap->metrics_label_sets; slot++)
        if (hosts_at(hosts, (uint32_t)slot))
            write_endpoint(endpoints, number, hosts_at(hosts, (uint32_t)slot));
    if (endpoints->beyond)
        metric_sample(endpoints->out, &number->metric, &overflow, 1,
                      number_of(number, &endpoints->rest));
}

/* --- the page ------------------------------------------------------------------------------------ */

char *metrics_page(const struct admin_view *view, const struct admin_cost *cost,
                   const struct http_numbers *http, size_t *length)
{
    struct endpoints endpoints = {.view = view};
    char *text = NULL;

    endpoints.out = open_memstream(&text, length);
    if (!endpoints.out)
        return NULL;
    gather_rest(&endpoints);
    for (size_t i = 0; i < number_count; i++)
        write_number(&endpoints, &numbers[i]);
    own_metrics_write(endpoints.out, view, cost, http, endpoints.beyond);
    if (ferror(endpoints.out) | fclose(endpoints.out)) {
        free(text);
        return NULL;
    }
    return text;
}

void metrics_document(FILE *out)
{
    for (size_t i = 0; i < number_count; i++)
        metric_document(out, &numbers[i].metric, LABEL_NAMES);
    own_metrics_document(out);
}
