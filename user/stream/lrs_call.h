/* How a StreamLoadStats call begins: the HTTP/2 session with its SETTINGS, and the request's headers.
 *
 * Request headers: RFC 9113, 8.3.1, and "gRPC over HTTP2", Requests. As Envoy does, there is no
 * grpc-timeout, and the request is never half-closed. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "stream/lrs_stream.h"

#define LRS_METADATA_MAX 100

/* Queues the connection's SETTINGS. `arg` is for the callbacks. 0, -ENOMEM. */
int lrs_call_session(const nghttp2_session_callbacks *callbacks, void *arg, nghttp2_session **out);
/* Queues the request, whose messages come from `messages`. Returns the stream's id; -EINVAL: over
 * LRS_METADATA_MAX of initial metadata; -ENOMEM. */
int32_t lrs_call_request(nghttp2_session *session, const struct lrs_stream_options *options,
                         const nghttp2_data_provider *messages);
