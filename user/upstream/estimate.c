#include "upstream/estimate.h"

#define HOSTS_PER_NAME 16
#define HOSTS_MIN 4096 /* where there are names at all */

/* What a later configuration may need more: as much as this one, within these. */
#define SPARE_HOSTS_MIN 1024
#define SPARE_HOSTS_MAX 16384
#define SPARE_CHECKED_MIN 64

size_t estimate_hosts(const struct clusters *clusters)
{
    size_t fixed = 1, named = 0; /* a map has a row at least */

    for (size_t c = 0; c < clusters->count; c++)
        for (size_t g = 0; g < clusters->items[c].group_count; g++) {
            size_t count = clusters->items[c].groups[g].endpoint_count;

            if (clusters->items[c].discovery == DISCOVERY_STATIC)
                fixed += count;
            else
                named += count;
        }
    fixed += named ? HOSTS_MIN + named * HOSTS_PER_NAME : 0;
    if (fixed < SPARE_HOSTS_MIN)
        return fixed + SPARE_HOSTS_MIN;
    return fixed + (fixed < SPARE_HOSTS_MAX ? fixed : SPARE_HOSTS_MAX);
}

size_t estimate_checked(const struct clusters *clusters)
{
    size_t count = 0;

    for (size_t c = 0; c < clusters->count; c++)
        count += clusters->items[c].health_check_count > 0;
    return count + (count > SPARE_CHECKED_MIN ? count : SPARE_CHECKED_MIN);
}
