#include "daemon/outage.h"

#include <string.h>

#include "base/fnv.h"

/* Two reasons of one hash are as good as one. */
enum outage_news outage_see(struct outage *outage, const char *reason)
{
    uint64_t wanted = fnv1a(reason, strlen(reason));

    for (unsigned i = 0; i < outage->count; i++)
        if (outage->told[i] == wanted)
            return OUTAGE_TOLD;
    if (outage->is_full)
        return OUTAGE_TOLD;
    if (outage->count == OUTAGE_REASONS_MAX) {
        outage->is_full = true;
        return OUTAGE_TOO_MANY;
    }
    outage->told[outage->count++] = wanted;
    return OUTAGE_NEWS;
}

void outage_over(struct outage *outage)
{
    *outage = (struct outage){.count = 0};
}
