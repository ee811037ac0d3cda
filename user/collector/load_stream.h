/* One HTTP/2 stream of a client: its request headers, its gRPC messages, the answer, the status it
 * ends with. Knows no HTTP/2 library; its owner carries the bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/service.h"
#include "grpc/frame.h"

/*            request headers
 *   NEW ──────────────────────────► OPEN        StreamLoadStats, content type gRPC
 *    │                               │ first message, other settings, another
 *    │                               │ node: an answer becomes readable
 *    │ not gRPC (415),               │ client's end of stream, a refused message,
 *    │ or another path               │ load_stream_end()
 *    ▼                               ▼
 *   REFUSED (headers only)          ENDED       after the answer's bytes: trailers with status
 */
enum load_stream_state {
    LOAD_STREAM_NEW,
    LOAD_STREAM_OPEN,
    LOAD_STREAM_REFUSED,
    LOAD_STREAM_ENDED,
};

struct load_stream {
    enum load_stream_state state;
    struct service *service;
    struct service_peer peer;
    bool is_load_report; /* :path is the method's */
    bool is_grpc;        /* by content-type */
    struct grpc_frame_decoder decoder;
    size_t held; /* of service->held */
    LIST_ENTRY(load_stream) holder;
    struct answer *answer;   /* the newest that was begun to be read; NULL before the first */
    size_t answer_left;      /* its bytes that were not read yet */
    struct answer *next;     /* for after it; NULL: none */
    enum grpc_status status; /* meant in REFUSED and ENDED */
    const char *reason;      /* for grpc-message; static text; "" for none */
};

/* `address` (the client's) must outlive the stream. */
void load_stream_init(struct load_stream *stream, struct service *service, const char *address);
void load_stream_clear(struct load_stream *stream);

/* NEW: one request header, in any order. */
void load_stream_header(struct load_stream *stream, const uint8_t *name, size_t name_length,
                        const uint8_t *value, size_t value_length);
/* NEW: the headers are whole. Returns the HTTP status to answer with: 200 (with grpc-status at once
 * where the state is REFUSED) or 415. */
unsigned load_stream_open(struct load_stream *stream);
/* Bytes from the client, cut anywhere; ignored unless OPEN. */
void load_stream_data(struct load_stream *stream, const uint8_t *bytes, size_t count);
/* The client sends nothing more; ignored unless OPEN. */
void load_stream_half_closed(struct load_stream *stream);
/* The collector ends it; ignored unless OPEN. */
void load_stream_end(struct load_stream *stream, enum grpc_status status, const char *reason);
/* OPEN: the settings are other ones; a client that was asked for something else is asked anew. */
void load_stream_ask_again(struct load_stream *stream);
/* Up to `size` bytes for the client. 0: none now, and no more ever where the state is ENDED. */
size_t load_stream_read(struct load_stream *stream, uint8_t *out, size_t size);
