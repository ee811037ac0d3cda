/* gRPC length-prefixed messages, the bodies of gRPC streams in both directions: one byte that says
 * whether the message is compressed, its length in four bytes (big endian), the message ("gRPC over
 * HTTP2", Length-Prefixed-Message). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_FRAME_PREFIX 5

/* Writes the prefix of an uncompressed message. */
void grpc_frame_prefix(uint32_t length, uint8_t out[GRPC_FRAME_PREFIX]);

/* The length that such a prefix tells. */
uint32_t grpc_frame_length(const uint8_t prefix[GRPC_FRAME_PREFIX]);

/* One whole message, which lives until the callback returns. Any value below 0 stops the decoder.
 * The callback must not feed or free the decoder. */
typedef int grpc_frame_message_fn(void *arg, const uint8_t *message, size_t length);

/* Takes a stream's bytes, cut anywhere. Memory follows the bytes that came, never the length that
 * the peer claims: at most twice the bytes of the message under way, and never more than `limit`.
 */
struct grpc_frame_decoder {
    size_t limit;
    grpc_frame_message_fn *on_message;
    void *arg;
    uint8_t prefix[GRPC_FRAME_PREFIX];
    size_t have;      /* bytes of the prefix, then of prefix and message together */
    uint32_t length;  /* of the message under way; known once the prefix is whole */
    uint8_t *buffer;  /* NULL unless a message was cut */
    size_t allocated; /* size of `buffer` */
    int error;        /* the first one; the decoder takes nothing more */
};

/* A message longer than `limit` bytes is refused as soon as its prefix is known. */
void grpc_frame_decoder_init(struct grpc_frame_decoder *decoder, size_t limit,
                             grpc_frame_message_fn *on_message, void *arg);
/* Frees what it holds, not the decoder itself, which may be initialised again. */
void grpc_frame_decoder_clear(struct grpc_frame_decoder *decoder);

/* 0; -EPROTO: compressed flag not 0 (no encoding was offered); -EMSGSIZE: over the limit; -ENOMEM;
 * or what the callback returned. After an error each call returns the same error. */
int grpc_frame_decoder_feed(struct grpc_frame_decoder *decoder, const uint8_t *bytes, size_t count);
/* False where the stream ended inside a message. */
bool grpc_frame_decoder_at_boundary(const struct grpc_frame_decoder *decoder);
