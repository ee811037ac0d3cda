/* What loadtap itself costs, as the daemon has measured it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct admin_cost {
    uint64_t cpu_us, resident_bytes, started_us, loaded_us; /* the last two: since 1970 */
    bool has_bpf;                                           /* the kernel has measured it */
    uint64_t bpf_us, bpf_runs;                              /* of all programs, while it did */
    uint64_t slots, slots_used;                             /* rows of counters */
    uint64_t report_us, report_last_us; /* making and queueing reports; the last one */
};
