/* A load: the part of a report that adds up, over hosts and over time. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "report/bound.h"

/* What grows, and of which a report holds the difference. */
struct window_load {
    uint64_t issued, success, error;
    uint64_t new_connections, failed_connections;
    struct bound bound; /* by how much the above may be off */
};

/* The bound aside, which is no load of its own. */
bool window_load_is_zero(const struct window_load *load);

/* In line: at each report for each host. */
static inline void window_load_add(struct window_load *sum, const struct window_load *load)
{
    sum->issued += load->issued;
    sum->success += load->success;
    sum->error += load->error;
    sum->new_connections += load->new_connections;
    sum->failed_connections += load->failed_connections;
    if (load->bound.is_off) /* without a call where there is none, as nearly always */
        bound_add(&sum->bound, &load->bound);
}
