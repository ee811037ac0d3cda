#include "daemon/outage.h"

/* FNV-1a. Two reasons of one hash are as good as one. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325;

    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 0x100000001b3;
    return value;
}

bool outage_is_news(struct outage *outage, const char *reason)
{
    uint64_t wanted = hash(reason);

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
