/* The counters of one endpoint, put together from the rows that the kernel has of it. abi.h says what they
 * mean. */
#pragma once

#include <stdint.h>

struct counters {
    uint64_t cx_established, cx_failed, cx_closed;
    uint64_t rq_issued, rq_success, rq_error, rq_finished;
    /* the error bound */
    uint64_t rq_unclassified, rq_untracked, gap_bytes, overruns;
    uint64_t cx_opaque, cx_opaque_closed, cx_untracked, cx_joined;
    /* no report is made of what is from here on */
    uint64_t cx_opened, cx_failed_error, cx_sessions;
    uint64_t rq_probes, rq_no_result;
};
