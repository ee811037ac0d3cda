/* How long to wait before a management server is tried again. Pure: time and randomness are given.
 *
 * Envoy tries every 5 s for ever. So does this for two minutes, in which most servers are back, and
 * then less and less often, each node at times of its own, so that a server with many nodes can
 * come back at all: by 1.6 times each try, to 60 s at most; each wait is drawn from the upper third
 * of what it may be. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_STEADY_US 5000000ULL         /* the wait in the first two minutes */
#define BACKOFF_STEADY_UNTIL_US 120000000ULL /* from the first failure on */
#define BACKOFF_MAX_US 60000000ULL           /* no wait is longer */

struct backoff {
    uint64_t random; /* any number; those of two nodes should differ */
    bool failing;    /* since `since_us` */
    uint64_t since_us;
    uint64_t longest_us; /* of the wait before */
};

/* A try that failed at `now_us` (monotonic): the time to wait before the next. */
uint64_t backoff_next(struct backoff *backoff, uint64_t now_us);
/* A try that worked: what fails next is the first failure. */
void backoff_reset(struct backoff *backoff);
