/* Prometheus' text format, version 0.0.4. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define METRIC_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRIC_PREFIX "loadtap_"

enum metric_kind {
    METRIC_COUNTER, /* its name ends in _total */
    METRIC_GAUGE,
};

enum metric_unit {
    METRIC_ONE, /* a number of what its name says */
    METRIC_BYTES,
    METRIC_SECONDS, /* of which the values are millionths */
    METRIC_UNITS
};

struct metric {
    const char *name; /* behind METRIC_PREFIX */
    const char *help; /* a sentence */
    enum metric_kind kind;
    enum metric_unit unit;
};

struct metric_label {
    const char *name, *value; /* any text as value */
};

/* What stands once before the samples of a metric. */
void metric_head(FILE *out, const struct metric *metric);
void metric_sample(FILE *out, const struct metric *metric, const struct metric_label *labels,
                   size_t count, uint64_t value);
/* Head and the one sample of a metric without labels. */
void metric_single(FILE *out, const struct metric *metric, uint64_t value);

/* A row of the table of metrics in markdown: name, type, unit, labels, help. */
void metric_document(FILE *out, const struct metric *metric, const char *labels);
