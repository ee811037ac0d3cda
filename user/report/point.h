/* What is kept of a row of counters as it was at some point in time: the ones that a report is made of, by
 * the names that abi.h explains. A window keeps several for each of 100,000 endpoints. Pure. */
#pragma once

#include <stdint.h>

#include <linux/types.h>

#include "abi.h"

struct point { /* nothing but counters */
    uint64_t rq_issued, rq_success, rq_error, rq_finished;
    uint64_t cx_established, cx_failed, cx_closed;
    uint64_t rq_unclassified, rq_untracked, gap_bytes, overruns;
    uint64_t cx_opaque, cx_opaque_closed, cx_untracked, cx_joined;
};

void point_of(const struct counters *row, struct point *out);
