#include "daemon/missing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void missing_clear(struct missing *missing)
{
    for (size_t i = 0; i < missing->count; i++)
        free(missing->items[i].host);
    free(missing->items);
    *missing = (struct missing){.items = NULL};
}

int missing_add(struct missing *missing, const struct endpoint_change *endpoint)
{
    struct endpoint_change *items =
        reallocarray(missing->items, missing->count + 1, sizeof(*items));
    char *host = items ? strdup(endpoint->host) : NULL;

    if (items)
        missing->items = items;
    if (!host)
        return -ENOMEM;
    items[missing->count] = *endpoint;
    items[missing->count++].host = host;
    return 0;
}

static bool is_same(const struct endpoint_change *a, const struct endpoint_change *b)
{
    return a->cluster == b->cluster && a->group == b->group && a->port == b->port &&
           !strcmp(a->host, b->host);
}

bool missing_take(struct missing *missing, const struct endpoint_change *endpoint)
{
    for (size_t i = 0; i < missing->count; i++) {
        if (!is_same(&missing->items[i], endpoint))
            continue;
        free(missing->items[i].host);
        missing->items[i] = missing->items[--missing->count];
        return true;
    }
    return false;
}
