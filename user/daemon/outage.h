/* What of an outage is news: each reason once, whatever their order and however often they come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OUTAGE_REASONS_MAX 8 /* a server that thinks up reasons does not fill the log */

struct outage { /* all zero: none */
    uint64_t told[OUTAGE_REASONS_MAX];
    unsigned count;
};

/* Whether this reason was not told yet since the last outage_over(). It is told then. */
bool outage_is_news(struct outage *outage, const char *reason);
void outage_over(struct outage *outage);
