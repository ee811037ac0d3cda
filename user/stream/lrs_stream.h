/* The client's side of one StreamLoadStats call on an HTTP/2 connection of its own, without the
 * socket: bytes of the connection go in and come out, messages go in and come out. As Envoy does,
 * messages may be sent before the response headers have come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "grpc/messages.h"

#define LRS_MESSAGE_MAX (4u << 20) /* bytes of a response; the usual limit of gRPC clients */
#define LRS_MARKS_MAX 16           /* marked messages whose confirmation is awaited */

/* A name that ends in "-bin" has its value already in base64. */
struct lrs_metadata {
    const char *name, *value;
};

/* Called from within lrs_stream_receive alone. They may send; they must not free the stream. */
struct lrs_stream_events {
    void (*message)(void *arg, const uint8_t *message, size_t length);
    /* Everything up to and with the oldest marked message not confirmed yet has reached the peer's
     * HTTP/2 stack. One event for each marked message, in their order, behind the messages of the
     * same bytes; none where these break HTTP/2, as by acknowledging what was never sent. None is behind
     * the stream's end in those bytes: the peer may have dropped the message. */
    void (*confirmed)(void *arg);
    void *arg;
};

struct lrs_stream_options {
    const char *authority;
    bool is_encrypted; /* what its :scheme says */
    const char *user_agent;
    const struct lrs_metadata *metadata; /* initial metadata */
    size_t metadata_count;
    struct lrs_stream_events events;
};

struct lrs_stream;

/* Copies what the options point to. 0; -ENOMEM; -EINVAL: too many header fields to be sent. */
int lrs_stream_new(const struct lrs_stream_options *options, struct lrs_stream **out);
void lrs_stream_free(struct lrs_stream *stream);

/* Takes messages, with their memory, at least one. Where marked, they are followed, once their last byte
 * was handed out, by an empty SETTINGS frame: what precedes a SETTINGS frame has been received when its
 * acknowledgement comes (RFC 9113, 6.5.3: "in the order received"), and a server's ping limits do not apply
 * to it. 0; -EAGAIN: those of the call before did not all go out yet, or LRS_MARKS_MAX confirmations
 * are awaited; -EPIPE: the stream has ended. Then they stay the caller's. */
int lrs_stream_send(struct lrs_stream *stream, struct grpc_messages *messages, bool mark);

/* Queues a PING, whose answer shows that the peer's HTTP/2 stack lives. After the stream's end
 * nothing happens. 0, -ENOMEM. */
int lrs_stream_ping(struct lrs_stream *stream);
bool lrs_stream_awaits_pong(const struct lrs_stream *stream); /* of any PING */
/* The peer goes away because of our PINGs (grpc-go says it after the fourth where they come more
 * often than it was told to allow, every 5 minutes unless configured). */
bool lrs_stream_pinged_too_often(const struct lrs_stream *stream);

/* Does the peer owe something: to acknowledge SETTINGS, or to take the rest of a message? And what grows
 * whenever it does some of that; while SETTINGS are not acknowledged only by such, as the windows of a
 * peer that is dead have room for many small messages. */
bool lrs_stream_is_owed(const struct lrs_stream *stream);
uint64_t lrs_stream_progress(const struct lrs_stream *stream);
/* How many frames the peer has begun. */
uint64_t lrs_stream_frames(const struct lrs_stream *stream);

/* Bytes that came from the peer, cut anywhere. Look at lrs_stream_end and lrs_stream_output after
 * it. */
void lrs_stream_receive(struct lrs_stream *stream, const uint8_t *bytes, size_t count);
/* The peer closed the connection. */
void lrs_stream_receive_eof(struct lrs_stream *stream);

/* The next bytes for the peer, at most a frame; they live until the next call on this stream.
 * Returns their count, 0 for none. */
size_t lrs_stream_output(struct lrs_stream *stream, const uint8_t **bytes);

/* NULL while the stream lives, else why it ended, for a person: "management server ended the
 * stream: UNAVAILABLE (14): try later". */
const char *lrs_stream_end(const struct lrs_stream *stream);
