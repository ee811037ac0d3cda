/* What the daemon costs, as the kernel tells it. */
#pragma once

#include "admin/cost.h"
#include "kernel/tap.h"
#include "upstream/hosts.h"

/* Fills all but what is measured elsewhere: started_us and the reports. What cannot be read stays 0. */
void cost_read(const struct tap *tap, const struct hosts *hosts, struct admin_cost *out);
