#include "grpc/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ALLOCATION 1024

void grpc_frame_prefix(uint32_t length, uint8_t out[GRPC_FRAME_PREFIX])
{
    out[0] = 0;
    out[1] = (uint8_t)(length >> 24);
    out[2] = (uint8_t)(length >> 16);
    out[3] = (uint8_t)(length >> 8);
    out[4] = (uint8_t)length;
}

uint32_t grpc_frame_length(const uint8_t prefix[GRPC_FRAME_PREFIX])
{
    return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
           prefix[4];
}

void grpc_frame_decoder_init(struct grpc_frame_decoder *decoder, size_t limit,
                             grpc_frame_message_fn *on_message, void *arg)
{
    *decoder = (struct grpc_frame_decoder){.limit = limit, .on_message = on_message, .arg = arg};
}

void grpc_frame_decoder_clear(struct grpc_frame_decoder *decoder)
{
    free(decoder->buffer);
    decoder->buffer = NULL;
    decoder->allocated = 0;
    decoder->have = 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int take_prefix(struct grpc_frame_decoder *decoder, const uint8_t *bytes, size_t count)
{
    const uint8_t *prefix = decoder->prefix;

    memcpy(decoder->prefix + decoder->have, bytes, count);
    decoder->have += count;
    if (decoder->have < GRPC_FRAME_PREFIX)
        return 0;
    if (prefix[0] != 0)
        return -EPROTO;
    decoder->length = grpc_frame_length(prefix);
    return decoder->length > decoder->limit ? -EMSGSIZE : 0;
}

/* Room for `size` bytes, which have come: doubled, but no more than the message needs. */
static int reserve(struct grpc_frame_decoder *decoder, size_t size)
{
    size_t wanted = decoder->allocated ? decoder->allocated : FIRST_ALLOCATION;
    uint8_t *larger;

    if (size <= decoder->allocated)
        return 0;
    while (wanted < size)
        wanted *= 2;
    wanted = smaller(wanted, decoder->length);
    larger = realloc(decoder->buffer, wanted);
    if (!larger)
        return -ENOMEM;
    decoder->buffer = larger;
    decoder->allocated = wanted;
    return 0;
}

static int keep(struct grpc_frame_decoder *decoder, const uint8_t *bytes, size_t count)
{
    size_t held = decoder->have - GRPC_FRAME_PREFIX;
    int err = reserve(decoder, held + count);

    if (err)
        return err;
    memcpy(decoder->buffer + held, bytes, count);
    decoder->have += count;
    return 0;
}

static int hand_out(struct grpc_frame_decoder *decoder, const uint8_t *message)
{
    int err = decoder->on_message(decoder->arg, message, decoder->length);

    grpc_frame_decoder_clear(decoder);
    return err < 0 ? err : 0;
}

/* Takes what belongs to the message under way and hands it out once it is whole. */
static int take_body(struct grpc_frame_decoder *decoder, const uint8_t *bytes, size_t count)
{
    int err;

    if (count == decoder->length) /* whole in one piece: no copy */
        return hand_out(decoder, bytes);
    if (count == 0)
        return 0;
    err = keep(decoder, bytes, count);
    if (err || decoder->have < GRPC_FRAME_PREFIX + (size_t)decoder->length)
        return err;
    return hand_out(decoder, decoder->buffer);
}

/* One step: a piece of the prefix (and, once that is whole, of what follows it) or of the message.
 * Returns the bytes taken, or an error. */
static int step(struct grpc_frame_decoder *decoder, const uint8_t *bytes, size_t count,
                size_t *taken)
{
    size_t prefix = 0, body;
    int err;

    if (decoder->have < GRPC_FRAME_PREFIX) {
        prefix = smaller(count, GRPC_FRAME_PREFIX - decoder->have);
        err = take_prefix(decoder, bytes, prefix);
        if (err || decoder->have < GRPC_FRAME_PREFIX) {
            *taken = prefix;
            return err;
        }
    }
    body = smaller(count - prefix, decoder->length - (decoder->have - GRPC_FRAME_PREFIX));
    *taken = prefix + body;
    return take_body(decoder, bytes + prefix, body);
}

int grpc_frame_decoder_feed(struct grpc_frame_decoder *decoder, const uint8_t *bytes, size_t count)
{
    while (!decoder->error && count > 0) {
        size_t taken = 0;

        decoder->error = step(decoder, bytes, count, &taken);
        bytes += taken;
        count -= taken;
    }
    return decoder->error;
}

bool grpc_frame_decoder_at_boundary(const struct grpc_frame_decoder *decoder)
{
    return decoder->have == 0;
}
