/* When to ask over HTTP/2 whether the peer of a connection is still there: pure data. */
#pragma once

#include <stdint.h>

struct keepalive_settings {
    uint64_t interval_us; /* between an answer and the next PING; 0: there are none */
    uint64_t timeout_us;  /* for the answer */
    double jitter;        /* up to this share of the interval is added to it; 0.15 is 15 % */
};
