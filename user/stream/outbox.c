#include "stream/outbox.h"

#include <errno.h>

#include "stream/lrs_stream.h"

int outbox_put(struct outbox *outbox, struct grpc_messages *messages, bool mark)
{
    if (outbox->messages.count || (mark && outbox->unconfirmed == LRS_MARKS_MAX))
        return -EAGAIN;
    outbox->messages = *messages;
    *messages = (struct grpc_messages){0};
    outbox->is_marked = mark;
    outbox->unconfirmed += mark;
    return 0;
}

/* An acknowledgement of SETTINGS that went out, or are about to. */
static bool awaits_settings(const struct outbox *outbox)
{
    unsigned later = outbox->messages.count && outbox->is_marked; /* behind the message */

    return !outbox->is_greeted || outbox->unconfirmed > later;
}

size_t outbox_take(struct outbox *outbox, size_t room)
{
    size_t count = outbox->messages.length - outbox->taken;

    if (count == 0)
        return 0;
    if (count > room)
        count = room;
    outbox->taken += count;
    outbox->progress += !awaits_settings(outbox);
    return count;
}

const uint8_t *outbox_taken(const struct outbox *outbox, size_t count)
{
    return outbox->messages.bytes + outbox->taken - count;
}

bool outbox_sent(struct outbox *outbox)
{
    if (!outbox->messages.count || outbox->taken < outbox->messages.length)
        return false;
    grpc_messages_clear(&outbox->messages);
    outbox->taken = 0;
    return outbox->is_marked;
}

void outbox_acknowledge(struct outbox *outbox)
{
    outbox->progress++;
    if (outbox->is_greeted)
        outbox->acknowledged++;
    outbox->is_greeted = true;
}

bool outbox_confirm(struct outbox *outbox)
{
    if (outbox->acknowledged == 0)
        return false;
    outbox->acknowledged--;
    outbox->unconfirmed--;
    return true;
}

bool outbox_is_owed(const struct outbox *outbox)
{
    return outbox->messages.count || awaits_settings(outbox);
}

void outbox_clear(struct outbox *outbox)
{
    grpc_messages_clear(&outbox->messages);
}
