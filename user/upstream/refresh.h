/* How long to wait before a name is looked up again, by Envoy's rules. Pure. */
#pragma once

#include <stdint.h>

#include "config/clusters.h"

#define REFRESH_MIN_MS 100 /* never sooner, whatever is configured */

/* Zero at the start. */
struct refresh {
    uint64_t bound_ms; /* of the wait after the next failure in a row; 0: after the first one */
};

/* After an answer: the rate, or the answer's time to live (0: it has none), and some jitter.
 * `random` is any number. Milliseconds. */
uint64_t refresh_answered(struct refresh *refresh, const struct dns_refresh *settings,
                          uint32_t ttl_seconds, uint64_t random);
/* After a failure: the rate, or a random time below a bound that doubles with each in a row. */
uint64_t refresh_failed(struct refresh *refresh, const struct dns_refresh *settings,
                        uint64_t random);
