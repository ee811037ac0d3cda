/* The messages of one call that go out together, side by side, each behind its prefix (frame.h): who makes
 * them hands them on, with their memory, to who sends them, so that megabytes are written once. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* On the heap, which keeps the memory for the next ones: taking megabytes from the system anew costs more
 * than to write them. */
struct grpc_messages { /* all zero: none */
    uint8_t *bytes;
    size_t length, room;
    size_t begin; /* of the last one's prefix */
    size_t count;
};

/* Room for so many more bytes at `bytes + length`; who has written some of them adds to `length`. 0, -ENOMEM:
 * nothing has changed. */
int grpc_messages_reserve(struct grpc_messages *messages, size_t size);
/* One more message, empty as yet. 0, -ENOMEM. */
int grpc_messages_begin(struct grpc_messages *messages);
/* How long the last one is by now. */
size_t grpc_messages_size(const struct grpc_messages *messages);
/* It is whole. 0, -EMSGSIZE: it has over 4 GiB. */
int grpc_messages_end(struct grpc_messages *messages);
/* One more, as it is. 0; -ENOMEM, -EMSGSIZE: nothing has changed. */
int grpc_messages_add(struct grpc_messages *messages, const uint8_t *bytes, size_t length);
void grpc_messages_clear(struct grpc_messages *messages);

/* The whole message at `*at`, which begins with 0 and is then at the next one; NULL behind the last. */
const uint8_t *grpc_messages_next(const struct grpc_messages *messages, size_t *at, size_t *length);
