#include "admin/page_kind.h"

#include <string.h>

#include "base/mem.h"

/* The first that fits. */
static const struct {
    enum page_kind kind;
    const char *path, *name,
        *value; /* name: NULL, whatever the query; value: NULL, whatever it is */
} kinds[] = {
    {PAGE_METRICS, "/metrics", NULL, NULL},
    {PAGE_METRICS, "/stats/prometheus", NULL, NULL},
    {PAGE_METRICS, "/stats", "format", "prometheus"},
    {PAGE_STATS, "/stats", NULL, NULL},
    {PAGE_CLUSTERS_JSON, "/clusters", "format", "json"},
    {PAGE_CLUSTERS, "/clusters", NULL, NULL},
    {PAGE_LRS_NEXT, "/lrs", "next", NULL},
    {PAGE_LRS_JSON, "/lrs", "format", "json"},
    {PAGE_LRS, "/lrs", NULL, NULL},
    {PAGE_EXPLAIN, "/explain", NULL, NULL},
};

static bool has(const struct http_request *request, const char *name, const char *value)
{
    char found[16];

    return http_query(request, name, found, sizeof(found)) && (!value || !strcmp(found, value));
}

enum page_kind page_kind(const struct http_request *request)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(kinds[i].path, request->path) &&
            (!kinds[i].name || has(request, kinds[i].name, kinds[i].value)))
            return kinds[i].kind;
    return PAGE_OTHER;
}
