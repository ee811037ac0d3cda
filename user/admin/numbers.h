/* The numbers of an endpoint that mean something to a person, from its row of counters: one table for every
 * page, and for the documentation. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/counters.h"
#include "config/clusters.h"
#include "http/metric.h"

struct number {
    const char *name;  /* in JSON */
    const char *envoy; /* in text, where Envoy's /clusters has it too; else NULL */
    struct metric metric;
    size_t plus, minus; /* offsets in struct counters; minus: NOTHING for a counter */
};

extern const struct number numbers[];
extern const size_t number_count;

uint64_t number_of(const struct number *number, const struct counters *row);
