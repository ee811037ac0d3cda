#include "report/point.h"

#include <stddef.h>

void point_of(const struct counters *row, struct point *out)
{
    out->counts = (struct counts){.rq_issued = row->rq_issued,
                                  .rq_success = row->rq_success,
                                  .rq_error = row->rq_error,
                                  .rq_finished = row->rq_finished,
                                  .cx_established = row->cx_established,
                                  .cx_failed = row->cx_failed,
                                  .cx_closed = row->cx_closed};
    out->doubts = (struct doubts){.rq_unclassified = row->rq_unclassified,
                                  .rq_untracked = row->rq_untracked,
                                  .gap_bytes = row->gap_bytes,
                                  .overruns = row->overruns,
                                  .cx_opaque = row->cx_opaque,
                                  .cx_opaque_closed = row->cx_opaque_closed,
                                  .cx_untracked = row->cx_untracked,
                                  .cx_joined = row->cx_joined};
}

void point_move(struct point *point, const struct point *from, const struct point *to)
{
    const uint64_t *begin = (const uint64_t *)from, *end = (const uint64_t *)to;
    uint64_t *at = (uint64_t *)point;

    for (size_t i = 0; i < sizeof(*point) / sizeof(*at); i++)
        at[i] += end[i] - begin[i];
}
