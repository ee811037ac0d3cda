/* The gRPC decoder fed with anything, cut anywhere: the same messages come out as in one piece. */
#include <stdlib.h>

#include "grpc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
    uint64_t value;
    unsigned messages;
};

static int digest_message(void *arg, const uint8_t *message, size_t length)
{
    struct digest *digest = arg;

    for (size_t i = 0; i < length; i++)
        digest->value = (digest->value ^ message[i]) * 1099511628211u;
    digest->value = (digest->value ^ length) * 1099511628211u;
    digest->messages++;
    return 0;
}

static int decode(const uint8_t *data, size_t size, size_t piece, struct digest *digest)
{
    struct grpc_frame_decoder decoder;
    int err = 0;

    grpc_frame_decoder_init(&decoder, 4096, digest_message, digest);
    for (size_t at = 0; at < size && !err; at += piece)
        err = grpc_frame_decoder_feed(&decoder, data + at, size - at < piece ? size - at : piece);
    grpc_frame_decoder_clear(&decoder);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest whole = {0}, cut = {0};

    if (size < 2)
        return 0;
    if (decode(data + 1, size - 1, size, &whole) != decode(data + 1, size - 1, data[0] + 1u, &cut))
        abort();
    if (whole.value != cut.value || whole.messages != cut.messages)
        abort();
    return 0;
}
