/* What a stream says of itself in the headers of its request, so that a receiver that knows nothing
 * but what it wrote down counts each load once; configs/README.md has the whole promise. Any other
 * server ignores them ("gRPC over HTTP2", Custom-Metadata).
 *
 *   loadtap-run: 9f86d081884c7d65   this run of the daemon; random
 *   loadtap-stream: 7               the stream in this run; grows from 1 on
 *   loadtap-resent: 6.12            not there where all reports of earlier streams are confirmed
 *
 * Let a report be named by its stream and, from 1 on, its message on that stream. `6.12` says: of
 * each cluster, the first report on this stream covers again what reports from 6.12 on, up to the end
 * of the stream before, said of it. A cluster's first report is its entries up to the first one that
 * has a load_report_interval (packing.h says why there may be some without before it).
 *
 * So a receiver leaves out each earlier entry of a cluster that is covered again by a first report
 * that has come; in whatever order, and by whatever of many servers, they were written down. */
#pragma once

#include <stdint.h>

#include "base/contract.h"

struct delivery {
    uint64_t run, stream;
    uint64_t resent_stream, resent_report; /* 0: nothing is sent again */
};
