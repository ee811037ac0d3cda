#include "stream/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "grpc/frame.h"
#include "stream/lrs_stream.h"

int outbox_put(struct outbox *outbox, const uint8_t *messages, const size_t *ends, size_t count,
               bool mark)
{
    int err;

    if (outbox->bytes || (mark && outbox->unconfirmed == LRS_MARKS_MAX))
        return -EAGAIN;
    err = grpc_frame_join(messages, ends, count, &outbox->bytes, &outbox->length);
    if (err)
        return err;
    outbox->is_marked = mark;
    outbox->unconfirmed += mark;
    return 0;
}

/* An acknowledgement of SETTINGS that went out, or are about to. */
static bool awaits_settings(const struct outbox *outbox)
{
    unsigned later = outbox->bytes && outbox->is_marked; /* behind the message */

    return !outbox->is_greeted || outbox->unconfirmed > later;
}

size_t outbox_take(struct outbox *outbox, uint8_t *out, size_t room)
{
    size_t count = outbox->length - outbox->taken;

    if (count == 0)
        return 0;
    if (count > room)
        count = room;
    memcpy(out, outbox->bytes + outbox->taken, count);
    outbox->taken += count;
    outbox->progress += !awaits_settings(outbox);
    return count;
}

bool outbox_sent(struct outbox *outbox)
{
    if (!outbox->bytes || outbox->taken < outbox->length)
        return false;
    free(TAKE(outbox->bytes));
    outbox->length = outbox->taken = 0;
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
    return outbox->bytes || awaits_settings(outbox);
}

void outbox_clear(struct outbox *outbox)
{
    free(TAKE(outbox->bytes));
}
