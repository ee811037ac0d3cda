/* What the pages show, as it is now. All borrowed; the pages only look. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/bootstrap.h"
#include "report/reporter.h"
#include "upstream/hosts.h"

struct admin_cost;
struct http_numbers;

struct admin_view {
    const struct clusters *clusters;
    const struct hosts *hosts;
    struct reporter *reporter; /* is only looked at */
    const char *lrs_target;    /* whom the reports go to: a cluster, or a host that is none */
    uint64_t now_us;           /* monotonic */
    size_t label_sets;         /* as many endpoints /metrics tells apart */
    /* The counters of a slot. */
    void (*read)(void *arg, uint32_t slot, struct counters *out);
    /* The i-th name of the configuration that resolves to the host's address now; NULL past the end. */
    const char *(*name)(void *arg, const struct host *host, size_t i);
    void *arg;
};
