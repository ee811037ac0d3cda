#include "config/endpoint_difference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int compare(const struct endpoint *a, const struct endpoint *b)
{
    int order = strcmp(a->host, b->host);

    return order ? order : (a->port > b->port) - (a->port < b->port);
}

static int compare_items(const void *a, const void *b)
{
    return compare(*(const struct endpoint *const *)a, *(const struct endpoint *const *)b);
}

/* Those that are observed, sorted. Returns how many. */
static size_t sort(const struct locality_endpoints *group, const struct endpoint **out)
{
    size_t count = 0;

    for (size_t i = 0; i < group->endpoint_count; i++)
        if (group->endpoints[i].host)
            out[count++] = &group->endpoints[i];
    qsort(out, count, sizeof(const struct endpoint *), compare_items);
    return count;
}

static bool same_list(const struct locality_endpoints *a, const struct locality_endpoints *b)
{
    if (a->endpoint_count != b->endpoint_count)
        return false;
    for (size_t i = 0; i < a->endpoint_count; i++) {
        const struct endpoint *one = &a->endpoints[i], *other = &b->endpoints[i];

        if (!one->host != !other->host || (one->host && compare(one, other)))
            return false;
    }
    return true;
}

int endpoint_difference(const struct locality_endpoints *from, const struct locality_endpoints *to,
                        bool *gone, bool *come)
{
    autofree const struct endpoint **before = calloc(from->endpoint_count + 1, sizeof(*before));
    autofree const struct endpoint **after = calloc(to->endpoint_count + 1, sizeof(*after));
    size_t before_count, after_count, b = 0, a = 0;

    if (!before || !after)
        return -ENOMEM;
    if (same_list(from, to))
        return 0;
    before_count = sort(from, before);
    after_count = sort(to, after);
    while (b < before_count || a < after_count) {
        int order = b == before_count ? 1 : a == after_count ? -1 : compare(before[b], after[a]);

        if (order < 0)
            gone[before[b] - from->endpoints] = true;
        if (order > 0)
            come[after[a] - to->endpoints] = true;
        b += order <= 0;
        a += order >= 0;
    }
    return 0;
}
