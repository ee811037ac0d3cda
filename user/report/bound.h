/* The error bound: by how much the numbers of a row may be off, and why. abi.h has the rule. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "report/point.h"

enum bound_kind {
    BOUND_UNCLASSIFIED_REQUESTS,
    BOUND_UNTRACKED_REQUESTS, /* part of the ones before */
    BOUND_GAP_BYTES,
    BOUND_OVERRUNS,           /* their bytes are among the ones before */
    BOUND_OPAQUE_CONNECTIONS, /* that were open at any time between */
    BOUND_UNTRACKED_CONNECTIONS,
    BOUND_JOINED_CONNECTIONS,
    BOUND_KINDS
};

struct bound {
    uint64_t amount[BOUND_KINDS];
    bool is_off; /* one of them is not zero */
};

/* What came up between two readings of a row, and what lasted from before. */
void bound_between(const struct doubts *from, const struct doubts *to, struct bound *out);
void bound_add(struct bound *sum, const struct bound *bound);

/* "loadtap.gap_bytes": its name in a report; behind the dot, its name in the log. Static text. */
const char *bound_metric(enum bound_kind kind);
const char *bound_name(enum bound_kind kind);
/* Is it a number of requests (else of connections, bytes or packets)? */
bool bound_is_requests(enum bound_kind kind);
