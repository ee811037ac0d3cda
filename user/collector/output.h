/* What is received, as lines of JSON. [jansson] */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <protobuf-c/protobuf-c.h>

#include "collector/origin.h"
#include "collector/sink.h"
#include "collector/sums.h"

struct output {
    struct sink sink;
};

/* As sink_begin. */
void output_begin(struct output *output, FILE *file);
/* `end` becomes readable once the program has to end: then no line is waited for without end. */
void output_ends_with(struct output *output, int end);

struct output_request {
    struct timespec received; /* wall clock */
    const char *peer;         /* "127.0.0.1:1234" */
    uint64_t stream;          /* number in this process */
    uint64_t message;         /* number in the stream, from 1 */
    const struct origin *origin;
    const char *node_id, *node_cluster; /* the stream's; NULL: no message had one */
    const ProtobufCMessage *request;
};

/* {"received": …, "peer": …, "stream": N, "message": N, "origin": {"run": …, "stream": N, "resent":
 * {"stream": N, "report": N}}, "node": {"id", "cluster"}, "unknown_fields": N, "request": {…}}; origin
 * only where a run is told, in it resent only where something is; node only where it is known and the
 * request has none; unknown_fields only where there are any. 0; -ENOMEM: nothing written; or as
 * sink_line. */
int output_request(struct output *output, const struct output_request *line);
/* {"sums": {"node": {"id", "cluster"}, "cluster": name, …}}, counts as numbers, at most
 * INT64_MAX; the row `rest` has "rest": true in the place of node and cluster, and no gauges. */
int output_sums(struct output *output, const struct sums_row *row);
