#include "admin/stats_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/numbers.h"
#include "admin/own_metrics.h"

static uint64_t sum_of(const struct admin_view *view, uint32_t cluster, const struct number *number)
{
    const struct host *host;
    struct counters row;
    uint64_t sum = 0;

    for (uint32_t g = 0; g < view->clusters->items[cluster].group_count; g++)
        for (size_t i = 0; (host = hosts_of_group(view->hosts, cluster, g, i)); i++) {
            view->read(view->arg, host->slot, &row);
            sum += number_of(number, &row);
        }
    return sum;
}

/* upstream_ before what Envoy's clusters have too. */
static void write_cluster(FILE *out, const struct admin_view *view, uint32_t cluster)
{
    for (size_t i = 0; i < number_count; i++)
        fprintf(out, "cluster.%s.%s%s: %" PRIu64 "\n", view->clusters->items[cluster].name,
                numbers[i].envoy ? "upstream_" : "loadtap_",
                numbers[i].envoy ? numbers[i].envoy : numbers[i].name,
                sum_of(view, cluster, &numbers[i]));
}

char *stats_page(const struct admin_view *view, const struct admin_cost *cost,
                 const struct http_numbers *http, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    if (!out)
        return NULL;
    for (uint32_t c = 0; c < view->clusters->count; c++)
        if (view->clusters->items[c].presence != PRESENCE_VACANT)
            write_cluster(out, view, c);
    own_stats_write(out, view, cost, http);
    if (ferror(out) | fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}
