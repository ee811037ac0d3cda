/* The messages of one call that go out on a stream, and the SETTINGS whose acknowledgement confirms them.
 * Pure.
 *
 *   none --put--> waiting --take, as the peer's windows allow--> last byte taken --sent--> none
 *                                             and if marked: SETTINGS go out --ack--> confirmed
 *
 * The first SETTINGS of all are the connection's own, which confirm nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/messages.h"

struct outbox {
    struct grpc_messages messages;
    size_t taken; /* bytes of them */
    bool is_marked;
    unsigned unconfirmed;  /* marks whose SETTINGS went out, or will behind `messages` */
    unsigned acknowledged; /* of them, but not confirmed yet */
    bool is_greeted;       /* the connection's own SETTINGS are acknowledged */
    uint64_t progress;     /* see lrs_stream_progress() */
};

/* As lrs_stream_send(). 0, -EAGAIN. */
int outbox_put(struct outbox *outbox, struct grpc_messages *messages, bool mark);
/* Takes the next bytes, at most `room`, for a frame. Returns their count, 0 for none. */
size_t outbox_take(struct outbox *outbox, size_t room);
/* The last `count` that were taken. They live until outbox_sent(). */
const uint8_t *outbox_taken(const struct outbox *outbox, size_t count);
/* That frame is out. True: it was the last of the messages, they were marked, and SETTINGS have to follow. */
bool outbox_sent(struct outbox *outbox);
/* The peer acknowledged SETTINGS. */
void outbox_acknowledge(struct outbox *outbox);
/* True as often as there are acknowledged marks. */
bool outbox_confirm(struct outbox *outbox);
/* Does the peer owe something: to take bytes, or to acknowledge SETTINGS? */
bool outbox_is_owed(const struct outbox *outbox);
void outbox_clear(struct outbox *outbox);
