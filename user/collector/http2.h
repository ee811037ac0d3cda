/* The server's end of one HTTP/2 connection: bytes in, load_streams, bytes out; no I/O. [nghttp2]
 * What a client may use is bounded here (RFC 9113, section 10.5).
 *
 * A SETTINGS frame is acknowledged only where all that the client sent in streams before it was taken by
 * load_stream, and so is written down (user/report/delivery.h rests on that). Where some of it was thrown
 * away, none is from there on; RFC 9113, 6.5.3, lets a client that waits for one end the connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/service.h"

#define HTTP2_STREAMS 100             /* at once */
#define HTTP2_REFUSED 200             /* beyond them, until the connection ends */
#define HTTP2_WINDOW (1 << 20)        /* bytes under way, of one stream and of all of them */
#define HTTP2_HEADER_BYTES (16 << 10) /* of one request's header list */

struct http2;

/* `address` (the client's, for the log and the lines) is copied. NULL: out of memory. */
struct http2 *http2_new(struct service *service, const char *address);
void http2_free(struct http2 *http2);

/* Bytes from the client, cut anywhere. 0; -EPROTO: not HTTP/2, or floods; -ENOMEM. After an error
 * only http2_error and http2_free make sense. */
int http2_receive(struct http2 *http2, const uint8_t *bytes, size_t count);
/* The next bytes for the client, valid until the next call: their count, 0 for none now, or
 * -EPROTO, -ENOMEM. */
ssize_t http2_send(struct http2 *http2, const uint8_t **bytes);
/* The settings are other ones: clients that were asked for something else are asked anew. */
void http2_ask_again(struct http2 *http2);
/* Ends all streams as UNAVAILABLE and says GOAWAY (both still to be sent). */
void http2_end(struct http2 *http2);

/* Nothing is to be read or sent any more. */
bool http2_is_done(const struct http2 *http2);
bool http2_had_request(const struct http2 *http2);
/* What the client did wrong, "" for nothing. */
const char *http2_error(const struct http2 *http2);
