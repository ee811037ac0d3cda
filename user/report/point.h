/* What is kept of a row of counters as it was at some point in time: the ones that a report is made of, by
 * the names that abi.h explains. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/types.h>

#include "abi.h"

struct counts {
    uint64_t rq_issued, rq_success, rq_error, rq_finished;
    uint64_t cx_established, cx_failed, cx_closed;
};

/* What the error bound is made of: all zero of a host whose counts have always been exact. */
struct doubts {
    uint64_t rq_unclassified, rq_untracked, gap_bytes, overruns;
    uint64_t cx_opaque, cx_opaque_closed, cx_untracked, cx_joined;
};

struct point { /* nothing but counters */
    struct counts counts;
    struct doubts doubts;
};

/* One of them, by where it is in struct counters or struct doubts. */
static inline uint64_t counter_at(const void *counters, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)counters + offset, sizeof(value));
    return value;
}

void point_of(const struct counters *row, struct point *out);
/* Moves each counter by what lies between two other points. */
void point_move(struct point *point, const struct point *from, const struct point *to);
