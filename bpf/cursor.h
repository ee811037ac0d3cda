/* Each TCP byte is looked at once: a cursor over sequence numbers (RFC 9293, 3.4: they wrap, so
 * only differences mean anything). Pure. */
#pragma once

#include "window.h"

enum cursor_verdict {
    CURSOR_OLD,   /* nothing new: a retransmission */
    CURSOR_NEW,   /* new from byte `*skip` of the segment on */
    CURSOR_AHEAD, /* begins `*skip` bytes behind the cursor's next: a hole lies before it */
};

pure enum cursor_verdict cursor_look(__u32 next, __u32 sequence, __u32 length, __u32 *skip)
{
    __s32 ahead = (__s32)(sequence - next);

    if (ahead > 0) {
        *skip = (__u32)ahead;
        return CURSOR_AHEAD;
    }
    *skip = next - sequence;
    return *skip < length ? CURSOR_NEW : CURSOR_OLD;
}
