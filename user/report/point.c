#include "report/point.h"

void point_of(const struct counters *row, struct point *out)
{
    *out = (struct point){.rq_issued = row->rq_issued,
                          .rq_success = row->rq_success,
                          .rq_error = row->rq_error,
                          .rq_finished = row->rq_finished,
                          .cx_established = row->cx_established,
                          .cx_failed = row->cx_failed,
                          .cx_closed = row->cx_closed,
                          .rq_unclassified = row->rq_unclassified,
                          .rq_untracked = row->rq_untracked,
                          .gap_bytes = row->gap_bytes,
                          .overruns = row->overruns,
                          .cx_opaque = row->cx_opaque,
                          .cx_opaque_closed = row->cx_opaque_closed,
                          .cx_untracked = row->cx_untracked,
                          .cx_joined = row->cx_joined};
}
