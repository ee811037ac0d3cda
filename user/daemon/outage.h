/* What of an outage is news: each reason once, whatever their order and however often they come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OUTAGE_REASONS_MAX 8 /* a server that thinks up reasons does not fill the log */

struct outage { /* all zero: none */
    uint64_t told[OUTAGE_REASONS_MAX];
    unsigned count;
    bool is_full; /* and that was told */
};

enum outage_news {
    OUTAGE_TOLD, /* it was told since the last outage_over(), or there are too many */
    OUTAGE_NEWS,
    OUTAGE_TOO_MANY, /* that is news, once: this one and other new ones are not told */
};

enum outage_news outage_see(struct outage *outage, const char *reason);
void outage_over(struct outage *outage);
