#include "daemon/outage.h"

#include <string.h>

#include "base/fnv.h"

/* Two reasons of one hash are as good as one. */
bool outage_is_news(struct outage *outage, const char *reason)
{
    uint64_t wanted = fnv1a(reason, strlen(reason));

    for (unsigned i = 0; i < outage->count; i++)
        if (outage->told[i] == wanted)
            return false;
    if (outage->count == OUTAGE_REASONS_MAX)
        return false;
    outage->told[outage->count++] = wanted;
    return true;
}

void outage_over(struct outage *outage)
{
    outage->count = 0;
}
