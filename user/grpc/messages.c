#include "grpc/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/frame.h"

int grpc_messages_reserve(struct grpc_messages *messages, size_t size)
{
    size_t needed = messages->length + size, twice = 2 * messages->room;
    size_t room = needed > twice ? needed : twice;
    uint8_t *bytes;

    if (needed <= messages->room)
        return 0;
    bytes = realloc(messages->bytes, room);
    if (!bytes)
        return -ENOMEM;
    messages->bytes = bytes;
    messages->room = room;
    return 0;
}

int grpc_messages_begin(struct grpc_messages *messages)
{
    if (grpc_messages_reserve(messages, GRPC_FRAME_PREFIX))
        return -ENOMEM;
    messages->begin = messages->length;
    messages->length += GRPC_FRAME_PREFIX;
    messages->count++;
    return 0;
}

size_t grpc_messages_size(const struct grpc_messages *messages)
{
    return messages->length - messages->begin - GRPC_FRAME_PREFIX;
}

int grpc_messages_end(struct grpc_messages *messages)
{
    size_t size = grpc_messages_size(messages);

    if (size > UINT32_MAX)
        return -EMSGSIZE;
    grpc_frame_prefix((uint32_t)size, messages->bytes + messages->begin);
    return 0;
}

int grpc_messages_add(struct grpc_messages *messages, const uint8_t *bytes, size_t length)
{
    if (length > UINT32_MAX)
        return -EMSGSIZE;
    if (grpc_messages_reserve(messages, GRPC_FRAME_PREFIX + length))
        return -ENOMEM;
    grpc_messages_begin(messages);
    if (length > 0)
        memcpy(messages->bytes + messages->length, bytes, length);
    messages->length += length;
    return grpc_messages_end(messages);
}

void grpc_messages_clear(struct grpc_messages *messages)
{
    free(messages->bytes);
    *messages = (struct grpc_messages){0};
}

const uint8_t *grpc_messages_next(const struct grpc_messages *messages, size_t *at, size_t *length)
{
    const uint8_t *prefix;

    if (*at == messages->length)
        return NULL;
    prefix = messages->bytes + *at;
    *length = grpc_frame_length(prefix);
    *at += GRPC_FRAME_PREFIX + *length;
    return prefix + GRPC_FRAME_PREFIX;
}
