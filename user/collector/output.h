/* JSON lines, each written whole and flushed, so that a kill loses nothing that was written.
 * [jansson] */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <protobuf-c/protobuf-c.h>

#include "collector/origin.h"
#include "collector/sums.h"

struct output_request {
    struct timespec received; /* wall clock */
    const char *peer;         /* "127.0.0.1:1234" */
    uint64_t stream;          /* number in this process */
    uint64_t message;         /* number in the stream, from 1 */
    const struct origin *origin;
    const ProtobufCMessage *request;
};

/* {"received": …, "peer": …, "stream": N, "message": N, "origin": {"run": …, "stream": N, "resent":
 * {"stream": N, "report": N}}, "unknown_fields": N, "request": {…}}; origin only where a run is told, in
 * it resent only where something is; unknown_fields only where there are any.
 * 0; -ENOMEM: nothing written; -errno of the write. */
int output_request(FILE *file, const struct output_request *line);
/* {"sums": {"node": {"id", "cluster"}, "cluster": name, …}}, counts as numbers, at most
 * INT64_MAX; the row `rest` has "rest": true in the place of node and cluster, and no gauges. */
int output_sums(FILE *file, const struct sums_row *row);
