/* Working memory of one look at a packet. Pure. */
#pragma once

#include "http2_memo.h"
#include "place.h"

struct scratch {
    __u32 claimed;
    struct tally tally;
    struct place place;
    struct window window;
    struct memos memos; /* outlives the look */
};
