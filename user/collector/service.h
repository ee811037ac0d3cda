/* What is done with a LoadStatsRequest: decoded, written as a line, added to the sums and to what
 * /metrics shows. [protobuf-c] */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#include "collector/origin.h"
#include "collector/output.h"
#include "collector/parts.h"
#include "collector/settings.h"
#include "collector/sums.h"
#include "collector/totals.h"

/* The status codes that the collector gives ("gRPC status codes", grpc/grpc doc/statuscodes.md). */
enum grpc_status {
    GRPC_OK = 0,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
};

#define SERVICE_MESSAGE_MAX (16u << 20)      /* bytes of one request */
#define SERVICE_HELD_MAX ((size_t)256 << 20) /* bytes of all requests that are half received */
#define SERVICE_NODE_TEXT_MAX 4096           /* bytes of a node's id, and of its cluster */
#define SERVICE_SUMS_ROWS 16384              /* pairs of node and cluster */
#define SERVICE_SUMS_TEXT ((size_t)16 << 20) /* bytes of their names */
#define SERVICE_NESTING 100                  /* messages inside messages; protobuf's own limit */
#define SERVICE_FIELDS ((uint64_t)1 << 20)   /* fields of one request */

struct service {
    struct output output;
    const struct settings *settings; /* the caller's, who may replace them */
    struct sums *sums;
    struct totals *totals; /* the caller's; NULL: nobody asks for them */
    uint64_t streams;      /* opened so far; the newest one's number */
    size_t open;           /* of them */
    uint64_t messages, message_bytes;
    uint64_t refused;                 /* messages, of those */
    size_t held;                      /* bytes that half received requests occupy */
    LIST_HEAD(, load_stream) holders; /* the streams that hold them */
    int output_error;                 /* the first one, -errno */
    size_t sums_lost;                 /* lines of sums that could not be written */
    bool sums_full;                   /* the row `rest` is in use, and that was said */
};

/* Who speaks on a stream. Clients of gRPC's own libraries name the node only once (first message),
 * so it is kept. */
struct service_peer {
    const char *address; /* the connection's */
    uint64_t stream, messages;
    struct origin origin;
    char *node_id, *node_cluster; /* NULL until a message had them */
    bool renamed;                 /* by the newest message */
    struct totals_gauges gauges;
    struct parts parts;
};

/* 0 or -ENOMEM. `output` and `settings` stay the caller's. */
int service_init(struct service *service, FILE *output, const struct settings *settings);
void service_clear(struct service *service);

/* One request of `peer`. GRPC_OK: it is written down. Otherwise the stream must end with that status:
 * what was wrong has been logged, and nothing of the message was counted. */
enum grpc_status service_message(struct service *service, struct service_peer *peer,
                                 const uint8_t *bytes, size_t length);
/* What the peer is to be asked for, once it has sent a message; as settings_answer. */
struct answer *service_answer(const struct service *service, const struct service_peer *peer);
/* The stream has ended. */
void service_peer_clear(struct service *service, struct service_peer *peer);

/* Writes the sums. 0, or the first error that any line met, so that a caller knows of lost ones. */
int service_finish(struct service *service);
