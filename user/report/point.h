/* What is kept of a row of counters as it was at some point in time: the ones that a report is made of, by
 * the names that abi.h explains. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/counters.h"

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

/* In line, and to where they are wanted: at each report, for each host. */
static inline void counts_of(const struct counters *row, struct counts *out)
{
    out->rq_issued = row->rq_issued;
    out->rq_success = row->rq_success;
    out->rq_error = row->rq_error;
    out->rq_finished = row->rq_finished;
    out->cx_established = row->cx_established;
    out->cx_failed = row->cx_failed;
    out->cx_closed = row->cx_closed;
}

static inline void doubts_of(const struct counters *row, struct doubts *out)
{
    out->rq_unclassified = row->rq_unclassified;
    out->rq_untracked = row->rq_untracked;
    out->gap_bytes = row->gap_bytes;
    out->overruns = row->overruns;
    out->cx_opaque = row->cx_opaque;
    out->cx_opaque_closed = row->cx_opaque_closed;
    out->cx_untracked = row->cx_untracked;
    out->cx_joined = row->cx_joined;
}

_Static_assert(sizeof(struct doubts) == 8 * sizeof(uint64_t), "each is looked at below");

static inline bool doubts_are_zero(const struct doubts *doubts)
{
    return !(doubts->rq_unclassified | doubts->rq_untracked | doubts->gap_bytes | doubts->overruns |
             doubts->cx_opaque | doubts->cx_opaque_closed | doubts->cx_untracked |
             doubts->cx_joined);
}

static inline void point_of(const struct counters *row, struct point *out)
{
    counts_of(row, &out->counts);
    doubts_of(row, &out->doubts);
}

/* Moves each counter by what lies between two other points. */
void point_move(struct point *point, const struct point *from, const struct point *to);
